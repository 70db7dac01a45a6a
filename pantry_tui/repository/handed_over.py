"""A stored backup as the worker processes of one operation are told of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.manifest import Manifest, manifest_digest
from pantry_tui.artifact.openfiles import ArtifactFiles
from pantry_tui.artifact.reader import RowsReader
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model, RepositoryTarget, Unlocking
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.rows import restorable, rows_reader

_UNTIL_THE_END = ExitStack()  # of the process


class HandedOver(Model, frozen=True, kw_only=True):
    """Which backup to read, and with what; small enough for one line, whatever the manifest's size."""

    repository: RepositoryTarget
    backup_id: str
    manifest_digest: str  # of the manifest whose signature was checked
    unlocking: Unlocking = Unlocking()

    @classmethod
    def of(cls, manifest: Manifest, repository: RepositoryTarget, unlocking: Unlocking) -> Self:
        """The backup of that manifest."""
        digest = manifest_digest(manifest)
        return cls(repository=repository, backup_id=manifest.id, manifest_digest=digest, unlocking=unlocking)

    def manifest(self) -> Manifest:
        """That manifest, read again; composed where it was. Raises `BackupDamagedError` when it is another one by now."""
        repository = open_repository(self.repository)
        manifest = repository.manifest(self.backup_id)
        if manifest_digest(manifest) != self.manifest_digest:
            manifest = restorable(repository, manifest)
        if manifest_digest(manifest) != self.manifest_digest:
            raise BackupDamagedError(
                f"the manifest of backup {self.backup_id} was exchanged while the backup was being read",
                remedy="find out who could write into the repository, and use another copy",
            )
        return manifest

    def open_artifact(self, manifest: Manifest) -> ArtifactFiles:
        """Its artifact, to be closed by the caller. Raises `BackupDamagedError`, `NotFoundError`."""
        return open_repository(self.repository).open_artifact(manifest)

    def reader(self, manifest: Manifest) -> RowsReader:
        """Reads its segments, for as long as the process lives. Raises what `SegmentReader` does too."""
        repository = open_repository(self.repository)
        return rows_reader(repository, manifest, identities_of(self.unlocking), _UNTIL_THE_END)
