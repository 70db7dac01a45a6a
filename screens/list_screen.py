"""What the lists have in common: a table with filter and sorting, a line about the selection, a pane beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from screens.command import Command
from screens.commands import command
from screens.frame import FramedScreen
from screens.widgets.filter_line import FilterLine, passes
from screens.widgets.table import MAXIMUM_ROWS, CalmTable, Column, Row
from screens.widgets.text import cell

WIDE = 100
BROAD = 150


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of a list: its cells, by which values it sorts, and the text that the filter searches."""

    key: str
    cells: tuple[Text, ...]
    order: tuple[object, ...]
    searched: str


class ListScreen(FramedScreen[None]):
    """A screen whose middle is one table."""

    TITLE_WORDS: ClassVar[str]
    OPEN: ClassVar[str]  # the command that enter does

    def __init__(self) -> None:
        super().__init__()
        self._sorted_by = self.initial_sort
        self._descending = True
        self._paused = False
        self._total = 0

    initial_sort: ClassVar[int] = 0

    @abstractmethod
    def columns(self) -> tuple[Column, ...]:
        """The columns that fit this width."""

    @abstractmethod
    def entries(self) -> list[Entry]:
        """Every line, unsorted and unfiltered."""

    @abstractmethod
    def headline(self) -> str:
        """A few words on the right of the title."""

    @abstractmethod
    def empty_words(self) -> Content:
        """What stands instead of the table when there is nothing in it: what to do now."""

    @abstractmethod
    def selection_words(self) -> Content:
        """One line about the selected entry."""

    @abstractmethod
    def pane_words(self) -> Content:
        """The pane beside the list, where there is room for one."""

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="middle"):
            with Vertical(id="list-side"):
                yield Static(id="heading", markup=False)
                yield FilterLine()
                yield CalmTable(self.columns(), id="list")
                yield Static(id="empty", markup=False)
                yield Static(id="selection", markup=False)
            with VerticalScroll(id="pane", can_focus=False):
                yield Static(id="pane-words", markup=False)

    @property
    def table(self) -> CalmTable:
        """The list's table."""
        return self.query_one("#list", CalmTable)

    @property
    def pane_width(self) -> int:
        """Characters in a line of the pane."""
        return self.query_one("#pane-words").size.width or 58

    @property
    def filter_line(self) -> FilterLine:
        """The input under the heading."""
        return self.query_one(FilterLine)

    def draw(self) -> None:
        super().draw()
        if self.is_mounted and not self._paused:
            self.draw_list()
            self.draw_selection()

    def draw_list(self) -> None:
        """Draws heading and table."""
        table = self.table
        table.set_columns(self.columns())
        entries = self.entries()
        self._total = len(entries)
        kept = [each for each in entries if passes(self.filter_line.value, each.searched)]
        kept.sort(key=self._order, reverse=self._descending)
        self._label_columns()
        table.show([Row(each.key, each.cells) for each in kept])
        self.set_class(not kept, "-empty")
        if not kept:
            self.query_one("#empty", Static).update(self._nothing())
        self._draw_heading(len(kept))

    def _order(self, entry: Entry) -> tuple[bool, object]:
        value = entry.order[self._sorted_by]
        return (value is not None, value if value is not None else 0)

    def _nothing(self) -> Content:
        if not self._total:
            return self.empty_words()
        return Content.assemble("Nothing here contains ", (self.filter_line.value, "bold"), ".\n\nesc shows all again.")

    def _label_columns(self) -> None:
        glyphs = self.pantry.glyphs
        arrow = glyphs.descending if self._descending else glyphs.ascending
        labels = [column.label for column in self.columns()]
        labels[self._sorted_by] = f"{labels[self._sorted_by]} {arrow}"
        self.table.relabel(labels)

    def _draw_heading(self, shown: int) -> None:
        words = [self.headline()]
        if self.filter_line.value:
            words.append(f"{shown} of {self._total} shown")
        if shown > MAXIMUM_ROWS:
            words.append(f"the first {MAXIMUM_ROWS:,} listed")
        separator = f"  {self.pantry.glyphs.dot}  "
        heading = Content.assemble(
            (self.TITLE_WORDS, "bold"),
            ("   paused, space goes on" if self._paused else "", "$warning"),
            ((separator if self._paused else "   ") + separator.join(filter(None, words)), "$muted"),
        )
        self.query_one("#heading", Static).update(heading)

    def draw_selection(self) -> None:
        """Draws what depends on the line under the cursor."""
        self.query_one("#selection", Static).update(self.selection_words())
        if self.size.width >= BROAD:
            self.query_one("#pane-words", Static).update(self.pane_words())
        self.draw_keys()

    @on(CalmTable.RowHighlighted)
    def _moved(self) -> None:
        self.draw_selection()

    @on(CalmTable.RowSelected)
    async def _opened(self) -> None:
        await self.perform(command(self.OPEN))

    @on(Input.Changed)
    def _filtered(self) -> None:
        self.draw_list()
        self.draw_selection()

    @on(Input.Submitted)
    def _filter_kept(self) -> None:
        self.table.focus()
        if not self.filter_line.value:
            self.filter_line.display = False

    async def perform(self, chosen: Command) -> None:
        await super().perform(chosen)
        if chosen.changes and self._paused:  # what is done here is to be seen here
            self._go_on()

    def show_only(self, text: str) -> None:
        """Shows the lines that contain the text, as if it had been typed into the filter."""
        self.call_after_refresh(self._filter_by, text)

    def _filter_by(self, text: str) -> None:
        self.filter_line.value = text
        self.filter_line.display = bool(text)
        self.table.focus()

    def do_list_filter(self) -> None:
        self.filter_line.display = True
        self.filter_line.focus()

    def do_app_back(self) -> None:
        self.filter_line.value = ""
        self.filter_line.display = False
        self.table.focus()

    def do_list_sort(self) -> None:
        self._sorted_by = (self._sorted_by + 1) % len(self.columns())
        self.draw_list()

    def do_list_reverse(self) -> None:
        self._descending = not self._descending
        self.draw_list()

    def do_list_refresh(self) -> None:
        super().do_list_refresh()
        self._go_on()

    def do_list_pause(self) -> None:
        if self._paused:
            self._go_on()
            return
        self._paused = True
        self._draw_heading(self.table.row_count)

    def _go_on(self) -> None:
        self._paused = False
        self.draw()

    def coloured(self, words: str, colour: str) -> Text:
        """A cell in a theme colour; the words say the same."""
        return cell(words, self.pantry.colour(colour))
