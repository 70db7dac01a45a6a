"""Which schemas get which names."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

from pantry_tui.artifact.toc import TocEntry
from pantry_tui.config.restoring import NAME_BYTES
from pantry_tui.errors import NotFoundError, UsageError
from pantry_tui.models import BackupKind, RestoreRequest, Strategy
from pantry_tui.recovery.database import quoted_names

_OF_THE_SERVER = ("pg_catalog", "information_schema")


def require_names(request: RestoreRequest) -> None:
    """Raises `UsageError` for names that schemas cannot have, and for what cannot be asked for together with them."""
    if request.strategy is not Strategy.REPLACE:
        raise UsageError(
            f"under another name nothing is there to {request.strategy} with", remedy="leave the strategy out"
        )
    for which in (0, 1):
        names = [pair[which] for pair in request.rename_schemas]
        if twice := {name for name in names if names.count(name) > 1}:
            raise UsageError(f"schema {twice.pop()} is named twice", remedy="give each schema one new name")
    for old, new in request.rename_schemas:
        _require_name(new)
        if old == new or old in _OF_THE_SERVER or old.startswith("pg_"):
            raise UsageError(
                f"schema {old} cannot become {new}", remedy="name a schema of the backup, and another name"
            )


def _require_name(name: str) -> None:
    if not name or any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise UsageError(f"{name!r} cannot be the name of a schema", remedy="choose one without control characters")
    if len(name.encode()) > NAME_BYTES:
        raise UsageError(f"the name of a schema has at most {NAME_BYTES} bytes: {name}", remedy="choose a shorter one")
    if name.startswith("pg_") or name in _OF_THE_SERVER:
        raise UsageError(f"{name} is a name that PostgreSQL keeps for itself", remedy="choose another one")


def require_of_backup(
    renames: Sequence[tuple[str, str]], toc: Collection[TocEntry], backup_id: str, kind: BackupKind
) -> None:
    """Raises `NotFoundError` for a schema that the backup does not hold, `UsageError` for one of rows alone."""
    if kind not in (BackupKind.FULL, BackupKind.SCHEMA):
        raise UsageError(
            f"backup {backup_id} holds rows alone, which go into tables that are there",
            remedy="restore a full backup under another name",
        )
    schemas = {entry.schema for entry in toc if entry.schema} | {entry.tag for entry in toc if entry.kind == "SCHEMA"}
    for old, new in renames:
        if old not in schemas:
            raise NotFoundError(
                f"backup {backup_id} holds nothing in a schema {old}",
                remedy=f"it has {quoted_names(sorted(schemas))}" if schemas else "see `pantry-tui backup show`",
            )
        if new in schemas - {each for each, _ in renames}:
            raise UsageError(
                f"the backup has a schema {new} itself, which {old} would collide with", remedy="choose another name"
            )
