"""Reading back what was stored: every segment and every file hashed again after fsync, from the file and not from memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import Segment, StoredFile
from pantry_tui.errors import BackupDamagedError
from pantry_tui.together import together

_PIECE = 1024 * 1024


class _StoppedError(Exception):
    """Nobody waits for the result any more."""


async def read_back(directory: Path, files: Sequence[tuple[str, str]], segments: Sequence[Segment]) -> list[StoredFile]:
    """Makes the (name, role) files durable and hashes them; compares every segment with what was meant to be written.

    Raises `BackupDamagedError` when the storage gave back something else, `StorageError`. The threads that read have
    ended when this does; after a failure or a cancellation they read no further than the piece they are at.
    """
    loop, stop = asyncio.get_running_loop(), Event()
    threads = ThreadPoolExecutor(2)

    async def store() -> list[StoredFile]:
        return [await loop.run_in_executor(threads, _store, directory / name, role, stop) for name, role in files]

    async def check() -> list[StoredFile]:
        await loop.run_in_executor(threads, _check_segments, directory / files[0][0], segments, stop)
        return []

    try:
        stored, _ = await together([store(), check()])
    finally:
        stop.set()
        await asyncio.to_thread(threads.shutdown)  # it waits: not in the event loop, an fsync may take long
    return stored


def _pieces(descriptor: int, stop: Event, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes from ``start`` to ``end``, or to where the file ends."""
    position = start
    while end is None or position < end:
        if stop.is_set():
            raise _StoppedError
        piece = os.pread(descriptor, _PIECE if end is None else min(_PIECE, end - position), position)
        if not piece:
            return
        position += len(piece)
        yield piece


def _store(path: Path, role: str, stop: Event) -> StoredFile:
    with storage_errors(path, "reading the backup back"), path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        digest = hashlib.sha256()
        length = 0
        for piece in _pieces(file.fileno(), stop):
            digest.update(piece)
            length += len(piece)
    return StoredFile(name=path.name, role=role, bytes=length, sha256=digest.hexdigest())


def _check_segments(path: Path, segments: Sequence[Segment], stop: Event) -> None:
    with storage_errors(path, "reading the backup back"), path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        expected = 0
        for segment in sorted(segments, key=lambda segment: segment.offset):
            digest = hashlib.sha256()
            for piece in _pieces(file.fileno(), stop, segment.offset, segment.offset + segment.length):
                digest.update(piece)
            if segment.offset != expected or digest.hexdigest() != segment.sha256:
                raise BackupDamagedError(
                    f"{path}: the storage gave back other bytes at {segment.offset:,} than were written there",
                    remedy="check the disk and its file system before taking another backup there",
                )
            expected += segment.length
        if os.fstat(file.fileno()).st_size != expected:
            raise BackupDamagedError(f"{path}: the file is not as long as what was written", remedy="check the disk")
