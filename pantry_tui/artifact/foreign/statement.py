"""What a script is cut into."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

EXCERPT = 80  # characters of a statement that a message shows

Place: TypeAlias = Callable[[int], str]  # of a line, in words


class Statement(NamedTuple):
    """One statement, without its semicolon.

    ``words`` are its first words outside of parentheses: keywords and plain names in capitals, quoted ones as they stand.
    ``calls`` are those watched names that a parenthesis follows, in small letters.
    """

    line: int
    text: bytes
    words: tuple[bytes, ...]
    calls: frozenset[bytes]

    @property
    def copies_in(self) -> bool:
        """Whether rows follow it in the script."""
        return self.words[:1] == (b"COPY",) and self.words[-2:] == (b"FROM", b"STDIN")

    @property
    def beginning(self) -> str:
        """Its first characters, on one line, for a message."""
        start = " ".join(self.text[: 8 * EXCERPT].decode(errors="replace").split())
        return start if len(start) <= EXCERPT else start[:EXCERPT] + "…"


class EndLine(NamedTuple):
    """What the end line of a document of our own says is before it."""

    tables: int
    rows: int
