"""Tombstones: signed notes of the backups that were deleted on purpose, `REPOSITORY/tombstones/<id>.json`.

Each backup names the one that was published before it. Where that one is gone and left no tombstone, somebody else
removed it. A tombstone repeats what the deleted backup named as its own predecessor, so that the chain goes on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import PreviousBackup
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.folder import Folder
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


def tombstone_name(backup_id: str) -> str:
    """What the tombstone of a backup is called in its folder."""
    return f"{backup_id}{_SUFFIX}"


def write_tombstone(tombstones: Folder, tombstone: Tombstone, authority: Authority) -> None:
    """Writes one, durable when this returns, in place of an older one of the same backup.

    Raises OSError, `StorageError`, and what the key raises that signs it.
    """
    if not is_backup_id(tombstone.id):  # it becomes part of a path
        raise BackupDamagedError(f"{tombstone.id!r} is not the id of a backup")
    tombstones.write(tombstone_name(tombstone.id), authority.sign(tombstone.to_json(), purpose=PURPOSE))


def tombstone_ids(tombstones: Folder) -> list[str]:
    """The ids that have one, believable or not. Raises OSError, `StorageError`."""
    names = tombstones.names()
    return sorted(name.removesuffix(_SUFFIX) for name in names if is_backup_id(name.removesuffix(_SUFFIX)))


def unfinished_tombstones(tombstones: Folder) -> list[str]:
    """What crashes left of some, by their paths in the repository. Raises OSError."""
    names = [name for name in tombstones.names() if name.startswith(".") and name.endswith(_UNFINISHED)]
    return [f"{FOLDER}/{name}" for name in names if is_backup_id(name[1 : -len(_UNFINISHED)])]


def read_tombstone(tombstones: Folder, backup_id: str, authority: Authority) -> Tombstone:
    """The tombstone of a backup.

    Raises `StorageError`, `BackupDamagedError` when it is none or its signature does not fit, `UntrustedSignerError`.
    """
    name = tombstone_name(backup_id)
    where = tombstones.where(name)
    with storage_errors(where, "reading a tombstone"):
        document = tombstones.read(name, limit=_LARGEST)
    data = authority.open(document, purpose=PURPOSE, where=where)
    try:
        tombstone = Tombstone.from_json(data)
    except msgspec.DecodeError as error:
        raise BackupDamagedError(f"{where} is not a readable tombstone", detail=str(error)) from error
    if tombstone.id != backup_id:
        raise BackupDamagedError(f"{where} is the tombstone of another backup: {tombstone.id}")
    return tombstone
