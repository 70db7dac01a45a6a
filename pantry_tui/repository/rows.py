"""Reading the rows of a backup; those of an incremental one with its base's, as one backup."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.composed import ComposedReader, compose
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.reader import RowsReader, SegmentReader, check_file
from pantry_tui.errors import BackupDamagedError, NotFoundError
from pantry_tui.repository.local import LocalRepository


def restorable(repository: LocalRepository, manifest: Manifest) -> Manifest:
    """The same manifest; that of an incremental backup together with its base, whose manifest it names by its hash.

    Raises `BackupDamagedError` when the base is missing or another one.
    """
    return manifest if manifest.base is None else compose(manifest, base_of(repository, manifest))


def base_of(repository: LocalRepository, manifest: Manifest) -> Manifest:
    """The manifest of an incremental backup's base. Raises `BackupDamagedError` when it is missing or another one."""
    assert manifest.base is not None  # of an incremental
    try:
        stored = repository.stored_manifest(manifest.base.id)
    except NotFoundError as error:
        raise BackupDamagedError(
            f"backup {manifest.id} builds on {manifest.base.id}, which the repository {repository.name} does not have",
            remedy="put the base back; without it only other backups can be restored",
        ) from error
    if stored.link.sha256 != manifest.base.sha256:
        raise BackupDamagedError(
            f"backup {manifest.id} builds on {manifest.base.id} as it was, whose manifest has been exchanged since",
            remedy="put the base's own files back, or restore from another backup",
        )
    return stored.decode()


@contextmanager
def open_rows(
    repository: LocalRepository, manifest: Manifest, identities: Sequence[Identity] = ()
) -> Iterator[RowsReader]:
    """Reads the segments of a manifest, composed or not (see `restorable`).

    Raises as `LocalRepository.open` and `SegmentReader` do, and `BackupDamagedError` for an incremental backup whose manifest
    has changed meanwhile.
    """
    with ExitStack() as opened:
        yield rows_reader(repository, manifest, identities, opened)


def rows_reader(
    repository: LocalRepository, manifest: Manifest, identities: Sequence[Identity], opened: ExitStack
) -> RowsReader:
    """The same; ``opened`` closes its files."""

    def read(one: Manifest) -> SegmentReader:
        return SegmentReader(opened.enter_context(repository.open_artifact(one)), one, identities)

    if not manifest.is_composed:
        return read(manifest)
    own = repository.manifest(manifest.id)
    base = base_of(repository, own)
    if compose(own, base) != manifest:
        raise BackupDamagedError(
            f"the manifest of backup {manifest.id} was exchanged while the backup was being read",
            remedy="find out who could write into the repository, and use another copy",
        )
    return ComposedReader(own, read(own), base, read(base), removed_lines(repository, own))


def removed_lines(repository: LocalRepository, manifest: Manifest) -> bytes:
    """The stored bytes of an incremental's removed lines. Raises `BackupDamagedError`, `StorageError`."""
    stored = manifest.file("removed")
    with repository.open(manifest.id, stored.name) as file:
        check_file(file, stored, where=str(repository.path(manifest.id) / stored.name))
        return os.pread(file.fileno(), stored.bytes, 0)
