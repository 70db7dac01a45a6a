"""Text for terminals: names from databases and files are data, and must not steer the terminal."""

from __future__ import annotations

import os
import unicodedata
from typing import TextIO

_STYLES = {"error": "1;31", "good": "32", "bad": "31", "warning": "33", "strong": "1"}


def width(text: str) -> int:
    """How many columns of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def cut(text: str, columns: int) -> str:
    """``text`` in at most ``columns``, with an ellipsis where something was cut off."""
    if width(text) <= columns:
        return text
    taken, room = "", columns - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        taken += character
    return taken + "…" if columns > 0 else ""


def shorten(text: str, columns: int) -> str:
    """``text`` in at most ``columns``, with an ellipsis in its middle where something was left out."""
    if width(text) <= columns:
        return text
    end = ""
    for character in reversed(text):
        if width(end) + _columns(character) > (columns - 1) // 2:
            break
        end = character + end
    return cut(text, columns - width(end)) + end


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """``text`` filled up with blanks to ``columns``; ``right`` aligns it to the right."""
    blanks = " " * max(0, columns - width(text))
    return blanks + text if right else text + blanks


def paint(text: str, style: str, stream: TextIO) -> str:
    """``text`` in colour where ``stream`` is a terminal that wants colour, else as it is."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
