"""Reading the rows of a backup; those of an incremental one with its base's, as one backup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.composed import ComposedReader, ReadBytes, compose
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.reader import RowsReader, SegmentReader, check_file
from pantry_tui.errors import BackupDamagedError
from pantry_tui.repository.bases import base_of
from pantry_tui.repository.repository import Repository


def restorable(repository: Repository, manifest: Manifest) -> Manifest:
    """The same manifest; that of an incremental backup together with its base, whose manifest it names by its hash.

    Raises `BackupDamagedError` when the base is missing or another one.
    """
    return manifest if manifest.base is None else compose(manifest, base_of(repository, manifest))


@contextmanager
def open_rows(repository: Repository, manifest: Manifest, identities: Sequence[Identity] = ()) -> Iterator[RowsReader]:
    """Reads the segments of a manifest, composed or not (see `restorable`).

    Raises as `Repository.open` and `SegmentReader` do, and `BackupDamagedError` for an incremental backup whose manifest
    has changed meanwhile.
    """
    with ExitStack() as opened:
        yield rows_reader(repository, manifest, identities, opened)


def rows_reader(
    repository: Repository, manifest: Manifest, identities: Sequence[Identity], opened: ExitStack
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
    return ComposedReader(own, read(own), base, read(base), removed_lines(repository, own, opened))


def removed_lines(repository: Repository, manifest: Manifest, opened: ExitStack) -> ReadBytes:
    """Gives parts of an incremental's removed lines as they are stored, by offset and length; ``opened`` closes the file.

    Read as they are needed: where much was deleted from a large database, all of them would fill a worker's memory. Raises
    `BackupDamagedError`, `StorageError`.
    """
    stored = manifest.file("removed")
    file = opened.enter_context(repository.open(manifest.id, stored.name))
    check_file(file, stored)

    def read(offset: int, length: int) -> bytes:
        if not 0 <= offset <= offset + length <= stored.bytes:  # as only a manifest that nobody believed could say
            return b""
        return file.read(offset, length)

    return read
