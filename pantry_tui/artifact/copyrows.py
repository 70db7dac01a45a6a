r"""The rows of COPY text as values: fields between tabs, `\N` for NULL, backslash escapes (PostgreSQL documentation, COPY).

Every server encoding is safe to cut at ASCII bytes, so rows and fields are found before anything is decoded.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from pantry_tui.artifact.copytext import codec_of
from pantry_tui.models import Model

NULL = rb"\N"
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_SHOW_BYTES = "backslashreplace"  # bytes that are no text in the encoding stand as `\xff`


class Field(Model, frozen=True, kw_only=True):
    """A value as COPY wrote it. ``length`` counts all its bytes; ``text`` may be only the first of them."""

    text: bytes
    length: int

    @property
    def is_cut(self) -> bool:
        """Whether only its beginning was kept."""
        return len(self.text) < self.length

    def value(self, encoding: str) -> str | None:
        """The value as text, None for NULL; ``encoding`` is PostgreSQL's name for the one it was written in.

        Bytes that are no text in it become escapes: those of SQL_ASCII that are not UTF-8, everything beyond ASCII in the
        two encodings that Python does not know.
        """
        if self.text == NULL and not self.is_cut:
            return None
        codec = "utf-8" if encoding == "SQL_ASCII" else codec_of(encoding) or "ascii"
        if not self.is_cut:
            return unescape(self.text).decode(codec, _SHOW_BYTES)
        decoder = codecs.getincrementaldecoder(codec)(_SHOW_BYTES)
        return decoder.decode(unescape(_whole_escapes(self.text)))  # a character that was cut in two is left out


class CopyRows:
    """Takes the rows of a table in pieces, passes over the first ``skip`` and keeps the next ``wanted``.

    Of each value at most ``value_limit`` bytes are kept (None: all), so that memory is bounded whatever a row holds.
    """

    def __init__(self, *, skip: int, wanted: int, value_limit: int | None = None) -> None:
        self.rows: list[tuple[Field, ...]] = []
        self._skip = skip
        self._wanted = wanted
        self._limit = value_limit
        self._fields = [_Growing(value_limit)]

    @property
    def is_complete(self) -> bool:
        """Whether all rows that are wanted are there."""
        return len(self.rows) >= self._wanted

    def feed(self, piece: bytes) -> bool:
        """Takes the next piece; whether no more is needed."""
        *ends, rest = self._behind_skipped(piece)
        for end in ends:
            if self.is_complete:
                return True
            self._add(end)
            self.rows.append(tuple(field.taken() for field in self._fields))
            self._fields = [_Growing(self._limit)]
        if not self.is_complete:
            self._add(rest)
        return self.is_complete

    def _behind_skipped(self, piece: bytes) -> Sequence[bytes]:
        """The lines of the piece, without those to be passed over."""
        if self._skip == 0:
            return piece.split(b"\n")
        lines = piece.count(b"\n")
        if lines < self._skip:
            self._skip -= lines
            return [b""]
        rest = piece.split(b"\n", self._skip)[self._skip]
        self._skip = 0
        return rest.split(b"\n")

    def _add(self, text: bytes) -> None:
        first, *more = text.split(b"\t")
        self._fields[-1].add(first)
        for each in more:
            self._fields.append(_Growing(self._limit))
            self._fields[-1].add(each)


class _Growing:
    """A field whose end has not been seen."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._text = bytearray()
        self._length = 0

    def add(self, text: bytes) -> None:
        self._length += len(text)
        self._text += text if self._limit is None else text[: self._limit - len(self._text)]

    def taken(self) -> Field:
        return Field(text=bytes(self._text), length=self._length)


def unescape(text: bytes) -> bytes:
    """The bytes that COPY's escapes stand for; a backslash before any other byte stands for that byte."""
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), text)


def _whole_escapes(text: bytes) -> bytes:
    """Without the half of an escape that a cut has left at the end."""
    backslashes = len(text) - len(text.rstrip(b"\\"))
    return text[:-1] if backslashes % 2 else text
