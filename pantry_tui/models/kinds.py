"""What a backup can be: its kind, its format, its compression, and what of a database it holds."""

from __future__ import annotations

from enum import StrEnum

from pantry_tui.models.base import Model


class BackupKind(StrEnum):
    """What a backup holds."""

    FULL = "full"  # schema and all rows
    INCREMENTAL = "incremental"  # what changed since a base backup
    SCHEMA = "schema"  # everything but rows
    DATA = "data"  # rows only
    FOREIGN = "foreign"  # a dump that others made, as it was brought


TAKEN_KINDS = tuple(kind for kind in BackupKind if kind is not BackupKind.FOREIGN)  # of backups of this program's own


class BackupFormat(StrEnum):
    """How the rows are written."""

    SQL = "sql"  # one document that psql restores
    JSON = "json"
    CSV = "csv"


class Compression(StrEnum):
    """How the artifact is compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    NONE = "none"


class Strategy(StrEnum):
    """What becomes of rows that are there already."""

    REPLACE = "replace"  # the tables become what the backup says
    MERGE = "merge"  # the backup's rows are put in or updated, by key; others stay
    APPEND = "append"  # missing rows are put in; those that are there are never touched


class BackupSelection(Model, frozen=True, kw_only=True):
    """What of a database a backup is to hold: patterns as `pg_dump` takes them. Empty: everything."""

    tables: tuple[str, ...] = ()
    exclude_tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    exclude_schemas: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.tables or self.exclude_tables or self.schemas or self.exclude_schemas)
