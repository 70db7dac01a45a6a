"""One backup: its tables with rows, sizes and fingerprints, its files, warnings, server and tools."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.errors import PantryError
from pantry_tui.models import BackupDetails, BackupSummary, TableSummary
from screens.backup_rows import BackupRowsScreen
from screens.bindings import bindings_of
from screens.command import DETAILS
from screens.commands import command
from screens.list_screen import WIDE
from screens.one_backup import OneBackupScreen
from screens.situation import Situation
from screens.widgets import figures
from screens.widgets.summary import as_content, backup_lines, details_lines, signature_lines
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell, shortened, visible

_FINGERPRINT = 22  # as long as they get: sums of 64-bit hashes
_SHORT_FINGERPRINT = 11


def _columns(fingerprint: int, *, since: bool = False) -> tuple[Column, ...]:
    """``since``: of an incremental backup."""
    return (
        Column("table", "Table"),
        Column("rows", "Rows", 10, right=True),
        Column("changed", "Changed", 9, right=True) if since else Column("raw", "Raw", 9, right=True),
        Column("stored", "Stored", 9, right=True),
        Column("fingerprint", "Fingerprint", fingerprint, right=True),
    )


class BackupDetailsScreen(OneBackupScreen):
    """The details of one backup; tab moves between the tables and the facts."""

    PANE = DETAILS
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DETAILS)

    def __init__(self, backup_id: str) -> None:
        super().__init__()
        self._backup_id = backup_id

    @property
    def selected(self) -> BackupSummary | None:
        return self.known.backup(self._backup_id)

    @property
    def selected_table(self) -> TableSummary | None:
        """The table under the cursor."""
        details = self.known.details.get(self._backup_id)
        if not isinstance(details, BackupDetails) or not self.is_mounted:
            return None
        key = self.query_one("#tables", CalmTable).selected_key
        return next((each for each in details.tables if each.quoted_name == key), None)

    def situation(self) -> Situation:
        table = self.selected_table
        return replace(super().situation(), table=None if table is None else table.quoted_name)

    def body(self) -> Iterable[Widget]:
        yield Static(id="heading", markup=False)
        with Horizontal(id="facts-and-tables"):
            with Vertical(id="tables-side"):
                yield CalmTable(_columns(self._fingerprint_width), id="tables")
            with VerticalScroll(id="facts", can_focus=True):
                yield Static(id="facts-words", markup=False)

    def draw(self) -> None:
        super().draw()
        if not self.is_mounted:
            return
        backup = self.selected
        if backup is None:
            self.query_one("#heading", Static).update(Content("This backup is gone. esc goes back to the list."))
            return
        self.pantry.want_details(backup)
        self._draw_backup(backup, self.known.details.get(backup.id))

    @on(CalmTable.RowHighlighted)
    def _moved(self) -> None:
        self.draw_keys()

    @on(CalmTable.RowSelected)
    async def _opened(self) -> None:
        await self.perform(command("backup.rows"))

    def do_backup_rows(self) -> None:
        backup, table = self.selected, self.selected_table
        if backup is not None and table is not None:
            self.app.push_screen(BackupRowsScreen(backup, table))

    @property
    def _fingerprint_width(self) -> int:
        return _SHORT_FINGERPRINT if self.app.size.width < WIDE else _FINGERPRINT

    def _draw_backup(self, backup: BackupSummary, details: BackupDetails | PantryError | None) -> None:
        heading = Content.assemble((visible(backup.name), "bold"), (f"   {visible(backup.id)}", "$muted"))
        self.query_one("#heading", Static).update(heading)
        lines = backup_lines(backup, self.pantry.now(), self.pantry.glyphs)
        if isinstance(details, BackupDetails):
            lines = [*signature_lines(details), *lines, *details_lines(details)]
            table = self.query_one("#tables", CalmTable)
            table.set_columns(_columns(self._fingerprint_width, since=backup.base is not None))
            table.show([self._row(each) for each in details.tables])
        elif details is not None:
            lines += [("", "", ""), ("not read", visible(details.message), "$error")]
        else:
            lines += [("", "", ""), ("tables", f"being read{self.pantry.glyphs.ellipsis}", "$muted")]
        facts = self.query_one("#facts-words", Static)
        facts.update(as_content(lines, facts.size.width or 74))

    def _row(self, table: TableSummary) -> Row:
        muted = self.pantry.colour("muted")
        archived = table.carried_by != "segments"
        fingerprint = "archived" if archived else table.fingerprint or "none"
        fingerprint = shortened(fingerprint, self._fingerprint_width, self.pantry.glyphs.ellipsis)
        cells = (
            cell(f"{table.schema}.{table.name}"),
            cell(figures.count(table.rows), right=True),
            cell(figures.size(table.raw_bytes) if table.own_rows is None else _changed(table), right=True),
            cell(figures.size(table.stored_bytes), right=True),
            cell(fingerprint, muted, right=True),
        )
        return Row(table.quoted_name, cells)


def _changed(table: TableSummary) -> str:
    """How many rows stand in an incremental backup itself."""
    return "all" if table.whole or table.carried_by != "segments" else figures.count(table.own_rows or 0)
