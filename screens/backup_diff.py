"""Two backups compared, table by table; those that differ stand on top."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.errors import PantryError
from pantry_tui.models import BackupDiff, BackupSummary
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import DIFF
from screens.explain import failure_words
from screens.frame import FramedScreen
from screens.situation import Situation
from screens.widgets.difference import COLUMNS, columns_of, diff_words, key_of, remark_words, table_rows
from screens.widgets.table import CalmTable


class DiffAnswered(Message):
    """The comparison, or why there is none."""

    def __init__(self, answer: BackupDiff | PantryError) -> None:
        super().__init__()
        self.answer = answer


class BackupDiffScreen(FramedScreen[None]):
    """The comparison of a backup (A) with another (B)."""

    PANE = DIFF
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIFF)

    def __init__(self, backup: BackupSummary, other_id: str) -> None:
        super().__init__()
        self._backup = backup
        self._other_id = other_id
        self._answer: BackupDiff | PantryError | None = None

    def situation(self) -> Situation:
        return Situation(connected=self.known.attached, backup=self._backup)

    def body(self) -> Iterable[Widget]:
        yield Static(id="heading", markup=False)
        with Vertical(id="tables-side"):
            yield CalmTable(COLUMNS, id="list")
            yield Static(id="empty", markup=False)
        yield Static(id="selection", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self._read()

    @work(group="diff", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        link, backup = self.pantry.link, self._backup
        self.post_message(DiffAnswered(await link.diff(backup.id, self._other_id, backup.repository)))

    def on_diff_answered(self, message: DiffAnswered) -> None:
        self._answer = message.answer
        self.draw()

    def draw(self) -> None:
        super().draw()
        if not self.is_mounted:
            return
        answer, glyphs = self._answer, self.pantry.glyphs
        self.set_class(not isinstance(answer, BackupDiff) or not answer.tables, "-empty")
        if isinstance(answer, BackupDiff):
            self.query_one("#heading", Static).update(diff_words(answer, glyphs))
            width, table = self.app.size.width, self.query_one(CalmTable)
            table.set_columns(columns_of(answer, width))
            table.show(table_rows(answer, width, self.pantry.colour, glyphs))
            self.query_one("#empty", Static).update("Neither of them has a table.")
        elif answer is not None:
            self.query_one("#empty", Static).update(failure_words(answer))
        else:
            self.query_one("#empty", Static).update(Content(f"Comparing{glyphs.ellipsis}"))
        self._draw_selection()

    @on(CalmTable.RowHighlighted)
    def _draw_selection(self) -> None:
        words = ""
        if isinstance(self._answer, BackupDiff):
            key, diff, width = self.query_one(CalmTable).selected_key, self._answer, self.app.size.width
            words = next((remark_words(each, diff, width) for each in diff.tables if key_of(each) == key), "")
        self.query_one("#selection", Static).update(Content(words))

    def do_list_refresh(self) -> None:
        super().do_list_refresh()
        self._read()

    def do_copy_command(self) -> None:
        repository = self.pantry.link.named_repository(self._backup.repository)
        self.copy(command_lines.shown(command_lines.diff(self._backup.id, self._other_id, repository=repository)))
