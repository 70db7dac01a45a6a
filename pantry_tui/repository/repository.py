"""A repository: backups that are listed, read, marked and deleted, wherever they are kept.

A backup exists when its manifest does. No name of a file or object is ever made of anything but an id this program formed
and the plain name of a file.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest
from pantry_tui.artifact.opened import OpenedFile, Place
from pantry_tui.artifact.openfiles import ArtifactFiles
from pantry_tui.errors import BackupDamagedError, NotFoundError, StorageError
from pantry_tui.models import BackupDetails, BackupSummary, MarkRequest, RepositoryTarget, utc_now
from pantry_tui.repository.authenticity import Findings, examine_signatures, signature_of
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.deletion import (
    require_another,
    require_no_children,
    require_unpinned,
    tombstone_of,
    tombstone_of_missing,
)
from pantry_tui.repository.folder import Folder
from pantry_tui.repository.ids import LATEST, is_backup_id, match_reference, require_label
from pantry_tui.repository.presence import Presence
from pantry_tui.repository.records import Mark, Record, read_records, write_record
from pantry_tui.repository.soundness import oddities, wrong_files
from pantry_tui.repository.stored_manifest import StoredManifest, read_manifest
from pantry_tui.repository.summaries import describe, summarize, with_records
from pantry_tui.repository.tombstones import Tombstone, write_tombstone

if TYPE_CHECKING:
    from pathlib import Path

    from pantry_tui.artifact.signing import Signer


_AT_ONCE = 64


class Repository(ABC):
    """Backups in one place."""

    def __init__(self, target: RepositoryTarget, data_directory: str | Path | None = None) -> None:
        """``data_directory``: whose key signs what is written, and whose signers are believed; None: nobody's."""
        self.target = target
        self.authority = Authority(data_directory)
        self.name = target.name
        self._what = f"the repository {target.name}"

    # --- the place

    def announced(self, backup_ids: Sequence[str], *, signatures: bool = False) -> Iterator[str]:
        """The same ids, for somebody who reads manifest and records of each, and with ``signatures`` who signed it.

        Where each takes a journey, those of some are fetched together, as they were when the backups were listed.
        """
        for start in range(0, len(backup_ids), _AT_ONCE):
            batch = backup_ids[start : start + _AT_ONCE]
            self._read_ahead(batch, signatures=signatures)
            yield from batch

    def _read_ahead(self, backup_ids: Sequence[str], *, signatures: bool) -> None:
        return  # a directory is as quick one by one

    @property
    def location(self) -> str:
        """Where it is, for people."""
        return self.target.location

    @abstractmethod
    def is_there(self) -> bool:
        """Whether there is such a place: not before the first backup, and not while its file system is unmounted.

        Raises `StorageError` where this user may not look, `ConfigError` when something else is there.
        """

    @abstractmethod
    def prepare(self) -> None:
        """Makes the place where it is missing and checks that a backup can be taken into it.

        Raises `ConfigError`, `RefusedError`, `StorageError`.
        """

    @abstractmethod
    def presences(self) -> list[Presence]:
        """The published backups, newest first. None when there is no such place. Raises `StorageError`, `RefusedError`."""

    @abstractmethod
    def has_backups(self) -> bool:
        """Whether there is any backup, by as few calls as that takes. Raises `StorageError`."""

    @abstractmethod
    def has(self, backup_id: str) -> bool:
        """Whether that backup is there. Raises OSError, `StorageError`."""

    @abstractmethod
    def folder(self, backup_id: str) -> Folder:
        """The small files of a backup, which may not be there."""

    @property
    @abstractmethod
    def tombstones(self) -> Folder:
        """Where the tombstones are."""

    @property
    def schedule_copies(self) -> Folder | None:
        """Where copies of the schedules are; None where nothing that is there is ever written anew."""
        return None

    @abstractmethod
    def place(self, backup_id: str, name: str) -> Place:
        """Where a file of a backup is, by the name that the manifest has."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """What a crash left behind, by its name in the repository."""

    @abstractmethod
    def clean_leftovers(self) -> list[str]:
        """Removes the leftovers and returns what `leftovers` would have. Raises `StorageError`."""

    @abstractmethod
    def _require_writable(self) -> None:
        """Raises `RefusedError` where others could write too."""

    @abstractmethod
    def _alone(self, doing: str) -> AbstractContextManager[None]:
        """Keeps others from beginning, deleting or cleaning up meanwhile, as far as the place allows."""

    @abstractmethod
    def _open(self, backup_id: str, name: str) -> OpenedFile:
        """Opens a file. Raises OSError, `StorageError`."""

    @abstractmethod
    def _require_deletable(self, backup_id: str) -> None:
        """Raises `RefusedError` for a backup beside which something strange lies."""

    @abstractmethod
    def _bury(self, tombstone: Tombstone) -> None:
        """Writes the tombstone and removes the backup. Raises OSError, `StorageError`, what the key raises that signs."""

    # --- reading

    def ids(self) -> list[str]:
        """The published backups, newest first."""
        return [presence.id for presence in self.presences()]

    def resolve(self, reference: str, *, database: str | None = None) -> str:
        """The id that ``reference`` means: an id, the beginning of just one, or `latest` (of ``database``).

        The latest of all is the newest even when it is damaged, so that nobody gets older rows unawares; the latest
        of a database is the newest that says to be of it. A dump that others made is never the latest. Raises
        `NotFoundError`.
        """
        ids = self.ids()
        if reference != LATEST:
            return match_reference(reference, ids, where=self._what)
        for backup_id in ids:
            with suppress(BackupDamagedError):
                is_wanted = database is None or database in _names(self.manifest(backup_id))
                if is_wanted and not self._is_foreign(backup_id):
                    return backup_id
        of = "" if database is None else f" of the database {database}"
        raise NotFoundError(
            f"{self._what} has no backup{of} yet", remedy="take one with: pantry-tui backup create -n NAME"
        )

    def _is_foreign(self, backup_id: str) -> bool:
        with suppress(StorageError):
            return self.stored_manifest(backup_id).is_foreign
        return False

    def _existing(self, backup_id: str) -> Folder:
        """The folder of a backup. Raises `NotFoundError` when there is no such backup."""
        with storage_errors(self.location, "looking for a backup"):
            if is_backup_id(backup_id) and self.has(backup_id):
                return self.folder(backup_id)
        raise NotFoundError(
            f"{self._what} has no backup {backup_id[:80]!r}", remedy="list the backups with: pantry-tui backup list"
        )

    def open(self, backup_id: str, name: str) -> OpenedFile:
        """Opens a file of a backup for reading, by the name that the manifest has.

        Raises `NotFoundError`, `BackupDamagedError` when the file is missing, `StorageError`.
        """
        folder = self._existing(backup_id)
        with _reading(folder, name):
            return self._open(backup_id, name)

    def open_artifact(self, manifest: Manifest) -> ArtifactFiles:
        """Opens what holds a backup's segments: one file, or one for each table. Raises as `open` does."""
        return ArtifactFiles(manifest, partial(self.open, manifest.id))

    def stored_manifest(self, backup_id: str) -> StoredManifest:
        """The bytes of a manifest, to be checked or read. Raises as `manifest` does, except for what the bytes say."""
        folder = self._existing(backup_id)
        with _reading(folder, MANIFEST_NAME):
            return read_manifest(folder)

    def manifest(self, backup_id: str) -> Manifest:
        """The manifest, whoever signed it. Raises `NotFoundError`, `BackupDamagedError`, `StorageError`."""
        return self.stored_manifest(backup_id).decode()

    def trusted_manifest(self, backup_id: str, *, besides: Collection[str] = ()) -> tuple[Manifest, Signer | None]:
        """The manifest and who signed it, whom this data directory believes or the caller trusts ``besides``.

        Nothing of it is looked at before its signature fits. Raises what `manifest` does, `UntrustedSignerError`.
        """
        stored = self.stored_manifest(backup_id)
        signer = stored.signer()
        self.authority.require_believed(signer, what=f"backup {backup_id}", besides=besides)
        return stored.decode(), signer

    def records(self, backup_id: str) -> tuple[Record, ...]:
        """The validations, restores and marks of a backup, oldest first, that can be read and believed."""
        return read_records(self._existing(backup_id), self.authority)[0]

    def add_record(self, backup_id: str, record: Record) -> None:
        """Writes down a validation, a restore or a mark beside the manifest. Raises `NotFoundError`, `StorageError`."""
        with self._alone(f"recording a {record.kind}"):
            write_record(self._existing(backup_id), record, self.authority)

    def mark(self, backup_id: str, request: MarkRequest, *, by: str) -> BackupSummary:
        """Pins or labels a backup and returns it as lists show it then.

        Raises `UsageError` for a label that cannot be shown on one line, and what `manifest` and `add_record` do.
        """
        require_label(request.label or "")
        self._require_writable()
        self.manifest(backup_id)  # what cannot be read is no backup to hold on to
        if request.pinned is not None:
            self.add_record(backup_id, Mark(kind="pin", at=utc_now(), by=by, pinned=request.pinned))
        if request.label is not None:
            self.add_record(backup_id, Mark(kind="label", at=utc_now(), by=by, text=request.label))
        return self.summary(backup_id)

    def summary(self, backup_id: str) -> BackupSummary:
        """The backup as lists show it. Raises what `manifest` does."""
        return self.summary_of(self.manifest(backup_id))

    def summary_of(self, manifest: Manifest) -> BackupSummary:
        """The backup of that manifest as lists show it. Raises `NotFoundError`, `StorageError`."""
        records = self.records(manifest.id)
        return summarize(manifest, records, path=str(self.folder(manifest.id)), repository=self.name)

    def summary_again(self, known: BackupSummary) -> BackupSummary:
        """A summary brought up to date without reading the manifest again, which never changes.

        Raises `NotFoundError`, `StorageError`.
        """
        renamed = msgspec.structs.replace(known, repository=self.name)
        return with_records(renamed, self.records(known.id))

    def details(self, backup_id: str) -> BackupDetails:
        """Everything that is shown of a backup. Raises what `manifest` does."""
        stored = self.stored_manifest(backup_id)
        manifest = stored.decode()
        signature, signer = signature_of(stored, self.authority)
        return describe(manifest, self.summary_of(manifest), signature=signature, signer=signer)

    def problems(self, backup_id: str) -> list[str]:
        """What is wrong with a backup as far as shows without reading its data: files missing or of another size."""
        try:
            return wrong_files(self._existing(backup_id), self.manifest(backup_id))
        except StorageError as error:
            return [error.message]

    def oddities(self, backup_id: str) -> list[str]:
        """What lies beside a backup and does it no harm: files that are not its own, records nobody can read or believe."""
        with suppress(BackupDamagedError):
            return oddities(self._existing(backup_id), self.manifest(backup_id), self.authority)
        return []

    def signature_problems(self) -> list[str]:
        """What is wrong with signatures and the chain of all backups. Reads every manifest. Raises `StorageError`."""
        found = self._examine_signatures()
        return found.problems + found.chain.problems()

    def forget_missing(self, *, by: str) -> list[str]:
        """Gives a tombstone to backups that somebody removed, so that nobody misses them any more; returns their ids.

        Raises `StorageError`, and what the key raises that signs.
        """
        if not self.is_there():
            return []
        self._require_writable()
        with self._alone("writing tombstones"):
            missing = {named.previous.id: named.previous for named in self._examine_signatures().chain.missing()}
            for link in missing.values():
                write_tombstone(self.tombstones, tombstone_of_missing(link, by=by), self.authority)
        return sorted(missing)

    def _examine_signatures(self) -> Findings:
        with storage_errors(self.location, f"checking {self._what}"):
            return examine_signatures(
                self.folder, self.tombstones, self.announced(self.ids(), signatures=True), self.authority
            )

    # --- removing

    def delete(self, backup_id: str, *, by: str, force: bool = False) -> None:
        """Deletes a backup, its manifest first: a crash in the middle leaves no backup, and a leftover.

        A signed tombstone says that it was deleted on purpose, and ``by`` whom. Raises `NotFoundError`, `StorageError`,
        what the key raises that signs, and unless ``force`` `RefusedError` when the backup is pinned, the base of others or
        the last valid one of its database.
        """
        self._existing(backup_id)
        self._require_writable()
        with self._alone("deleting a backup"):
            self._require_deletable(backup_id)
            if not force:
                require_unpinned(self, backup_id)
                require_no_children(self, backup_id)
                require_another(self, backup_id)
            self._bury(tombstone_of(self, backup_id, by=by, forced=force))


@contextmanager
def _reading(folder: Folder, name: str) -> Iterator[None]:
    """Says that a backup is damaged where a file of it is missing or no file."""
    where = folder.where(name)
    try:
        with storage_errors(where, "reading a backup"):
            yield
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise BackupDamagedError(
                f"{where} is missing", remedy="restore from another backup, or put the file back"
            ) from error.__cause__
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ELOOP:
            raise BackupDamagedError(
                f"{where} is a symbolic link: it is not the file that was written",
                remedy="restore from another backup, or put the file back",
            ) from error.__cause__
        raise


def _names(manifest: Manifest) -> tuple[str, str]:
    return manifest.database, manifest.source.name
