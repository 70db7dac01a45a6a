"""What was stored is read again, whole, and no longer than somebody waits for it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import Segment, StoredFile
from pantry_tui.backup import readback
from pantry_tui.backup.readback import read_back
from pantry_tui.errors import BackupDamagedError, StorageError

MEMBERS = (b"first" * 400_000, b"second" * 10, b"third" * 300_000)  # around the pieces that are read at a time
MEBIBYTE = 1024 * 1024
HUGE = 4096  # MiB, sparse: hashing it takes seconds, stopping it does not


def segments_of(members: Sequence[bytes]) -> list[Segment]:
    segments, offset = [], 0
    for member in members:
        digest = hashlib.sha256(member).hexdigest()
        length = len(member)
        segments.append(Segment(section="data", offset=offset, length=length, raw_length=0, sha256=digest))
        offset += length
    return segments


async def read(directory: Path, members: Sequence[bytes] = MEMBERS) -> list[StoredFile]:
    return await read_back(directory, [("a.gz", "artifact"), ("globals.sql", "globals")], segments_of(members))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a.gz").write_bytes(b"".join(MEMBERS))
    (tmp_path / "globals.sql").write_bytes(b"-- globals")
    return tmp_path


async def test_what_is_stored_is_described(directory: Path) -> None:
    whole = b"".join(MEMBERS)
    assert await read(directory) == [
        StoredFile(name="a.gz", role="artifact", bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest()),
        StoredFile(name="globals.sql", role="globals", bytes=10, sha256=hashlib.sha256(b"-- globals").hexdigest()),
    ]


@pytest.mark.parametrize("offset", [0, 1_999_999, 2_000_000, -1])
async def test_other_bytes_are_noticed(directory: Path, offset: int) -> None:
    content = bytearray((directory / "a.gz").read_bytes())
    content[offset] ^= 1
    (directory / "a.gz").write_bytes(content)
    with pytest.raises(BackupDamagedError, match="gave back other bytes at"):
        await read(directory)


async def test_another_length_is_noticed(directory: Path) -> None:
    whole = b"".join(MEMBERS)
    (directory / "a.gz").write_bytes(whole + b"x")
    with pytest.raises(BackupDamagedError, match="not as long as"):
        await read(directory)
    (directory / "a.gz").write_bytes(whole[:-1])
    with pytest.raises(BackupDamagedError, match="gave back other bytes at"):
        await read(directory)


class Counted:
    """Counts what is read of a huge artifact, from the first piece on."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.truncate(directory / "a.gz", HUGE * MEBIBYTE)
        zeros = hashlib.sha256(bytes(MEBIBYTE)).hexdigest()
        self.directory = directory
        self.segments = [
            Segment(section="data", offset=number * MEBIBYTE, length=MEBIBYTE, raw_length=0, sha256=zeros)
            for number in range(HUGE)
        ]
        self.pieces = 0
        self.started = asyncio.Event()
        loop, pread = asyncio.get_running_loop(), os.pread

        def counted(descriptor: int, length: int, offset: int) -> bytes:
            self.pieces += 1
            if not self.started.is_set():
                loop.call_soon_threadsafe(self.started.set)
            return pread(descriptor, length, offset)

        monkeypatch.setattr(os, "pread", counted)

    async def read(self) -> list[StoredFile]:
        return await read_back(self.directory, [("a.gz", "artifact")], self.segments)


@pytest.fixture
async def huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    (tmp_path / "a.gz").touch()
    return Counted(tmp_path, monkeypatch)


async def test_cancelling_ends_the_reading(huge: Counted) -> None:
    reading = asyncio.create_task(huge.read())
    await huge.started.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert huge.pieces < HUGE


async def test_a_file_that_cannot_be_read_ends_the_comparison(huge: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: object) -> StoredFile:
        raise StorageError("the disk is gone")

    monkeypatch.setattr(readback, "_store", failing)
    with pytest.raises(StorageError, match="the disk is gone"):
        await huge.read()
    assert huge.pieces < HUGE


async def test_a_damaged_segment_ends_the_hashing(huge: Counted) -> None:
    huge.segments[0] = Segment(section="data", offset=0, length=MEBIBYTE, raw_length=0, sha256="")
    with pytest.raises(BackupDamagedError):
        await huge.read()
    assert huge.pieces < HUGE
