"""Zip files of pieces: what other programs read of them, and what is refused."""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.segment import Member, MemberWriter
from pantry_tui.artifact.zipping import ZipEntry, directory
from pantry_tui.artifact.zipreading import ReadAt, check_entries, read_directory
from pantry_tui.errors import BackupDamagedError

MODIFIED = datetime(2026, 11, 23, 2, 0, 4, tzinfo=UTC)
CONTENT = {
    "public.contacts.csv": [b"id,name\r\n", b"1,Anna\r\n" * 5000, b'2,"B"""\r\n'],
    "public.empty.csv": [b"id\r\n"],
    "größe.表.csv": [b"a\r\n", b"", b"x" * 100_000],
}


def piece(text: bytes) -> tuple[Member, bytes]:
    writer = MemberWriter(Codec.DEFLATE)
    writer.write(text)
    described, stored = writer.finish()
    return described, b"".join(stored)


def zip_of(content: dict[str, list[bytes]], *, large: bool = False) -> bytes:
    archive = b""
    entries = []
    for name, texts in content.items():
        entry = ZipEntry(name, offset=len(archive), modified=MODIFIED, large=large)
        archive += entry.header
        for text in texts:
            described, stored = piece(text)
            entry.add(described)
            archive += stored
        archive += entry.close()
        entries.append(entry)
    return archive + directory(entries, len(archive))


def reading(archive: bytes) -> ReadAt:
    return lambda offset, length: archive[offset : offset + length]


def names(archive: bytes) -> list[str]:
    return [entry.name for entry in read_directory(reading(archive), len(archive), where="x.zip")]


@pytest.mark.parametrize("large", [False, True])
def test_python_opens_it(large: bool) -> None:
    archive = zip_of(CONTENT, large=large)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            name: b"".join(texts) for name, texts in CONTENT.items()
        }
        assert opened.infolist()[0].date_time == (2026, 11, 23, 2, 0, 4)
        assert opened.infolist()[0].external_attr >> 16 == 0o100600


