"""Backups in a local directory: `REPOSITORY/<id>/` with the files of one backup each.

The directory belongs to one user; directories are 0700, files 0600.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import open_file_in, storage_error, storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest, encode_manifest
from pantry_tui.artifact.opened import LocalFile, LocalPlace
from pantry_tui.artifact.private import prepare_private_directory, require_private_directory
from pantry_tui.errors import ConfigError, NotFoundError, StorageError
from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.bases import require_base
from pantry_tui.repository.chain import predecessor
from pantry_tui.repository.deletion import bury, require_plain_files
from pantry_tui.repository.folder import LocalFolder
from pantry_tui.repository.ids import is_backup_id, new_backup_id
from pantry_tui.repository.presence import Presence, age_of, presence_of
from pantry_tui.repository.records import ProofRecord, is_unfinished_record
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.staging import (
    StagedBackup,
    is_abandoned,
    remove_backup_directory,
    repository_lock,
)
from pantry_tui.repository.stored_manifest import PURPOSE, StoredManifest
from pantry_tui.repository.tombstones import FOLDER, Tombstone, unfinished_tombstones

__all__ = ["LocalRepository", "Presence", "ProofRecord", "StagedBackup", "new_backup_id"]

SCHEDULES = "schedules"


class LocalRepository(Repository):
    """A directory of backups."""

    def __init__(self, target: RepositoryTarget, data_directory: str | Path | None = None) -> None:
        super().__init__(target, data_directory)
        self.directory = Path(target.location)

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
            stamp(staged)
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

    def has(self, backup_id: str) -> bool:
        """Whether that backup is there. Raises OSError."""
        return presence_of(self.directory, backup_id) is not None

    def path(self, backup_id: str) -> Path:
        """The directory of a backup. Raises `NotFoundError` when there is no such backup."""
        self._existing(backup_id)
        return self.directory / backup_id

    def folder(self, backup_id: str) -> LocalFolder:
        """The directory of a backup, which may not be there."""
        return LocalFolder(self.directory / backup_id)

    @property
    def tombstones(self) -> LocalFolder:
        """The directory of the tombstones, made when the first one is written."""
        return LocalFolder(self.directory / FOLDER, is_made=True)

    @property
    def schedule_copies(self) -> LocalFolder:
        """The directory of the copies of the schedules, made when the first one is written."""
        return LocalFolder(self.directory / SCHEDULES, is_made=True)

    def place(self, backup_id: str, name: str) -> LocalPlace:
        """The path of a file of a backup."""
        return LocalPlace(self.directory / backup_id / name)

    def _open(self, backup_id: str, name: str) -> LocalFile:
        directory = self.directory / backup_id
        return LocalFile(open_file_in(directory, name), str(directory / name))

    # --- removing

    def _require_writable(self) -> None:
        require_private_directory(self.directory, self._what)

    def _require_deletable(self, backup_id: str) -> None:
        require_plain_files(self.directory / backup_id)

    def _bury(self, tombstone: Tombstone) -> None:
        bury(self.directory / tombstone.id, self.tombstones, tombstone, self.authority)

    def leftovers(self) -> list[str]:
        """What a crash left behind, by its path in the repository.

        Directories without a manifest on which nobody works; records and tombstones that were not finished.
        """
        if not self.is_there():
            return []
        with self._alone("looking for leftovers"):
            return [*self._abandoned(), *self._unfinished_records(), *unfinished_tombstones(self.tombstones)]

    def clean_leftovers(self) -> list[str]:
        """Removes the leftovers and returns them by their path in the repository.

        Raises `StorageError` for the first that cannot be removed, after trying them all.
        """
        if not self.is_there():
            return []
        require_private_directory(self.directory, self._what)
        failures: list[OSError] = []
        with self._alone("cleaning up"):
            abandoned = self._abandoned()
            unfinished = [*self._unfinished_records(), *unfinished_tombstones(self.tombstones)]
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


def stamp(staged: StagedBackup) -> None:
    """Gives the manifest a time of its own: the kernel's are some milliseconds coarse, and two could be of one moment."""
    now = time.time_ns()
    with suppress(OSError):
        os.utime(staged.path / MANIFEST_NAME, ns=(now, now))
