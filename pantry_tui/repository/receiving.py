"""A backup that comes from another repository: file by file, each compared with what its manifest says, the manifest last.

Manifest and signature are those of the original, byte for byte: who took the backup has signed it, and nobody else.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from pantry_tui.artifact.files import open_file_in, storage_errors, write_all
from pantry_tui.artifact.manifest import StoredFile
from pantry_tui.artifact.opened import LocalFile, OpenedFile
from pantry_tui.artifact.reader import check_file
from pantry_tui.errors import BackupDamagedError, CancelledError, NotFoundError, RefusedError
from pantry_tui.models import CopyCheck
from pantry_tui.repository.folder import LocalFolder
from pantry_tui.repository.local import LocalRepository, stamp
from pantry_tui.repository.records import ReceivedRecord, write_record
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.staging import StagedBackup
from pantry_tui.repository.stored_manifest import StoredManifest
from pantry_tui.repository.tombstones import tombstone_ids

_PIECE = 1024 * 1024


class Transfer(NamedTuple):
    """What a copy tells, and how it is told to stop."""

    moved: Callable[[int], None]  # bytes of the backup that are now there, sent or not
    stop: threading.Event

    def go_on(self, number: int) -> None:
        """Bytes are there. Raises `CancelledError` once nobody wants the copy any more."""
        if self.stop.is_set():
            raise CancelledError("the copy was cancelled")
        self.moved(number)


class Incoming(Protocol):
    """A backup while it is copied here. Nothing of it is listed before `publish`."""

    def take(self, file: StoredFile, source: OpenedFile, transfer: Transfer) -> int:
        """Takes a file, as far as it is not there; returns how many bytes that were.

        Raises `BackupDamagedError` where the source is not what its manifest says, `StorageError`, `CancelledError`.
        """

    def check(self, file: StoredFile, how: CopyCheck, transfer: Transfer) -> int:
        """Reads a file back as it is here; returns how many bytes that were. Raises `BackupDamagedError`, `StorageError`."""

    def publish(self, stored: StoredManifest, signature: bytes, received: ReceivedRecord) -> None:
        """Makes the backup exist here. Raises `StorageError`, and what the key raises that signs."""


@contextmanager
def receiving(repository: Repository, backup_id: str) -> Iterator[Incoming]:
    """Begins, or goes on with, the copy of that backup into ``repository``.

    Raises `ConfigError`, `RefusedError` where another copy is at it, `StorageError`.
    """
    if isinstance(repository, LocalRepository):
        with _staged(repository, backup_id) as staged:
            yield LocalIncoming(repository, staged)
        return
    yield _into_store(repository, backup_id)


def _into_store(repository: Repository, backup_id: str) -> Incoming:
    from pantry_tui.repository.objects.receiving import StoreIncoming
    from pantry_tui.repository.objects.repository import ObjectRepository

    if not isinstance(repository, ObjectRepository):
        raise RefusedError(f"nothing can be copied into {repository.name}", remedy="name a directory or a store")
    repository.prepare()
    return StoreIncoming(repository, backup_id)


def require_receivable(repository: Repository, stored: StoredManifest) -> bool:
    """Whether that backup is there already.

    Raises `RefusedError` for another backup of that id, and for one that was deleted there on purpose.
    """
    backup_id = stored.folder.name
    try:
        found = repository.stored_manifest(backup_id)
    except NotFoundError:
        if was_deleted(repository, backup_id):
            raise RefusedError(
                f"backup {backup_id} was deleted from the repository {repository.name} on purpose",
                remedy="copy it into another repository",
            ) from None
        return False
    if found.data != stored.data:
        raise RefusedError(
            f"the repository {repository.name} has another backup of the id {backup_id}",
            remedy="find out where that one comes from, and copy into another place",
        )
    return True


def was_deleted(repository: Repository, backup_id: str) -> bool:
    """Whether a tombstone says so. Raises `StorageError`."""
    with storage_errors(repository.location, "looking for tombstones"):
        return backup_id in tombstone_ids(repository.tombstones)


@contextmanager
def _staged(repository: LocalRepository, backup_id: str) -> Iterator[StagedBackup]:
    """The directory, which stays as it is when the copy is cut off: the next one goes on with it."""
    repository.prepare()
    with storage_errors(repository.directory, "beginning a copy"):
        staged = StagedBackup.resume(backup_id, repository.directory / backup_id)
    try:
        yield staged
    finally:
        staged.release()


class LocalIncoming:
    """A backup that is copied into a directory."""

    def __init__(self, repository: LocalRepository, staged: StagedBackup) -> None:
        self._repository = repository
        self._staged = staged

    def take(self, file: StoredFile, source: OpenedFile, transfer: Transfer) -> int:
        """Writes a file, unless it is there whole."""
        if self._is_whole(file):
            transfer.go_on(file.bytes)
            return 0
        (self._staged.path / file.name).unlink(missing_ok=True)
        descriptor = self._staged.create(file.name)
        try:
            with storage_errors(self._staged.path / file.name, "copying a backup"):
                self._write(descriptor, file, source, transfer)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return file.bytes

    def _write(self, descriptor: int, file: StoredFile, source: OpenedFile, transfer: Transfer) -> None:
        digest, position, whole = hashlib.sha256(), 0, source.part(0, file.bytes)
        while piece := whole.read(position, _PIECE):
            digest.update(piece)
            write_all(descriptor, piece)
            position += len(piece)
            transfer.go_on(len(piece))
        require_as_written(file, position, digest.hexdigest(), source.where)

    def _is_whole(self, file: StoredFile) -> bool:
        try:
            self._read_back(file)
        except (BackupDamagedError, FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _read_back(self, file: StoredFile) -> None:
        with LocalFile(open_file_in(self._staged.path, file.name), str(self._staged.path / file.name)) as opened:
            check_file(opened, file)

    def check(self, file: StoredFile, how: CopyCheck, transfer: Transfer) -> int:
        """Reads the whole file back, whatever ``how`` says: it costs no transfer."""
        with storage_errors(self._staged.path / file.name, "reading a copy back"):
            self._read_back(file)
        transfer.go_on(0)
        return file.bytes

    def publish(self, stored: StoredManifest, signature: bytes, received: ReceivedRecord) -> None:
        """Puts the record, the signature and the manifest into place."""
        self._staged.settle(stored.decode())
        write_record(LocalFolder(self._staged.path), received, self._repository.authority)
        self._staged.publish(stored.data, signature)
        stamp(self._staged)


def require_as_written(file: StoredFile, size: int, sha256: str, where: str) -> None:
    """Raises `BackupDamagedError` where what was read is not the file that the manifest names."""
    if (size, sha256) != (file.bytes, file.sha256):
        raise BackupDamagedError(
            f"{where} is not what was written: it is not copied",
            remedy="see `pantry-tui backup validate`; copy another backup, or bring this one's file back",
        )
