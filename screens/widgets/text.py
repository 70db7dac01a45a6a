"""Names from databases, paths and logs as text that can harm neither terminal nor markup."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.content import Content

# Cc: control, Cf: format (bidirectional overrides, zero width), Cs: surrogates of undecodable bytes, Zl and Zp: line ends.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(value: object) -> str:
    """``value`` as one line in which every control character stands as an escape, `\\x1b` for ESC."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HARMFUL:
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def visible_lines(value: object) -> list[str]:
    """The lines of ``value``, each made visible; tabs become spaces."""
    return [visible(line.expandtabs(8)) for line in str(value).splitlines()]


def shortened(value: object, width: int, ellipsis: str = "…") -> str:
    """``value`` made visible, cut at the end to ``width`` characters."""
    text = visible(value)
    return text if len(text) <= width else text[: max(0, width - len(ellipsis))] + ellipsis


def squeezed(text: str, width: int, ellipsis: str = "…") -> str:
    """``text`` cut in the middle to ``width`` columns of the terminal, so that its beginning and its end stay."""
    if cell_len(text) <= width:
        return text
    room = max(0, width - cell_len(ellipsis))
    beginning = set_cell_size(text, room // 2)
    end = text
    while cell_len(end) > room - room // 2:
        end = end[1:]
    return f"{beginning}{ellipsis}{end}"


def cell(value: object, style: str = "", *, right: bool = False) -> Text:
    """A table cell: no markup, no wrapping."""
    return Text(visible(value), style=style, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")


def content(value: object, style: str = "") -> Content:
    """``value`` for a Static or a notification: no markup."""
    return Content.styled(visible(value), style) if style else Content(visible(value))
