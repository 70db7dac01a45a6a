"""Reading back what was stored: every segment and every file hashed again after fsync, from the file and not from memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import Segment, StoredFile
from pantry_tui.errors import BackupDamagedError

_PIECE = 1024 * 1024


async def read_back(directory: Path, files: Sequence[tuple[str, str]], segments: Sequence[Segment]) -> list[StoredFile]:
    """Makes the (name, role) files durable and hashes them; compares every segment with what was meant to be written.

    Raises `BackupDamagedError` when the storage gave back something else, `StorageError`.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(2) as threads:
        artifact = directory / files[0][0]
        checked = loop.run_in_executor(threads, _check_segments, artifact, segments)
        stored = [await loop.run_in_executor(threads, _store, directory / name, role) for name, role in files]
        await checked
    return stored


def _store(path: Path, role: str) -> StoredFile:
    with storage_errors(path, "reading the backup back"), path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        digest = hashlib.sha256()
        length = 0
        while piece := file.read(_PIECE):
            digest.update(piece)
            length += len(piece)
    return StoredFile(name=path.name, role=role, bytes=length, sha256=digest.hexdigest())


def _check_segments(path: Path, segments: Sequence[Segment]) -> None:
    with storage_errors(path, "reading the backup back"), path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        expected = 0
        for segment in sorted(segments, key=lambda segment: segment.offset):
            data = os.pread(file.fileno(), segment.length, segment.offset)
            if segment.offset != expected or hashlib.sha256(data).hexdigest() != segment.sha256:
                raise BackupDamagedError(
                    f"{path}: the storage gave back other bytes at {segment.offset:,} than were written there",
                    remedy="check the disk and its file system before taking another backup there",
                )
            expected += segment.length
        if os.fstat(file.fileno()).st_size != expected:
            raise BackupDamagedError(f"{path}: the file is not as long as what was written", remedy="check the disk")
