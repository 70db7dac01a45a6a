"""What looking into a backup shows: rows of a table, differences, files that were exported."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pantry_tui.models.base import Model
from pantry_tui.models.kinds import BackupFormat


class ShortenedValue(Model, frozen=True, kw_only=True):
    """A value of a page of which only the beginning is there. ``row`` and ``column`` count from 0 within the page."""

    row: int
    column: int
    bytes: int  # of the whole value, as the backup holds it


PEEK_ROWS = 20  # of a page, where nobody says how many


class TablePage(Model, frozen=True, kw_only=True):
    """Some rows of a table as a backup holds them, in the order in which it holds them.

    Values are text as the server wrote it, None for NULL. ``skip`` rows stand before these.
    """

    backup_id: str
    schema: str
    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    skip: int
    total_rows: int  # of the whole table
    shortened: tuple[ShortenedValue, ...] = ()


def shown_value(value: str | None) -> str:
    """A value of a page for people: NULL bare; what could be mistaken for it, or not be seen, in double quotes."""
    if value is None:
        return "NULL"
    return f'"{value}"' if value in ("", "NULL") or value.startswith('"') else value


LIVE = "live"  # what stands for the database itself where another backup may be named


class DiffStatus(StrEnum):
    """What the comparison of a table came to; the first difference that counts."""

    EQUAL = "equal"
    ROWS = "rows differ"  # in number
    CONTENT = "content differs"  # the same number of rows, and other fingerprints
    COLUMNS = "columns differ"  # their names, whatever their order
    ONLY_A = "only in A"
    ONLY_B = "only in B"
    UNKNOWN = "not comparable"  # by content; their numbers of rows agree, where both are known


class DiffSide(Model, frozen=True, kw_only=True):
    """One of the two things that were compared."""

    kind: str  # backup or live
    name: str  # the backup's id, or what the database is called
    database: str
    server_version: str
    at: datetime  # of the snapshot


class TableDiff(Model, frozen=True, kw_only=True):
    """A table on both sides; what a side does not have, or does not know, is None."""

    schema: str
    name: str
    status: DiffStatus
    rows_a: int | None
    rows_b: int | None
    bytes_a: int | None = None  # of the rows' text, as a backup of that format has it; of a live database unknown
    bytes_b: int | None = None
    server_bytes_a: int | None = None  # on the server's disk: pages of the table and of its TOAST table, no indexes
    server_bytes_b: int | None = None
    columns_added: tuple[str, ...] = ()  # only in B
    columns_removed: tuple[str, ...] = ()  # only in A
    reason: str | None = None  # why the content could not be compared


def sizes_of(table: TableDiff, *, live: bool) -> tuple[int | None, int | None]:
    """What is compared of its sizes: the text of its rows, or with a database that has none, what is on the server's disk."""
    return (table.server_bytes_a, table.server_bytes_b) if live else (table.bytes_a, table.bytes_b)


class BackupDiff(Model, frozen=True, kw_only=True):
    """A backup compared with another, or with a live database, table by table."""

    a: DiffSide
    b: DiffSide
    tables: tuple[TableDiff, ...]
    equal: int  # tables
    different: int
    not_comparable: int
    remarks: tuple[str, ...] = ()
    duration_seconds: float = 0.0

    @property
    def is_live(self) -> bool:
        """Whether B is a database, which has no text to measure."""
        return self.b.kind == LIVE

    @property
    def is_equal(self) -> bool:
        """Whether every table was found equal."""
        return self.different == self.not_comparable == 0


class ExportedTable(Model, frozen=True, kw_only=True):
    """A table of an exported file."""

    schema: str
    name: str
    rows: int
    file: str | None = None  # what it is called in a zip file


class BackupExport(Model, frozen=True, kw_only=True):
    """What was exported, and what of it is not in the file."""

    backup_id: str
    path: str  # `-`: standard output
    format: BackupFormat
    tables: int
    rows: int
    bytes: int  # of the file
    raw_bytes: int  # of the text in it
    encrypted: bool
    table_list: tuple[ExportedTable, ...]
    left_out: tuple[str, ...]  # what points to tables that were not chosen
    warnings: tuple[str, ...]
    duration_seconds: float
