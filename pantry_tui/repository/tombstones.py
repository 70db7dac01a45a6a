"""Tombstones: signed notes of the backups that were deleted on purpose, `REPOSITORY/tombstones/<id>.json`.

Each backup names the one that was published before it. Where that one is gone and left no tombstone, somebody else
removed it. A tombstone repeats what the deleted backup named as its own predecessor, so that the chain goes on.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from pantry_tui.artifact.files import (
    DIRECTORY_MODE,
    fsync_directory,
    open_file_in,
    read_descriptor,
    storage_errors,
    write_atomically,
)
from pantry_tui.artifact.manifest import PreviousBackup
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.ids import is_backup_id

FOLDER = "tombstones"
PURPOSE = "tombstone"

_SUFFIX = ".json"
_UNFINISHED = ".json.tmp"
_LARGEST = 1 << 16


class Tombstone(Model, frozen=True, kw_only=True):
    """A backup was deleted. ``manifest_sha256`` is of the manifest that was deleted, ``previous`` what it named.

    Both are None where that could not be read.
    """

    id: str
    manifest_sha256: str | None
    previous: PreviousBackup | None
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    by: str
    forced: bool


def write_tombstone(repository: Path, tombstone: Tombstone, authority: Authority) -> Path:
    """Writes one, durable when this returns, in place of an older one of the same backup.

    Raises OSError, and what the key raises that signs it.
    """
    if not is_backup_id(tombstone.id):  # it becomes part of a path
        raise BackupDamagedError(f"{tombstone.id!r} is not the id of a backup")
    document = authority.sign(tombstone.to_json(), purpose=PURPOSE)
    folder = repository / FOLDER
    with suppress(FileExistsError):
        folder.mkdir(mode=DIRECTORY_MODE)
        fsync_directory(repository)
    path = folder / f"{tombstone.id}{_SUFFIX}"
    write_atomically(path, document)
    return path


def tombstone_ids(repository: Path) -> list[str]:
    """The ids that have one, believable or not. Raises OSError."""
    names = _names(repository)
    return sorted(name.removesuffix(_SUFFIX) for name in names if is_backup_id(name.removesuffix(_SUFFIX)))


def unfinished_tombstones(repository: Path) -> list[str]:
    """What crashes left of some, by their paths in the repository. Raises OSError."""
    names = [name for name in _names(repository) if name.startswith(".") and name.endswith(_UNFINISHED)]
    return [f"{FOLDER}/{name}" for name in names if is_backup_id(name[1 : -len(_UNFINISHED)])]


def read_tombstone(repository: Path, backup_id: str, authority: Authority) -> Tombstone:
    """The tombstone of a backup.

    Raises `StorageError`, `BackupDamagedError` when it is none or its signature does not fit, `UntrustedSignerError`.
    """
    folder, name = repository / FOLDER, f"{backup_id}{_SUFFIX}"
    with storage_errors(folder / name, "reading a tombstone"):
        descriptor = open_file_in(folder, name)
        try:
            document = read_descriptor(descriptor, folder / name, limit=_LARGEST)
        finally:
            os.close(descriptor)
    data = authority.open(document, purpose=PURPOSE, where=str(folder / name))
    try:
        tombstone = Tombstone.from_json(data)
    except msgspec.DecodeError as error:
        raise BackupDamagedError(f"{folder / name} is not a readable tombstone", detail=str(error)) from error
    if tombstone.id != backup_id:
        raise BackupDamagedError(f"{folder / name} is the tombstone of another backup: {tombstone.id}")
    return tombstone


def _names(repository: Path) -> list[str]:
    try:
        with os.scandir(repository / FOLDER) as entries:
            return sorted(entry.name for entry in entries)
    except FileNotFoundError:
        return []
