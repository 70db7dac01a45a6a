"""Reading back what was stored, after fsync, from the file and not from memory.

Every file is hashed as it was read back. That each part is what was written shows its CRC-32: hashing it once more cost
4 % of a backup.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import StoredFile
from pantry_tui.artifact.segment import Run, checksum
from pantry_tui.errors import BackupDamagedError

SETTLE_BYTES = 8 * 1024 * 1024
_PIECE = 256 * 1024


class _StoppedError(Exception):
    """Nobody waits for the result any more."""


class ReadBack:
    """Reads a file of the artifact back while it is still being written, in threads, each part after it was made durable.

    Parts are announced when they are written; they are read in the order in which they lie.
    """

    def __init__(self, directory: Path, name: str) -> None:
        """``name`` is the file's within the backup's directory."""
        self._path = directory / name
        self._name = name
        self._written: dict[int, Run] = {}  # by offset, those behind a gap
        self._ready: list[Run] = []
        self._end = 0  # of what is ready or read
        self._digest = hashlib.sha256()
        self._reading: asyncio.Future[None] | None = None
        self._stop = Event()

    def wrote(self, run: Run) -> None:
        """Bytes were written. Raises `BackupDamagedError` when some that were read back are not what was written."""
        self._written[run.offset] = run
        while (following := self._written.pop(self._end, None)) is not None:
            self._ready.append(following)
            self._end += following.length
        idle = self._reading is None or self._reading.done()
        if idle and sum(run.length for run in self._ready) >= SETTLE_BYTES:
            self._start()

    async def finish(self) -> StoredFile:
        """Reads the rest. Raises `BackupDamagedError`, `StorageError`."""
        if self._reading is not None:
            await asyncio.shield(self._reading)  # cancelled, the thread would go on, and `abandon` not know of it
        self._start()
        if self._reading is not None:
            await asyncio.shield(self._reading)
        with storage_errors(self._path, "reading the backup back"):
            size = self._path.lstat().st_size
        if self._written or size != self._end:
            raise BackupDamagedError(
                f"{self._path}: the file is not as long as what was written", remedy="check the disk"
            )
        return StoredFile(name=self._name, role="artifact", bytes=size, sha256=self._digest.hexdigest())

    async def abandon(self) -> None:
        """Stops reading."""
        self._stop.set()
        if self._reading is not None:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.exception()  # looked at: nobody needs it any more

    def _start(self) -> None:
        if self._reading is not None:
            self._reading.result()
        batch, self._ready = self._ready, []
        self._reading = asyncio.get_running_loop().run_in_executor(None, self._read, batch)

    def _read(self, runs: Sequence[Run]) -> None:
        with storage_errors(self._path, "reading the backup back"), self._path.open("rb", buffering=0) as file:
            os.fsync(file.fileno())
            for run in runs:
                crc32 = 0
                for piece in _pieces(file.fileno(), self._stop, run.offset, run.offset + run.length):
                    crc32 = checksum(piece, crc32)
                    self._digest.update(piece)
                if crc32 != run.crc32:
                    raise BackupDamagedError(
                        f"{self._path}: the storage gave back other bytes at {run.offset:,} than were written there",
                        remedy="check the disk and its file system before taking another backup there",
                    )


async def store_files(directory: Path, files: Sequence[tuple[str, str]]) -> list[StoredFile]:
    """Makes the (name, role) files durable and hashes them. Raises `StorageError`; cancelled, it ends at once."""
    stop = Event()
    try:
        return [await asyncio.to_thread(_store, directory / name, role, stop) for name, role in files]
    finally:
        stop.set()


def _store(path: Path, role: str, stop: Event) -> StoredFile:
    with storage_errors(path, "reading the backup back"), path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        digest = hashlib.sha256()
        length = 0
        for piece in _pieces(file.fileno(), stop):
            digest.update(piece)
            length += len(piece)
    return StoredFile(name=path.name, role=role, bytes=length, sha256=digest.hexdigest())


def _pieces(descriptor: int, stop: Event, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
    """The bytes from ``start`` to ``end``, or to where the file ends; each piece is good until the next is taken."""
    buffer = memoryview(bytearray(_PIECE))
    position = start
    while end is None or position < end:
        if stop.is_set():
            raise _StoppedError
        length = os.preadv(descriptor, [buffer if end is None else buffer[: end - position]], position)
        if not length:
            return
        position += length
        yield buffer[:length]
