"""Looking at a backup's files: whether they are there, in their size, and hold the bytes that were written."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest
from pantry_tui.artifact.reader import check_file
from pantry_tui.errors import BackupDamagedError, NotFoundError, StorageError
from pantry_tui.models import RepositoryTarget
from pantry_tui.monitoring.facts import FilesSeen
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.soundness import wrong_files

SMALL_BYTES = 64 * 1024**2  # hashed at each look: 0.03 s
LARGEST_BYTES = 1024**3  # hashed when it changed; more is left to a validation


def look_at_backup(
    target: RepositoryTarget, backup_id: str, now: datetime, *, known: FilesSeen | None = None
) -> FilesSeen | None:
    """What a backup's files are like now; None where there is no such backup any more.

    They are hashed when they are small, and when their sizes or times are not those of ``known``, the last look; of larger
    ones that nobody looked at yet, those that were not touched since the manifest was written are as they were read back.
    What cannot be read for a reason that is none of the backup's is told as a problem of it all the same.
    """
    repository = LocalRepository(target)
    try:
        directory, stored = repository.path(backup_id), repository.stored_manifest(backup_id)
        stamp, touched = _stamp(directory, manifest := stored.decode())
        stored.signer()  # raises for a signature that does not fit
        problems = wrong_files(repository.folder(backup_id), manifest)
    except NotFoundError:
        return None
    except StorageError as error:
        return FilesSeen(location=target.location, backup_id=backup_id, stamp="", problems=(error.message,))
    seen = FilesSeen(location=target.location, backup_id=backup_id, stamp=stamp, problems=tuple(problems))
    if problems:
        return seen
    is_changed = touched if known is None else known.stamp != stamp or known.too_large
    if manifest.bytes > SMALL_BYTES and not is_changed:
        return seen if known is None else known
    if manifest.bytes > LARGEST_BYTES:
        return FilesSeen(location=target.location, backup_id=backup_id, stamp=stamp, too_large=True)
    problems = _wrong_bytes(repository, manifest)
    return FilesSeen(
        location=target.location, backup_id=backup_id, stamp=stamp, problems=tuple(problems), hashed_at=now
    )


def _wrong_bytes(repository: LocalRepository, manifest: Manifest) -> list[str]:
    problems = []
    for stored in manifest.files:
        try:
            with repository.open(manifest.id, stored.name) as file:
                check_file(file, stored)
        except (StorageError, NotFoundError) as error:
            problems.append(error.message)
    return problems


def _stamp(directory: Path, manifest: Manifest) -> tuple[str, bool]:
    """What changes with the files' sizes and times; and whether any was touched after the manifest was written.

    Raises `StorageError`, `BackupDamagedError` for a file that is missing.
    """
    digest, newest = hashlib.sha256(), 0
    with storage_errors(directory, "looking at a backup"):
        published = (directory / MANIFEST_NAME).lstat().st_mtime_ns
        for stored in manifest.files:
            path = directory / stored.name
            try:
                status = path.lstat()
            except FileNotFoundError:
                raise BackupDamagedError(f"{path} is missing") from None
            digest.update(f"{stored.name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\n".encode())
            newest = max(newest, status.st_mtime_ns)
    return digest.hexdigest(), newest > published
