"""What a comparison of two backups, or of a backup and a database, has found."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.content import Content

from pantry_tui.models import LIVE, BackupDiff, DiffSide, DiffStatus, TableDiff
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


def differences_first(diff: BackupDiff) -> list[TableDiff]:
    """The tables, equal ones last."""
    return sorted(diff.tables, key=lambda table: table.status is DiffStatus.EQUAL)


def key_of(table: TableDiff) -> str:
    """What tells a table from every other of the comparison."""
    return repr((table.schema, table.name))


def table_rows(tables: Iterable[TableDiff], colour: Callable[[str], str], glyphs: Glyphs) -> list[Row]:
    """One line for each table."""
    return [_row(table, colour, glyphs) for table in tables]


def _row(table: TableDiff, colour: Callable[[str], str], glyphs: Glyphs) -> Row:
    words, name = _status_words(table.status, glyphs)
    cells = (
        cell(f"{table.schema}.{table.name}"),
        cell(words, colour(name)),
        cell("" if table.rows_a is None else f"{table.rows_a:,}", right=True),
        cell("" if table.rows_b is None else f"{table.rows_b:,}", right=True),
    )
    return Row(key_of(table), cells)


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


def remark_words(table: TableDiff) -> str:
    """What is to be said of one table beyond its status."""
    if table.reason:
        return visible(table.reason)
    columns = [*(f"+{name}" for name in table.columns_added), *(f"-{name}" for name in table.columns_removed)]
    return visible(f"columns {', '.join(columns)}") if columns else ""
