"""A table that stays calm: it repaints only the cells that changed and keeps its cursor on the same line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.coordinate import Coordinate
from textual.widgets import DataTable
from textual.widgets.data_table import ColumnKey, RowKey

from screens.bindings import bindings_of
from screens.command import TABLE
from screens.widgets.text import cell, squeezed

# 10,000 rows take a second to add, 100,000 nine: lists are windowed.
MAXIMUM_ROWS = 3000


@dataclass(frozen=True)
class Column:
    """A column: ``width`` in characters; None takes the room that is left (one per table).

    What is too long loses its end, or with ``ends`` its middle.
    """

    key: str
    label: str
    width: int | None = None
    right: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table; ``key`` stays the same while the cells change."""

    key: str
    cells: tuple[Text, ...]


class CalmTable(DataTable[Text]):
    """Rows with a stable key, columns with fixed widths and one that fills the line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(TABLE)

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(cursor_type="row", zebra_stripes=False, id=id, cursor_foreground_priority="css")
        self._layout: tuple[Column, ...] = ()
        self._shown: tuple[Row, ...] = ()
        self.set_columns(columns)

    @property
    def selected_key(self) -> str | None:
        """The key of the line under the cursor."""
        return self._shown[self.cursor_row].key if 0 <= self.cursor_row < len(self._shown) else None

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Replaces the columns; the rows go with them."""
        if self._layout == tuple(columns):
            return
        self._layout, self._shown = tuple(columns), ()
        self.clear(columns=True)
        for each in columns:
            self.add_column(cell(each.label, right=each.right), key=each.key, width=each.width or 8)
        self._fill_line()

    def relabel(self, labels: Sequence[str]) -> None:
        """Gives the columns other headings of the same width."""
        if [column.label.plain for column in self.ordered_columns] == list(labels):
            return
        for column, layout, label in zip(self.ordered_columns, self._layout, labels, strict=True):
            column.label = self._fitted(cell(label, right=layout.right), column.width, layout)
        self._update_count += 1
        self.refresh()

    def show(self, rows: Sequence[Row]) -> None:
        """Shows these rows; what is equal is not sent again."""
        rows = tuple(rows[:MAXIMUM_ROWS])
        if [row.key for row in rows] == [row.key for row in self._shown]:
            self._replace_cells(rows)
        else:
            self._rebuild(rows)

    def _replace_cells(self, rows: tuple[Row, ...]) -> None:
        previous, self._shown = self._shown, rows
        for index, (old, new) in enumerate(zip(previous, rows, strict=True)):
            for column, (was, now) in enumerate(zip(old.cells, new.cells, strict=True)):
                if (was.plain, was.style) != (now.plain, now.style):
                    self._replace_cell(Coordinate(index, column), now)

    def _replace_cell(self, at: Coordinate, value: Text) -> None:
        # update_cell repaints the whole table (7.8 kB at 80x24 against 0.4 kB), even when the value is equal.
        row_key, column_key = self.coordinate_to_cell_key(at)
        column = self.ordered_columns[at.column]
        self._data[row_key][column_key] = self._fitted(value, column.width, self._layout[at.column])
        self._update_count += 1
        self.refresh_coordinate(at)

    def _fitted(self, text: Text, width: int, layout: Column) -> Text:
        """The text as wide as its column; Rich cuts the rest, but only at the end, and its sign is no ASCII."""
        plain = self.screen.has_class("-plain")
        if text.cell_len <= width or not (plain or layout.ends):
            return text
        sign = "~" if plain else "…"
        shown = squeezed(text.plain, width, sign) if layout.ends else set_cell_size(text.plain, width - 1) + sign
        return Text(shown, style=text.style, justify=text.justify, no_wrap=True, overflow="crop")

    def _rebuild(self, rows: tuple[Row, ...]) -> None:
        selected, line = self.selected_key, self.cursor_row
        self._shown = ()
        with self.app.batch_update():
            self.clear()
            for row in rows:
                self.add_row(*self._fitted_cells(row), key=row.key)
            self._shown = rows
            keys = [row.key for row in rows]
            self.move_cursor(row=keys.index(selected) if selected in keys else min(line, max(len(keys) - 1, 0)))

    def _fitted_cells(self, row: Row) -> list[Text]:
        widths = [column.width for column in self.ordered_columns]
        return [self._fitted(*each) for each in zip(row.cells, widths, self._layout, strict=True)]

    def select(self, key: str) -> bool:
        """Puts the cursor on the line of that key; whether there is one."""
        for index, row in enumerate(self._shown):
            if row.key == key:
                self.move_cursor(row=index)
                return True
        return False

    def action_half_page(self, direction: int) -> None:
        """Moves the cursor by half of what is visible."""
        self.move_cursor(row=self.cursor_row + direction * max(1, self.size.height // 2))

    def on_resize(self, event: events.Resize) -> None:
        self._fill_line()

    def watch_show_vertical_scrollbar(self) -> None:
        """A scroll bar takes its room from the column that fills the line, not from the last one."""
        self._fill_line()

    def _fill_line(self) -> None:
        fixed = sum(each.width or 0 for each in self._layout) + 2 * self.cell_padding * len(self._layout)
        for column, layout in zip(self.ordered_columns, self._layout, strict=True):
            if layout.width is None:
                width = max(8, self.scrollable_content_region.width - fixed)
                if column.width != width:
                    column.width = width
                    self._fit_again(column.key, layout)
                    self._require_update_dimensions = True
                    self._update_count += 1
                    self.refresh(layout=True)

    def _fit_again(self, key: ColumnKey, layout: Column) -> None:
        place = self._layout.index(layout)
        for row in self._shown:
            self._data[RowKey(row.key)][key] = self._fitted(row.cells[place], self.columns[key].width, layout)
