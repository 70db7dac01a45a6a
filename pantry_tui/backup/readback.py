"""Reading back what was stored, after fsync, from the file and not from memory.

Every file is hashed as it was read back. That each segment is what was written shows its CRC-32: hashing it once more cost
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
from pantry_tui.artifact.manifest import Segment, StoredFile
from pantry_tui.artifact.segment import checksum
from pantry_tui.errors import BackupDamagedError

SETTLE_BYTES = 8 * 1024 * 1024
_PIECE = 256 * 1024


class _StoppedError(Exception):
    """Nobody waits for the result any more."""


class ReadBack:
    """Reads the artifact back while it is still being written, in threads, each part after it was made durable.

    Segments are announced when they have their place; they are read in the order in which they lie. Works on the writer's
    own ``descriptor``: closing another one would drop the locks that the process holds on the file.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path
        self._placed: dict[int, tuple[Segment, int]] = {}  # by offset, those behind a gap; with their CRC-32
        self._ready: list[tuple[Segment, int]] = []
        self._end = 0  # of what is ready or read
        self._digest = hashlib.sha256()
        self._reading: asyncio.Future[None] | None = None
        self._stop = Event()

    def placed(self, segment: Segment, crc32: int) -> None:
        """A segment was written, with that CRC-32.

        Raises `BackupDamagedError` when one that was read back is not what was written.
        """
        self._placed[segment.offset] = (segment, crc32)
        while (following := self._placed.pop(self._end, None)) is not None:
            self._ready.append(following)
            self._end += following[0].length
        idle = self._reading is None or self._reading.done()
        if idle and sum(segment.length for segment, _ in self._ready) >= SETTLE_BYTES:
            self._start()

    async def finish(self) -> StoredFile:
        """Reads the rest. Raises `BackupDamagedError`, `StorageError`."""
        if self._reading is not None:
            await asyncio.shield(self._reading)  # cancelled, the thread would go on, and `abandon` not know of it
        self._start()
        if self._reading is not None:
            await asyncio.shield(self._reading)
        with storage_errors(self._path, "reading the backup back"):
            size = os.fstat(self._descriptor).st_size
        if self._placed or size != self._end:
            raise BackupDamagedError(
                f"{self._path}: the file is not as long as what was written", remedy="check the disk"
            )
        return StoredFile(name=self._path.name, role="artifact", bytes=size, sha256=self._digest.hexdigest())

    async def abandon(self) -> None:
        """Stops reading; to be awaited before the descriptor is closed."""
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

    def _read(self, segments: Sequence[tuple[Segment, int]]) -> None:
        with storage_errors(self._path, "reading the backup back"):
            os.fsync(self._descriptor)
            for segment, expected in segments:
                crc32 = 0
                for piece in _pieces(self._descriptor, self._stop, segment.offset, segment.offset + segment.length):
                    crc32 = checksum(piece, crc32)
                    self._digest.update(piece)
                if crc32 != expected:
                    raise BackupDamagedError(
                        f"{self._path}: the storage gave back other bytes at {segment.offset:,} than were written there",
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
