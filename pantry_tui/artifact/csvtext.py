"""COPY text as CSV, as the server would have written it in that format: fields are moved, no value is read.

NULL becomes an empty field, the empty string `""`; lines end with CR LF. Fields without a backslash, a comma or a quote are
the same in both, so most of a table is copied as it stands.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from pantry_tui.artifact.copyrows import NULL, unescape
from pantry_tui.artifact.copytext import codec_of
from pantry_tui.errors import BackupDamagedError, UsageError

LINE_END = b"\r\n"

_REMEDY = "restore it into another database, and back that up in format csv"
# Python's tables for the encodings of several bytes are not PostgreSQL's (EUC_CN has 0xA1AA as U+2014, gb2312 as U+2015).
_OF_ONE_BYTE = re.compile(r"LATIN\d+|ISO_8859_\d|WIN\d+|KOI8[RU]")
# A separator and the field behind it, where that is not copied as it stands: empty, or with a special character.
_CHANGED = re.compile(rb'([\t\n])(?:([^\t\n\\",]*+[\\",][^\t\n]*+)|(?=[\t\n]))')


def utf8_pieces(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8; ``encoding`` is PostgreSQL's name for the one it has.

    Raises `UsageError` for an encoding that only the server converts, and for bytes that are no text in it.
    """
    if encoding == "UTF8":
        return iter(pieces)
    if encoding != "SQL_ASCII" and not _OF_ONE_BYTE.fullmatch(encoding):
        raise UsageError(f"only the server can convert text of {encoding} to UTF-8, as csv has it", remedy=_REMEDY)
    codec = "utf-8" if encoding == "SQL_ASCII" else codec_of(encoding)
    return _converted(pieces, codec or "ascii", encoding)


def _converted(pieces: Iterable[bytes], codec: str, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"a value in {encoding} has no equivalent in UTF-8, as csv has it",
            remedy="export it in format sql, which keeps the bytes",
            detail=str(error),
        ) from error


def csv_pieces(pieces: Iterable[bytes], *, columns: int, rows: int) -> Iterator[bytes]:
    """COPY text of a table with so many columns, as CSV. Memory: a piece, or a row where one is larger.

    Raises `BackupDamagedError` when it does not hold ``rows`` rows.
    """
    found = 0
    for lines in _whole_lines(pieces):
        found += lines.count(b"\n")
        yield _csv(lines) if columns else lines.replace(b"\n", LINE_END)
    if found != rows:
        raise BackupDamagedError(
            f"holds {found:,} rows; the manifest says {rows:,}", remedy="restore from another backup"
        )


def _whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    for piece in pieces:
        cut = piece.rfind(b"\n") + 1
        if not cut:
            held.append(piece)
            continue
        yield b"".join((*held, piece[:cut]))
        held = [piece[cut:]]
    if any(held):
        raise BackupDamagedError("a row has no end", remedy="restore from another backup")


def _csv(lines: bytes) -> bytes:
    text = b"\n" + lines  # so that every field has a separator before it
    parts: list[bytes] = []
    position = 0
    for found in _CHANGED.finditer(text):
        parts.append(_separators(text[position : found.end(1)]))
        parts.append(_field(found[2] or b""))
        position = found.end()
    parts.append(_separators(text[position:]))
    return b"".join(parts)[len(LINE_END) :]


def _separators(text: bytes) -> bytes:
    return text.replace(b"\t", b",").replace(b"\n", LINE_END)


def _field(text: bytes) -> bytes:
    """A value as CSV, in quotes; bare where it is NULL or nothing in it asks for them."""
    if text == NULL:
        return b""
    value = unescape(text)
    bare = value and value != b"\\." and not any(special in value for special in (b",", b'"', b"\r", b"\n"))
    return value if bare else b'"' + value.replace(b'"', b'""') + b'"'
