"""A table of values in which a cell is chosen: some rows of a longer table, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.text import Text
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import DataTable

from pantry_tui.models import shown_value
from screens.bindings import bindings_of
from screens.command import GRID, TABLE
from screens.widgets.text import cell, visible

WIDEST = 30


class RowsTable(DataTable[Text]):
    """Values cut to their columns, which are as wide as what is in them, at most 30 characters."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(TABLE), *bindings_of(GRID)]

    class Left(Message):
        """Somebody wants to go on past the first (-1) or last (1) row, or to the ``far`` end of the whole table."""

        def __init__(self, direction: int, *, far: bool = False) -> None:
            super().__init__()
            self.direction = direction
            self.far = far

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(cursor_type="cell", zebra_stripes=False, id=id, cursor_foreground_priority="css")

    def show(
        self, columns: Sequence[str], rows: Sequence[Sequence[str | None]], *, number: int, muted: str, at_end: bool
    ) -> None:
        """Shows these rows, numbered from ``number``; the cursor stays in its column, in the first or the last row."""
        at = self.cursor_column
        with self.app.batch_update():
            self.clear(columns=True)
            for place, name in enumerate(columns):
                longest = max((len(_beginning(row[place])) for row in rows), default=0)
                width = min(WIDEST, max(len(visible(name)), longest, 4))
                self.add_column(self._fitted(cell(name), width), width=width)
            for offset, row in enumerate(rows):
                cells = [cell(_beginning(value), muted if value is None else "") for value in row]
                widths = (column.width for column in self.ordered_columns)
                fitted = [self._fitted(text, width) for text, width in zip(cells, widths, strict=True)]
                self.add_row(*fitted, label=cell(f"{number + offset:,}", muted, right=True))
            self.move_cursor(row=len(rows) - 1 if at_end else 0, column=min(at, len(columns) - 1))

    def _fitted(self, text: Text, width: int) -> Text:
        if text.cell_len <= width:
            return text
        sign = "~" if self.screen.has_class("-plain") else "…"
        return Text(set_cell_size(text.plain, width - 1) + sign, style=text.style, no_wrap=True, overflow="crop")

    def action_cursor_down(self) -> None:
        if not self._leaves(1):
            super().action_cursor_down()

    def action_cursor_up(self) -> None:
        if not self._leaves(-1):
            super().action_cursor_up()

    def action_page_down(self) -> None:
        if not self._leaves(1):
            super().action_page_down()

    def action_page_up(self) -> None:
        if not self._leaves(-1):
            super().action_page_up()

    def action_scroll_top(self) -> None:
        super().action_scroll_top()
        self.post_message(self.Left(-1, far=True))

    def action_scroll_bottom(self) -> None:
        super().action_scroll_bottom()
        self.post_message(self.Left(1, far=True))

    def action_half_page(self, direction: int) -> None:
        """Moves the cursor by half of what is visible."""
        if not self._leaves(direction):
            self.move_cursor(row=self.cursor_row + direction * max(1, self.size.height // 2))

    def _leaves(self, direction: int) -> bool:
        """Whether the cursor stands at that end; the screen then hears that more is wanted."""
        at_end = self.cursor_row == (self.row_count - 1 if direction > 0 else 0)
        if at_end:
            self.post_message(self.Left(direction))
        return at_end


def _beginning(value: str | None) -> str:
    """What of a value a cell can show; most of a long one is never looked at."""
    return visible(shown_value(value if value is None else value[: 2 * WIDEST]))
