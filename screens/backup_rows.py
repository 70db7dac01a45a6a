"""Rows of a table as a backup holds them, a page at a time, and the value under the cursor in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Static

from pantry_tui.errors import KeyMissingError, PantryError, WrongKeyError
from pantry_tui.models import BackupSummary, TablePage, TableSummary, shown_value
from pantry_tui.runner.keys import unlocking_for
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import ROWS
from screens.explain import failure_words
from screens.frame import FramedScreen
from screens.situation import Situation
from screens.unlock_backup import Keys, UnlockToLook
from screens.widgets import figures
from screens.widgets.rows_table import RowsTable
from screens.widgets.text import squeezed, visible

PAGE_ROWS = 100
FEWEST_ROWS = 20
PAGE_VALUES = 4000  # 10,000 cells take most of a second to add


class RowsAnswered(Message):
    """A page of rows, or why it could not be read. ``at_end``: the cursor goes to its last row."""

    def __init__(self, answer: TablePage | PantryError, *, at_end: bool) -> None:
        super().__init__()
        self.answer = answer
        self.at_end = at_end


class BackupRowsScreen(FramedScreen[None]):
    """Pages through one table of one backup."""

    PANE = ROWS
    AUTO_FOCUS: ClassVar[str | None] = "RowsTable"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ROWS)

    def __init__(self, backup: BackupSummary, table: TableSummary) -> None:
        super().__init__()
        self._backup = backup
        self._table = table
        self._page: TablePage | None = None
        self._problem: PantryError | None = None
        self._keys: Keys | None = None  # what somebody gave to open it; None: what is configured
        self._page_rows = max(FEWEST_ROWS, min(PAGE_ROWS, PAGE_VALUES // max(1, len(table.columns))))

    def body(self) -> Iterable[Widget]:
        yield Static(id="heading", markup=False)
        with Vertical(id="tables-side"):
            yield RowsTable(id="list")
            yield Static(id="empty", markup=False)
        with VerticalScroll(id="value", can_focus=True):
            yield Static(id="value-words", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self._turn_to(0)

    def situation(self) -> Situation:
        page = self._page
        return Situation(
            connected=self.known.attached,
            backup=self._backup,
            table=self._table.quoted_name,
            rows_before=page is not None and page.skip > 0,
            rows_behind=page is not None and page.skip + len(page.rows) < page.total_rows,
        )

    def _turn_to(self, skip: int, *, at_end: bool = False) -> None:
        self._read(max(0, skip), at_end=at_end)

    @work(group="rows", exclusive=True, exit_on_error=False)
    async def _read(self, skip: int, *, at_end: bool) -> None:
        link, backup, config = self.pantry.link, self._backup, self.pantry.config
        answer = await link.rows(
            backup.id,
            backup.repository,
            self._table.quoted_name,
            limit=self._page_rows,
            skip=skip,
            keys=self._keys or (lambda: unlocking_for(config, encrypted=backup.encrypted)),
        )
        self.post_message(RowsAnswered(answer, at_end=at_end))

    def on_rows_answered(self, message: RowsAnswered) -> None:
        if isinstance(message.answer, PantryError):
            self._problem = message.answer
            self._ask_for_keys(message.answer)
        else:
            self._page, self._problem = message.answer, None
            self._show_page(message.answer, at_end=message.at_end)
        self.draw()

    def _ask_for_keys(self, why: PantryError) -> None:
        if isinstance(why, KeyMissingError | WrongKeyError) and self.is_current:
            self.app.push_screen(UnlockToLook(self._backup, self._table.quoted_name, why, self._open_with))

    def _open_with(self, keys: Keys) -> None:
        self._keys = keys
        self._turn_to(self._page.skip if self._page is not None else 0)

    def _show_page(self, page: TablePage, *, at_end: bool) -> None:
        rows = page.rows if page.columns else ()
        self.query_one(RowsTable).show(
            page.columns, rows, number=page.skip + 1, muted=self.pantry.colour("muted"), at_end=at_end
        )

    def draw(self) -> None:
        super().draw()
        if not self.is_mounted:
            return
        place = f"   {self._place()}"
        room = self.size.width - len(place) - 4
        table = squeezed(visible(f"{self._table.schema}.{self._table.name}"), room, self.pantry.glyphs.ellipsis)
        heading = Content.assemble((table, "bold"), (place, "$muted"))
        self.query_one("#heading", Static).update(heading)
        self.set_class(self._problem is not None or not self._rows_shown(), "-empty")
        self.query_one("#empty", Static).update(self._instead_of_rows())
        self._draw_value()

    def _rows_shown(self) -> bool:
        return self._page is not None and bool(self._page.rows) and bool(self._page.columns)

    def _place(self) -> str:
        page = self._page
        if page is None or not page.rows:
            return figures.plural(self._table.rows, "row")
        return f"rows {page.skip + 1:,} to {page.skip + len(page.rows):,} of {page.total_rows:,}"

    def _instead_of_rows(self) -> Content:
        if self._problem is not None:
            return failure_words(self._problem)
        if self._page is None:
            return Content(f"Reading the rows{self.pantry.glyphs.ellipsis}")
        if not self._page.total_rows:
            return Content("This table has no rows.")
        return Content(f"This table has no columns; it has {figures.plural(self._page.total_rows, 'row')}.")

    @on(DataTable.CellHighlighted)
    def _moved(self) -> None:
        self._draw_value()

    def _draw_value(self) -> None:
        if not self._rows_shown():
            return
        self.query_one("#value-words", Static).update(self._value_words())

    def _selected_value(self) -> str | None:
        assert self._page is not None
        at = self.query_one(RowsTable).cursor_coordinate
        return self._page.rows[at.row][at.column]

    def _whole_bytes(self) -> int | None:
        """How long the value under the cursor is in the backup, where only its beginning is here."""
        assert self._page is not None
        at = self.query_one(RowsTable).cursor_coordinate
        found = (each.bytes for each in self._page.shortened if (each.row, each.column) == (at.row, at.column))
        return next(found, None)

    def _value_words(self) -> Content:
        assert self._page is not None
        at, value, whole = self.query_one(RowsTable).cursor_coordinate, self._selected_value(), self._whole_bytes()
        part = f", the beginning of {figures.size(whole)}" if whole is not None else ""
        where = (
            f"   row {self._page.skip + at.row + 1:,}, column {at.column + 1:,} of {len(self._page.columns):,}{part}"
        )
        lines = "\n".join(visible(line) for line in shown_value(value).split("\n"))
        return Content.assemble(
            (visible(self._page.columns[at.column]), "bold $accent"),
            (where, "$muted"),
            "\n",
            (lines, "$muted" if value is None else ""),
        )

    @on(RowsTable.Left)
    def _left(self, message: RowsTable.Left) -> None:
        if not message.far:
            self._step(message.direction, at_end=message.direction < 0)
            return
        situation = self.situation()
        if message.direction < 0 and situation.rows_before:
            self._turn_to(0)
        elif message.direction > 0 and situation.rows_behind and self._page is not None:
            last = (self._page.total_rows - 1) // self._page_rows * self._page_rows
            self._turn_to(last, at_end=True)

    def _step(self, direction: int, *, at_end: bool = False) -> None:
        situation = self.situation()
        if self._page is not None and (situation.rows_behind if direction > 0 else situation.rows_before):
            self._turn_to(self._page.skip + direction * self._page_rows, at_end=at_end)

    def do_rows_next(self) -> None:
        self._step(1)

    def do_rows_previous(self) -> None:
        self._step(-1)

    def do_list_refresh(self) -> None:
        super().do_list_refresh()
        self._turn_to(self._page.skip if self._page is not None else 0)

    def do_copy_value(self) -> None:
        if not self._rows_shown():
            return
        value = self._selected_value()
        if value is None:
            self.say("NULL is no value to copy", severity="warning")
        elif self._whole_bytes() is not None:
            self.say("only the beginning of this value is here; the command line prints it whole", severity="warning")
        else:
            self.copy(value)

    def do_copy_command(self) -> None:
        repository = self.pantry.link.named_repository(self._backup.repository)
        skip = self._page.skip if self._page is not None else 0
        argv = command_lines.peek(self._backup.id, self._table.quoted_name, skip=skip, repository=repository)
        self.copy(command_lines.shown(argv))
