"""A backup's directory while it is being made, and how it goes away.

The maker holds an flock on `.lock` inside the directory, so that nobody takes it for something a crash left behind.
The lock file goes after the manifest is durable: a crash in between leaves a whole backup with a lock nobody holds,
which means nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pantry_tui.artifact.files import (
    DIRECTORY_MODE,
    FILE_MODE,
    create_exclusive,
    fsync_directory,
    is_plain_name,
    open_directory,
    storage_errors,
    write_atomically,
)
from pantry_tui.artifact.manifest import MANIFEST_NAME, TABLES_DIRECTORY, Manifest
from pantry_tui.errors import BackupDamagedError, InternalError, RefusedError
from pantry_tui.repository.folder import files_of
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME

LOCK_NAME = ".lock"
LOCK_SECONDS = 30.0  # it is held for moments only
_POLL_SECONDS = 0.02


class StagedBackup:
    """A backup that is being written: a directory that has no manifest yet."""

    def __init__(self, backup_id: str, path: Path, lock: int) -> None:
        self.id = backup_id
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def make(cls, backup_id: str, path: Path) -> StagedBackup:
        """Makes the directory and takes its lock. Raises OSError; nothing is left then."""
        path.mkdir(mode=DIRECTORY_MODE)
        lock = None
        try:
            lock = create_exclusive(path / LOCK_NAME)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fsync_directory(path.parent)
        except OSError:
            if lock is not None:
                os.close(lock)
            with suppress(OSError):
                remove_backup_directory(path)
            raise
        return cls(backup_id, path, lock)

    @classmethod
    def resume(cls, backup_id: str, path: Path) -> StagedBackup:
        """Takes up a directory that a copy has begun, or makes it. Raises OSError, `RefusedError` where one is at it."""
        with suppress(FileNotFoundError):
            lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(lock)
                raise RefusedError(f"{path} is being written by another copy", remedy="wait for its end") from error
            return cls(backup_id, path, lock)
        return cls.make(backup_id, path)

    def create(self, name: str) -> int:
        """Creates a file of the backup and returns its descriptor, open for reading and writing; the caller closes it.

        ``name`` is a plain one, or stands in `csv/`, which is made for the first. Raises `StorageError`.
        """
        below, last = _split(name)
        if not is_plain_name(last) or last in (MANIFEST_NAME, SIGNATURE_NAME, LOCK_NAME, TABLES_DIRECTORY):
            raise InternalError(f"{name!r} cannot be the name of a file of a backup")
        with storage_errors(self.path / name, "creating a file of the backup"):
            if below:
                with suppress(FileExistsError):
                    (self.path / TABLES_DIRECTORY).mkdir(mode=DIRECTORY_MODE)
            return create_exclusive(self.path / name)

    def settle(self, manifest: Manifest) -> None:
        """Makes every file durable.

        Raises `StorageError`, and `BackupDamagedError` when a file that the manifest names is not there in its size.
        """
        with storage_errors(self.path, "publishing the backup"):
            self._settle_files(manifest)
            if (self.path / TABLES_DIRECTORY).is_dir():
                fsync_directory(self.path / TABLES_DIRECTORY)
            fsync_directory(self.path)

    def publish(self, manifest: bytes, signature: bytes) -> None:
        """Makes the backup exist: its manifest is put in place last, behind its signature.

        Raises `StorageError`, `DiskFullError`.
        """
        with storage_errors(self.path, "publishing the backup"):
            write_atomically(self.path / SIGNATURE_NAME, signature)
            write_atomically(self.path / MANIFEST_NAME, manifest)
            fsync_directory(self.path.parent)
        # The backup exists from here on: a lock file that stays is no reason to report anything else.
        with suppress(OSError):
            (self.path / LOCK_NAME).unlink()
        self.release()

    def _settle_files(self, manifest: Manifest) -> None:
        sizes = {name: _settle(self.path / name) for name in files_of(self.path) if name != LOCK_NAME}
        for file in manifest.files:
            if sizes.get(file.name) != file.bytes:
                found = sizes.get(file.name)
                raise BackupDamagedError(
                    f"{self.path / file.name} should hold {file.bytes:,} bytes and "
                    + ("is missing" if found is None else f"holds {found:,}"),
                    remedy="take the backup again; if it happens again, check the storage",
                )

    def release(self) -> None:
        """Gives the lock back, whatever becomes of the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _split(name: str) -> tuple[bool, str]:
    """Whether the file stands in the directory of the tables, and its own name."""
    below, separator, last = name.partition("/")
    return (True, last) if separator and below == TABLES_DIRECTORY else (False, name)


def _settle(path: Path) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, FILE_MODE)
        os.fsync(descriptor)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise InternalError(f"{path} is not a regular file")
    return status.st_size


def remove_backup_directory(path: Path) -> None:
    """Removes a backup's directory: the manifest first, so that it is no backup from then on, the lock file last.

    Raises OSError; what is left then has no manifest.
    """
    (path / MANIFEST_NAME).unlink(missing_ok=True)
    fsync_directory(path)
    for name in sorted(files_of(path), key=lambda name: name == LOCK_NAME):
        (path / name).unlink()
    with suppress(FileNotFoundError):
        (path / TABLES_DIRECTORY).rmdir()
    path.rmdir()
    fsync_directory(path.parent)


def is_abandoned(path: Path) -> bool:
    """Whether nobody is making the backup in this directory. Raises OSError."""
    directory = open_directory(path, follow=False)
    try:
        lock = os.open(LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return True
    finally:
        os.close(directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


@contextmanager
def repository_lock(directory: Path) -> Iterator[None]:
    """Keeps others from beginning, deleting or cleaning up in a repository meanwhile; held for moments only.

    Without it a directory could be taken for a leftover between its making and its locking, and two deletions at once
    could each leave the last backup to the other. Raises OSError, `TimeoutError` where somebody keeps it for too long: no
    process may wait for another without end.
    """
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        _wait_for(descriptor)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                said = f"another process has kept the repository's lock for {LOCK_SECONDS:g} s"
                raise TimeoutError(errno.ETIMEDOUT, said) from None
            time.sleep(_POLL_SECONDS)
