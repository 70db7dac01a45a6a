"""Backups in a local directory: `REPOSITORY/<id>/` with the files of one backup each.

A backup exists when its manifest does. The directory belongs to one user; directories are 0700, files 0600. No path is
ever made of anything but an id this program formed and the plain name of a file.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from pantry_tui.artifact.files import open_file_in, storage_error, storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest, encode_manifest
from pantry_tui.artifact.openfiles import ArtifactFiles
from pantry_tui.artifact.private import prepare_private_directory, require_private_directory
from pantry_tui.errors import BackupDamagedError, ConfigError, NotFoundError, StorageError
from pantry_tui.models import BackupDetails, BackupSummary, MarkRequest, RepositoryTarget, utc_now
from pantry_tui.repository.authenticity import Findings, examine_signatures, signature_of
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.bases import require_base
from pantry_tui.repository.chain import predecessor
from pantry_tui.repository.deletion import (
    bury,
    require_another,
    require_no_children,
    require_plain_files,
    require_unpinned,
    tombstone_of,
    tombstone_of_missing,
)
from pantry_tui.repository.ids import LATEST, is_backup_id, match_reference, new_backup_id, require_label
from pantry_tui.repository.presence import Presence, age_of, presence_of
from pantry_tui.repository.records import Mark, ProofRecord, Record, is_unfinished_record, read_records, write_record
from pantry_tui.repository.soundness import oddities, wrong_files
from pantry_tui.repository.staging import (
    StagedBackup,
    is_abandoned,
    remove_backup_directory,
    repository_lock,
)
from pantry_tui.repository.stored_manifest import PURPOSE, StoredManifest, read_manifest
from pantry_tui.repository.summaries import describe, summarize, with_records
from pantry_tui.repository.tombstones import unfinished_tombstones, write_tombstone

if TYPE_CHECKING:
    from pantry_tui.artifact.signing import Signer

__all__ = ["LocalRepository", "Presence", "ProofRecord", "StagedBackup", "new_backup_id"]


class LocalRepository:
    """A directory of backups."""

    def __init__(self, target: RepositoryTarget, data_directory: str | Path | None = None) -> None:
        """``data_directory``: whose key signs what is written, and whose signers are believed; None: nobody's."""
        self.target = target
        self.authority = Authority(data_directory)
        self.name = target.name
        self.directory = Path(target.location)
        self._what = f"the repository {target.name}"

    def prepare(self) -> None:
        """Makes the directory where it is missing and checks that nobody else can write into it.

        Raises `ConfigError`, `RefusedError`, `StorageError`.
        """
        prepare_private_directory(self.directory, self._what)

    def is_there(self) -> bool:
        """Whether the directory exists: not before the first backup, and not while its file system is unmounted.

        Raises `StorageError` where this user may not look, `ConfigError` when something else than a directory is there.
        """
        with storage_errors(self.directory, f"looking for {self._what}"):
            try:
                status = self.directory.stat()
            except FileNotFoundError:
                return False
        if not stat.S_ISDIR(status.st_mode):
            where = f"{self._what}: {self.directory}"
            raise ConfigError(f"{where} is not a directory", remedy="name a directory, or remove what is there")
        return True

    # --- making

    def begin(self, backup_id: str) -> StagedBackup:
        """Makes the directory of a new backup. Raises what `prepare` does."""
        if not is_backup_id(backup_id):
            raise ValueError(f"not a backup id: {backup_id!r}")
        self.prepare()
        with self._alone("beginning a backup"):
            return StagedBackup.make(backup_id, self.directory / backup_id)

    def publish(self, staged: StagedBackup, manifest: Manifest) -> Path:
        """Makes the backup exist, durably, signed and chained to the one before, and returns its directory.

        Raises as `StagedBackup.settle`, `StagedBackup.publish` and `require_base` do, and as `signing_key` does.
        """
        key = self.authority.key
        staged.settle(manifest)
        with self._alone("publishing a backup"):
            require_base(self, manifest)
            linked = msgspec.structs.replace(manifest, previous=predecessor(manifest, self._last_published()))
            data = encode_manifest(linked)
            staged.publish(data, key.sign(data, purpose=PURPOSE))
            # The kernel's own stamps are some milliseconds coarse: two backups could seem to be of one moment.
            now = time.time_ns()
            with suppress(OSError):
                os.utime(staged.path / MANIFEST_NAME, ns=(now, now))
        return staged.path

    def _last_published(self) -> Iterator[StoredManifest]:
        """The manifests that can be read, the last published one first, by the times of their files."""
        for presence in sorted(self.presences(), key=lambda found: (found.manifest[1], found.id), reverse=True):
            with suppress(StorageError, NotFoundError):  # another backup's trouble must not be that of a new one
                yield self.stored_manifest(presence.id)

    def discard(self, staged: StagedBackup) -> None:
        """Removes what a backup that failed has written. What cannot be removed stays and is found as a leftover."""
        with suppress(OSError):
            remove_backup_directory(staged.path)
        staged.release()

    # --- reading

    def presences(self) -> list[Presence]:
        """The published backups, newest first, by two stat calls each. None when the directory does not exist."""
        if not self.is_there():
            return []
        require_private_directory(self.directory, self._what)
        with storage_errors(self.directory, f"listing {self._what}"), os.scandir(self.directory) as entries:
            found = [presence_of(self.directory, entry.name) for entry in entries if is_backup_id(entry.name)]
        return sorted((presence for presence in found if presence), key=age_of, reverse=True)

    def has_backups(self) -> bool:
        """Whether there is any backup, by as few calls as that takes. Raises `StorageError`."""
        if not self.is_there():
            return False
        with storage_errors(self.directory, f"listing {self._what}"), os.scandir(self.directory) as entries:
            return any(is_backup_id(entry.name) and presence_of(self.directory, entry.name) for entry in entries)

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

    def path(self, backup_id: str) -> Path:
        """The directory of a backup. Raises `NotFoundError` when there is no such backup."""
        with storage_errors(self.directory, "looking for a backup"):
            if is_backup_id(backup_id) and presence_of(self.directory, backup_id):
                return self.directory / backup_id
        raise NotFoundError(
            f"{self._what} has no backup {backup_id[:80]!r}", remedy="list the backups with: pantry-tui backup list"
        )

    def open(self, backup_id: str, name: str) -> BinaryIO:
        """Opens a file of a backup for reading, by the name that the manifest has; unbuffered content at offset 0.

        Raises `NotFoundError`, `BackupDamagedError` when the file is missing, `StorageError`.
        """
        directory = self.path(backup_id)
        with self._reading(backup_id, name):
            return os.fdopen(open_file_in(directory, name), "rb")

    def open_artifact(self, manifest: Manifest) -> ArtifactFiles:
        """Opens what holds a backup's segments: one file, or one for each table. Raises as `open` does."""
        return ArtifactFiles(manifest, partial(self.open, manifest.id))

    def stored_manifest(self, backup_id: str) -> StoredManifest:
        """The bytes of a manifest, to be checked or read. Raises as `manifest` does, except for what the bytes say."""
        directory = self.path(backup_id)
        with self._reading(backup_id, MANIFEST_NAME):
            return read_manifest(directory)

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
        return read_records(self.path(backup_id), self.authority)[0]

    def add_record(self, backup_id: str, record: Record) -> None:
        """Writes down a validation, a restore or a mark beside the manifest. Raises `NotFoundError`, `StorageError`."""
        with self._alone(f"recording a {record.kind}"):
            write_record(self.path(backup_id), record, self.authority)

    def mark(self, backup_id: str, request: MarkRequest, *, by: str) -> BackupSummary:
        """Pins or labels a backup and returns it as lists show it then.

        Raises `UsageError` for a label that cannot be shown on one line, and what `manifest` and `add_record` do.
        """
        require_label(request.label or "")
        require_private_directory(self.directory, self._what)
        self.manifest(backup_id)  # what cannot be read is no backup to hold on to
        if request.pinned is not None:
            self.add_record(backup_id, Mark(kind="pin", at=utc_now(), by=by, pinned=request.pinned))
        if request.label is not None:
            self.add_record(backup_id, Mark(kind="label", at=utc_now(), by=by, text=request.label))
        return self.summary(backup_id)

    def summary(self, backup_id: str) -> BackupSummary:
        """The backup as lists show it. Raises what `manifest` does."""
        return self._summarize(self.manifest(backup_id))

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
        return describe(manifest, self._summarize(manifest), signature=signature, signer=signer)

    def problems(self, backup_id: str) -> list[str]:
        """What is wrong with a backup as far as shows without reading its data: files missing or of another size."""
        try:
            return wrong_files(self.path(backup_id), self.manifest(backup_id))
        except StorageError as error:
            return [error.message]

    def oddities(self, backup_id: str) -> list[str]:
        """What lies beside a backup and does it no harm: files that are not its own, records nobody can read or believe."""
        with suppress(BackupDamagedError):
            return oddities(self.path(backup_id), self.manifest(backup_id), self.authority)
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
        require_private_directory(self.directory, self._what)
        with self._alone("writing tombstones"):
            missing = {named.previous.id: named.previous for named in self._examine_signatures().chain.missing()}
            for link in missing.values():
                write_tombstone(self.directory, tombstone_of_missing(link, by=by), self.authority)
        return sorted(missing)

    def _examine_signatures(self) -> Findings:
        with storage_errors(self.directory, f"checking {self._what}"):
            return examine_signatures(self.directory, self.ids(), self.authority)

    # --- removing

    def delete(self, backup_id: str, *, by: str, force: bool = False) -> None:
        """Deletes a backup, its manifest first: a crash in the middle leaves no backup, and a leftover.

        A signed tombstone says that it was deleted on purpose, and ``by`` whom. Raises `NotFoundError`, `StorageError`,
        what the key raises that signs, and unless ``force`` `RefusedError` when the backup is pinned, the base of others or
        the last valid one of its database.
        """
        directory = self.path(backup_id)
        require_private_directory(self.directory, self._what)
        with self._alone("deleting a backup"):
            require_plain_files(directory)
            if not force:
                require_unpinned(self, backup_id)
                require_no_children(self, backup_id)
                require_another(self, backup_id)
            bury(self.directory, tombstone_of(self, backup_id, by=by, forced=force), self.authority)

    def leftovers(self) -> list[str]:
        """What a crash left behind, by its path in the repository.

        Directories without a manifest on which nobody works; records and tombstones that were not finished.
        """
        if not self.is_there():
            return []
        with self._alone("looking for leftovers"):
            return [*self._abandoned(), *self._unfinished_records(), *unfinished_tombstones(self.directory)]

    def clean_leftovers(self) -> list[str]:
        """Removes the leftovers and returns what `leftovers` would have.

        Raises `StorageError` for the first that cannot be removed, after trying them all.
        """
        if not self.is_there():
            return []
        require_private_directory(self.directory, self._what)
        failures: list[OSError] = []
        with self._alone("cleaning up"):
            abandoned = self._abandoned()
            unfinished = [*self._unfinished_records(), *unfinished_tombstones(self.directory)]
            for name in unfinished:
                (self.directory / name).unlink(missing_ok=True)
            for name in abandoned:
                try:
                    remove_backup_directory(self.directory / name)
                except OSError as error:
                    failures.append(error)
        if failures:
            raise storage_error(failures[0], self._path_in(failures[0]), "cleaning up") from failures[0]
        return [*abandoned, *unfinished]

    def _abandoned(self) -> list[str]:
        with os.scandir(self.directory) as entries:
            unpublished = sorted(
                entry.name
                for entry in entries
                if is_backup_id(entry.name)
                and entry.is_dir(follow_symlinks=False)
                and not presence_of(self.directory, entry.name)
            )
        return [name for name in unpublished if is_abandoned(self.directory / name)]

    def _unfinished_records(self) -> list[str]:
        found = []
        for backup_id in self.ids():
            with suppress(PermissionError), os.scandir(self.directory / backup_id) as entries:
                found += [f"{backup_id}/{entry.name}" for entry in entries if is_unfinished_record(entry.name)]
        return found

    # --- wording

    def _summarize(self, manifest: Manifest) -> BackupSummary:
        records = self.records(manifest.id)
        return summarize(manifest, records, path=self.directory / manifest.id, repository=self.name)

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        try:
            with repository_lock(self.directory):
                yield
        except OSError as error:
            raise storage_error(error, self._path_in(error), doing) from error

    def _path_in(self, error: OSError) -> str | Path:
        """What the operating system refused, where it says so: one file of a backup rather than all of them."""
        named = error.filename
        return named if isinstance(named, str) and named.startswith("/") else self.directory

    @contextmanager
    def _reading(self, backup_id: str, name: str) -> Iterator[None]:
        where = self.directory / backup_id / name
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
