"""The line that `/` opens."""

from __future__ import annotations

from textual.widgets import Input


class FilterLine(Input):
    """Filters while typing; enter keeps the filter, esc drops it."""

    def __init__(self) -> None:
        super().__init__(placeholder="filter; ! in front shows what does not contain it", id="filter", compact=True)
        self.cursor_blink = False
        self.display = False


def passes(typed: str, searched: str) -> bool:
    """Whether an entry stays: it contains every word typed, or with ``!`` in front, not all of them."""
    inverse = typed.startswith("!")
    words = typed.removeprefix("!").casefold().split()
    if not words:
        return True
    found = all(word in searched for word in words)
    return found != inverse
