"""What a comparison of two backups, or of a backup and a database, has found."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content

from pantry_tui.models import LIVE, BackupDiff, DiffSide, DiffStatus, TableDiff, sizes_of
from screens.list_screen import WIDE
from screens.widgets import figures
from screens.widgets.glyphs import Glyphs
from screens.widgets.table import Column, Row
from screens.widgets.text import cell, visible

COLUMNS = (
    Column("table", "Table"),
    Column("status", "Status", 17),
    Column("a", "Rows in A", 12, right=True),
    Column("b", "Rows in B", 12, right=True),
)
_TEXTS = (Column("size-a", "Text in A", 10, right=True), Column("size-b", "Text in B", 10, right=True))
_DISKS = (Column("size-a", "Disk in A", 10, right=True), Column("size-b", "Disk in B", 10, right=True))


def columns_of(diff: BackupDiff | None, width: int) -> tuple[Column, ...]:
    """The columns for a comparison on a terminal of that width: a narrow one has no room for sizes."""
    if diff is None or width < WIDE:
        return COLUMNS
    return (*COLUMNS, *(_DISKS if diff.is_live else _TEXTS))


def differences_first(diff: BackupDiff) -> list[TableDiff]:
    """The tables, equal ones last."""
    return sorted(diff.tables, key=lambda table: table.status is DiffStatus.EQUAL)


def key_of(table: TableDiff) -> str:
    """What tells a table from every other of the comparison."""
    return repr((table.schema, table.name))


def table_rows(diff: BackupDiff, width: int, colour: Callable[[str], str], glyphs: Glyphs) -> list[Row]:
    """One line for each table, with cells for `columns_of`; those that differ first."""
    count = len(columns_of(diff, width))
    return [_row(table, diff, count, colour, glyphs) for table in differences_first(diff)]


def _row(table: TableDiff, diff: BackupDiff, count: int, colour: Callable[[str], str], glyphs: Glyphs) -> Row:
    words, name = _status_words(table.status, glyphs)
    sizes = ["" if each is None else figures.size(each) for each in sizes_of(table, live=diff.is_live)]
    cells = (
        cell(f"{table.schema}.{table.name}"),
        cell(words, colour(name)),
        cell("" if table.rows_a is None else f"{table.rows_a:,}", right=True),
        cell("" if table.rows_b is None else f"{table.rows_b:,}", right=True),
        *(cell(each, right=True) for each in sizes),
    )
    return Row(key_of(table), cells[:count])


def _status_words(status: DiffStatus, glyphs: Glyphs) -> tuple[str, str]:
    match status:
        case DiffStatus.EQUAL:
            return f"{glyphs.good} {status}", "success"
        case DiffStatus.UNKNOWN:
            return f"{glyphs.unknown} {status}", "muted"
        case _:
            return f"{glyphs.bad} {status}", "warning"


def verdict(diff: BackupDiff, glyphs: Glyphs) -> tuple[str, str]:
    """The whole comparison in a few words, and the style for them."""
    equal = figures.plural(diff.equal, "table")
    if diff.is_equal:
        return f"{glyphs.good} equal: {equal}", "bold $success"
    parts = [f"{equal} equal"]
    if diff.different:
        parts.append(f"{figures.count(diff.different)} {'differs' if diff.different == 1 else 'differ'}")
    if diff.not_comparable:
        parts.append(f"{figures.count(diff.not_comparable)} not comparable")
    return ", ".join(parts), "bold $warning"


def diff_words(diff: BackupDiff, glyphs: Glyphs) -> Content:
    """The outcome: verdict, both sides, remarks."""
    sides = f"\nA  {_side(diff.a)}\nB  {_side(diff.b)}"
    remarks = "".join(f"\n{visible(remark)}" for remark in diff.remarks)
    return Content.assemble(verdict(diff, glyphs), sides, (remarks, "$muted"))


def _side(side: DiffSide) -> str:
    what = f"{side.database} (live)" if side.kind == LIVE else f"{side.name} of {side.database}"
    return visible(f"{what}, {figures.moment(side.at)}")


def remark_words(table: TableDiff, diff: BackupDiff, width: int) -> str:
    """What is to be said of one table beyond its line."""
    columns = [*(f"+{name}" for name in table.columns_added), *(f"-{name}" for name in table.columns_removed)]
    words = [table.reason or (f"columns {', '.join(columns)}" if columns else ""), _size_words(table, diff, width)]
    return visible("; ".join(filter(None, words)))


def _size_words(table: TableDiff, diff: BackupDiff, width: int) -> str:
    """Its sizes, where they have no column."""
    sizes = sizes_of(table, live=diff.is_live)
    if width >= WIDE or not any(sizes):
        return ""
    a, b = ("unknown" if each is None else figures.size(each) for each in sizes)
    return f"{'disk' if diff.is_live else 'text'}: {a} in A, {b} in B"