@pytest.mark.parametrize("large", [False, True])
def test_unzip_opens_it(tmp_path: Path, large: bool) -> None:
    unzip = shutil.which("unzip") or pytest.skip("unzip is not installed")
    (tmp_path / "x.zip").write_bytes(zip_of(CONTENT, large=large))
    tested = subprocess.run([unzip, "-t", "x.zip"], cwd=tmp_path, capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout
    assert "No errors detected" in tested.stdout


def test_no_entries() -> None:
    archive = zip_of({})
    assert names(archive) == []
    assert zipfile.ZipFile(io.BytesIO(archive)).namelist() == []


def test_directory_is_read_back() -> None:
    archive = zip_of(CONTENT)
    entries = read_directory(reading(archive), len(archive), where="x.zip")
    check_entries(entries, {name: len(b"".join(texts)) for name, texts in CONTENT.items()}, where="x.zip")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert [(entry.name, entry.offset, entry.length, entry.crc32) for entry in entries] == [
            (info.filename, info.header_offset, info.compress_size, info.CRC) for info in opened.infolist()
        ]


class SparseFile(io.RawIOBase):
    """A file of zeros with some bytes in it."""

    def __init__(self, parts: dict[int, bytes], size: int) -> None:
        self._parts, self._size, self._at = parts, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        data = self.read_at(self._at, self._size - self._at if size < 0 else size)
        self._at += len(data)
        return data

    def read_at(self, offset: int, length: int) -> bytes:
        data = bytearray(max(0, min(length, self._size - offset)))
        for start, part in self._parts.items():
            begin, end = max(start, offset), min(start + len(part), offset + len(data))
            if begin < end:
                data[begin - offset : end - offset] = part[begin - start : end - start]
        return bytes(data)


@pytest.mark.parametrize("large", [False, True])
def test_entries_beyond_4_gib(large: bool) -> None:
    """Sizes are forged: nobody unpacks them here, but everybody must find the entries."""
    huge = Member(length=5 << 30, raw_length=6 << 30, sha256="", crc32=0, raw_crc32=7)
    parts: dict[int, bytes] = {}
    entries = []
    starts = []
    at = 0
    for name in ("first.csv", "second.csv"):
        entry = ZipEntry(name, offset=at, modified=MODIFIED, large=large)
        entry.add(huge)
        entries.append(entry)
        starts.append(at)
        parts[at] = entry.header
        end = at + len(entry.header) + huge.length
        parts[end] = entry.close()
        at = end + len(parts[end])
    parts[at] = directory(entries, at)
    file = SparseFile(parts, at + len(parts[at]))
    with zipfile.ZipFile(cast("IO[bytes]", file)) as opened:
        found = [(info.filename, info.file_size, info.compress_size, info.header_offset) for info in opened.infolist()]
    size = (5 << 30) + 2
    assert found == [("first.csv", 6 << 30, size, starts[0]), ("second.csv", 6 << 30, size, starts[1])]
    read = read_directory(file.read_at, at + len(parts[at]), where="x.zip")
    assert [(entry.name, entry.raw_length, entry.length, entry.offset) for entry in read] == found


def test_more_entries_than_16_bits_count() -> None:
    entries = []
    archive = bytearray()
    for number in range(66_000):
        entry = ZipEntry(f"t{number}.csv", offset=len(archive), modified=MODIFIED)
        archive += entry.header + entry.close()
        entries.append(entry)
    archive += directory(entries, len(archive))
    assert len(zipfile.ZipFile(io.BytesIO(archive)).namelist()) == 66_000
    assert len(names(bytes(archive))) == 66_000


def renamed(name: str) -> Callable[[bytes], bytes]:
    """In both places, of equal length."""
    return lambda archive: archive.replace(b"public.empty.csv", name.encode())


def forged(field: int, value: int) -> Callable[[bytes], bytes]:
    """A number at that place of the second record of the directory."""

    def forge(archive: bytes) -> bytes:
        at = archive.index(b"PK\1\2", archive.index(b"PK\1\2") + 4)
        return archive[: at + field] + struct.pack("<L", value) + archive[at + field + 4 :]

    return forge


@pytest.mark.parametrize(
    "damage",
    [
        renamed("../empty.csv.csv"),
        renamed("/etc/empty.12345"),
        renamed("public\\empty.csv"),
        renamed("public\nempty.csv"),
        renamed("C:public.empty.c"),
        renamed("public.empty.cs\0"),
        forged(42, 0),  # its header is the first entry's
        forged(20, 1),  # shorter: a gap behind it
        forged(20, 1 << 20),  # longer: over the next one
        forged(24, 1 << 31),  # unpacks to more than what stands behind the data
        forged(8, 0x0809),  # "encrypted"
        forged(16, 1),  # another checksum
        lambda archive: archive[:-1],
        lambda archive: archive + b"\0",
        lambda archive: b"\0" + archive,
        lambda archive: b"MZ" * 40 + archive,
        lambda archive: archive[:-22],
        lambda archive: archive[40:],
        lambda archive: b"",
        lambda archive: archive[:-2] + b"\5\0hello",
    ],
)
def test_refused(damage: Callable[[bytes], bytes]) -> None:
    archive = zip_of(CONTENT)
    damaged = damage(archive)
    assert damaged != archive
    with pytest.raises(BackupDamagedError, match=r"x\.zip"):
        names(damaged)


def test_two_entries_over_each_other_are_refused() -> None:
    """A directory that names one entry many times unpacks a small file to anything."""
    entry = ZipEntry("a.csv", offset=0, modified=MODIFIED)
    described, stored = piece(b"\0" * 1_000_000)
    entry.add(described)
    archive = entry.header + stored + entry.close()
    with pytest.raises(BackupDamagedError, match="does not begin where"):
        names(archive + directory([entry] * 3, len(archive)))


def test_entries_are_compared_with_the_manifest() -> None:
    archive = zip_of(CONTENT)
    entries = read_directory(reading(archive), len(archive), where="x.zip")
    sizes = {name: len(b"".join(texts)) for name, texts in CONTENT.items()}
    for wrong in (
        {**sizes, "public.empty.csv": 3},
        {**sizes, "another.csv": 1},
        {"public.contacts.csv": sizes["public.contacts.csv"]},
    ):
        with pytest.raises(BackupDamagedError):
            check_entries(entries, wrong, where="x.zip")


@given(st.randoms(use_true_random=False))
def test_any_changed_byte_of_the_frame_is_refused_or_harmless(random_numbers: random.Random) -> None:
    """Whatever is changed: nothing is accepted that names other files or other places."""
    archive = bytearray(zip_of(CONTENT))
    whole = read_directory(reading(bytes(archive)), len(archive), where="x.zip")
    at = random_numbers.randrange(len(archive))
    archive[at] ^= 1 << random_numbers.randrange(8)
    try:
        found = read_directory(reading(bytes(archive)), len(archive), where="x.zip")
    except BackupDamagedError:
        return
    assert found == whole


def test_checksum_is_of_the_whole_text() -> None:
    archive = zip_of(CONTENT)
    entry = read_directory(reading(archive), len(archive), where="x.zip")[0]
    assert entry.crc32 == zlib.crc32(b"".join(CONTENT["public.contacts.csv"]))
