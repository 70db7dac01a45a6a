"""A script as it comes, with one stretch of it in memory: what is read is dropped, what is looked for is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pantry_tui.errors import PantryError

_END_OF_ROWS = b"\\."
_MARK_BYTES = 4  # of that line, with its end


class Buffered:
    """The text from some point on. ``at`` is how far ``buffer`` is read."""

    def __init__(self, pieces: Iterator[bytes], no_text: Callable[[int], PantryError]) -> None:
        """``no_text`` makes the error for a line in which there is a byte of value zero."""
        self._pieces = pieces
        self._no_text = no_text
        self._dropped_lines = 0
        self._before = b"\n"  # the byte before the buffer
        self.buffer = bytearray()
        self.at = 0
        self.is_over = False  # nothing more can be fetched

    @property
    def line(self) -> int:
        """The line that is being read, from 1."""
        return self.line_at(self.at)

    def line_at(self, place: int) -> int:
        """The line of a place in the buffer."""
        return 1 + self._dropped_lines + self.buffer.count(b"\n", 0, place)

    @property
    def is_fresh_line(self) -> bool:
        """Whether the reading is at the beginning of a line."""
        return (self.buffer[self.at - 1 : self.at] if self.at else self._before) == b"\n"

    def fetch(self) -> bool:
        """Adds the next piece; False when there is none. Raises what the source does, and `no_text`'s error."""
        piece = next(filter(None, self._pieces), b"")
        self.is_over = piece == b""
        zero = piece.find(b"\0")
        if zero >= 0:
            lines = self.buffer.count(b"\n") + piece.count(b"\n", 0, zero)
            raise self._no_text(1 + self._dropped_lines + lines)
        self.buffer += piece
        return bool(piece)

    def has(self, count: int) -> bool:
        """Whether there are so many more bytes; fetches them."""
        while len(self.buffer) - self.at < count:
            if not self.fetch():
                return False
        return True

    def starts(self, text: bytes) -> bool:
        """Whether this stands next."""
        return self.has(len(text)) and self.buffer.startswith(text, self.at)

    def see_line(self, most: int) -> None:
        """Fetches the rest of the line, or so many bytes of it."""
        while len(seen := self.rest(most)) < most and b"\n" not in seen and self.fetch():
            pass

    def rest(self, most: int) -> bytes:
        """What of the buffer is unread, at most so many bytes."""
        return bytes(self.buffer[self.at : self.at + most])

    def drop(self, end: int) -> None:
        """Forgets the buffer up to there; the reading goes on behind it."""
        if end:
            self._dropped_lines += self.buffer.count(b"\n", 0, end)
            self._before = bytes(self.buffer[end - 1 : end])
            del self.buffer[:end]
        self.at = 0

    def match(self, pattern: re.Pattern[bytes], most: int) -> bytes:
        """What of the pattern stands next, whole, however it is cut into pieces; of more than ``most`` bytes a beginning."""
        while True:
            found = pattern.match(self.buffer, self.at)
            text = found[0] if found else b""
            if self.at + len(text) < len(self.buffer) or len(text) > most or not self.fetch():
                return bytes(text)

    def find(
        self,
        pattern: re.Pattern[bytes],
        start: int,
        *,
        overlap: int = 0,
        forget: bool = False,
        too_long: Callable[[int], None] | None = None,
    ) -> int:
        """Where the pattern is next; the buffer's length when it is nowhere.

        ``overlap``: one byte less than the pattern has. ``forget``: what is searched need not be kept.
        """
        while (found := pattern.search(self.buffer, start)) is None:
            start = max(start, len(self.buffer) - overlap)
            if forget:
                self.drop(start)
                start = 0
            if too_long is not None:
                too_long(len(self.buffer))
            if not self.fetch():
                return len(self.buffer)
        return found.start()

    def find_byte(self, text: bytes, start: int, too_long: Callable[[int], None]) -> int:
        """Where ``text`` is next; the buffer's length when it is nowhere."""
        while (found := self.buffer.find(text, start)) < 0:
            start = max(start, len(self.buffer) - len(text) + 1)
            too_long(len(self.buffer))
            if not self.fetch():
                return len(self.buffer)
        return found

    def until_end_of_rows(self, cut_off: Callable[[], PantryError]) -> Iterator[bytes]:
        r"""Everything up to a line `\.`, which is dropped, in pieces; the reading stands at the beginning of a line."""
        while (end := self._end_of_rows()) is None:
            if self.is_over:
                raise cut_off()
            ready = len(self.buffer) - _MARK_BYTES
            if ready > 0:
                piece = bytes(self.buffer[:ready])
                self.drop(ready)
                yield piece
            self.fetch()
        rows, behind = end
        piece = bytes(self.buffer[:rows])
        self.drop(behind)
        if piece:
            yield piece

    def _end_of_rows(self) -> tuple[int, int] | None:
        at = -1
        while (at := self.buffer.find(_END_OF_ROWS, at + 1)) >= 0:
            if (self.buffer[at - 1 : at] if at else self._before) != b"\n":
                continue
            behind = bytes(self.buffer[at + 2 : at + _MARK_BYTES])
            if behind[:1] == b"\n":
                return at, at + 3
            if behind == b"\r\n":
                return at, at + 4
            if self.is_over and behind in (b"", b"\r"):
                return at, len(self.buffer)
        return None
