"""What was stored is read again, whole, and no longer than somebody waits for it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import StoredFile
from pantry_tui.artifact.segment import Run
from pantry_tui.backup.readback import SETTLE_BYTES, ReadBack, store_files
from pantry_tui.errors import BackupDamagedError, StorageError

MEMBERS = (b"first" * 400_000, b"second" * 10, b"third" * 300_000)  # around the pieces that are read at a time
MEBIBYTE = 1024 * 1024
HUGE = 4096  # MiB, sparse: hashing it takes seconds, stopping it does not


def runs_of(members: Sequence[bytes]) -> list[Run]:
    runs, offset = [], 0
    for member in members:
        runs.append(Run(offset=offset, length=len(member), crc32=zlib.crc32(member)))
        offset += len(member)
    return runs


async def read_back(directory: Path, runs: Sequence[Run]) -> StoredFile:
    back = ReadBack(directory, "a.gz")
    try:
        for run in runs:
            back.wrote(run)
        return await back.finish()
    finally:
        await back.abandon()


async def read(directory: Path, members: Sequence[bytes] = MEMBERS) -> StoredFile:
    return await read_back(directory, runs_of(members))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a.gz").write_bytes(b"".join(MEMBERS))
    (tmp_path / "globals.sql").write_bytes(b"-- globals")
    return tmp_path


async def test_what_is_stored_is_described(directory: Path) -> None:
    whole = b"".join(MEMBERS)
    assert await read(directory) == StoredFile(
        name="a.gz", role="artifact", bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest()
    )
    assert await store_files(directory, [("globals.sql", "globals")]) == [
        StoredFile(name="globals.sql", role="globals", bytes=10, sha256=hashlib.sha256(b"-- globals").hexdigest())
    ]


async def test_segments_may_be_announced_in_any_order(directory: Path) -> None:
    backwards = list(reversed(runs_of(MEMBERS)))
    assert await read_back(directory, backwards) == await read(directory)


async def test_a_gap_is_noticed(directory: Path) -> None:
    first, _, third = runs_of(MEMBERS)
    with pytest.raises(BackupDamagedError, match="not as long as"):
        await read_back(directory, [first, third])


async def test_reading_begins_while_there_is_more_to_come(tmp_path: Path) -> None:
    """What was read early and is damaged ends the backup before the rest is written."""
    (tmp_path / "a.gz").write_bytes(bytes(SETTLE_BYTES))
    back = ReadBack(tmp_path, "a.gz")
    back.wrote(Run(offset=0, length=SETTLE_BYTES, crc32=1))
    with pytest.raises(BackupDamagedError):
        await back.finish()
    await back.abandon()


async def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere"):
        await store_files(tmp_path, [("nowhere", "globals")])


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
        zeros = zlib.crc32(bytes(MEBIBYTE))
        self.directory = directory
        self.runs = [Run(offset=number * MEBIBYTE, length=MEBIBYTE, crc32=zeros) for number in range(HUGE)]
        self.pieces = 0
        self.started = asyncio.Event()
        loop, preadv = asyncio.get_running_loop(), os.preadv

        def counted(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
            self.pieces += 1
            if not self.started.is_set():
                loop.call_soon_threadsafe(self.started.set)
            return preadv(descriptor, buffers, offset)

        monkeypatch.setattr(os, "preadv", counted)

    async def read(self) -> StoredFile:
        return await read_back(self.directory, self.runs)


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


async def test_a_damaged_segment_ends_the_hashing(huge: Counted) -> None:
    huge.runs[0] = Run(offset=0, length=MEBIBYTE, crc32=1)
    with pytest.raises(BackupDamagedError):
        await huge.read()
    assert huge.pieces < HUGE
