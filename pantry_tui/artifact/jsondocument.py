r"""The frame of a backup in format `json`: what stands around the rows, so that all of it is one JSON document.

::

    {"pantry":{…},
    "tables":[
    {"schema":"public","name":"t","columns":[…],"text_columns":[…],"rows":[
    {"a":1,"b":"x"},
    {"a":2,"b":null}
    ]},
    {"schema":"public","name":"empty",…,"rows":[

    ]}
    ],
    "end":{"tables":2,"rows":2}}

A segment of rows holds rows joined by a comma and a line's end, and neither before its first nor behind its last row: between
two segments of a table stands `ROW_SEPARATOR`, which only the one who places them can know to be needed. No row contains a
line's end, so every line's end within a segment separates two rows, and ``[segment]`` is a JSON array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pantry_tui.artifact.manifest import Segment
from pantry_tui.errors import BackupDamagedError, InternalError
from pantry_tui.models import Model

ROW_SEPARATOR = b",\n"
TABLE_CLOSING = b"\n]}"
BATCH_BYTES = 128 * 1024  # larger batches took the server as long, and more of its memory


class JsonTableHead(Model, frozen=True, kw_only=True):
    """What the document says of a table before its rows. ``types`` are in the order of ``columns``, as SQL."""

    schema: str
    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    text_columns: tuple[str, ...]


def name_in_document(name: str, encoding: str) -> str:
    """A name of the database as the document has it: of one in SQL_ASCII the catalog gives bytes, here they are UTF-8."""
    return name.encode("latin-1").decode("utf-8", "replace") if encoding == "SQL_ASCII" else name


def document_head(about: Mapping[str, Any]) -> bytes:
    """The document's beginning; ``about`` is what is known of the backup when it begins."""
    return b'{"pantry":' + msgspec.json.encode(about) + b',\n"tables":[\n'


def table_opening(table: JsonTableHead, *, first: bool) -> bytes:
    """What stands before the rows of a table; ``first``: of the document's tables."""
    head = table.to_json().removesuffix(b"}")
    return (b"" if first else b",\n") + head + b',"rows":[\n'


def document_end(*, tables: int, rows: int) -> bytes:
    """The document's end, which tells a whole one from one that was cut."""
    return b'\n],\n"end":{"tables":%d,"rows":%d}}\n' % (tables, rows)


def document_around_rows(segments: Sequence[Segment], text_of: Callable[[int], bytes]) -> bytes:
    """The document with a 0 in the place of each segment of rows; ``text_of`` gives the text of any other by its number."""
    in_file = sorted(enumerate(segments), key=lambda numbered: numbered[1].offset)
    return b"".join(b"0" if segment.section == "rows" else text_of(number) for number, segment in in_file)


class RowJoiner:
    """Makes the text of one segment of whole rows, a line each, as the server sent them."""

    def __init__(self) -> None:
        self._separator = b""

    def join(self, rows: int, lines: bytes) -> bytes:
        """What to add to the segment for ``rows`` (at least one) more. Raises `InternalError` when a line is no row."""
        if lines.count(b"\n") != rows:
            raise InternalError(f"{rows} rows came as {lines.count(bytes([10]))} lines of JSON")
        separator, self._separator = self._separator, ROW_SEPARATOR
        return separator + lines[:-1].replace(b"\n", ROW_SEPARATOR)


class RowBatch(NamedTuple):
    """Some rows of a segment as a JSON array."""

    rows: int
    array: bytes


def row_batches(pieces: Iterable[bytes], size: int = BATCH_BYTES) -> Iterator[RowBatch]:
    """Cuts the text of a segment, which comes in any pieces, into arrays of whole rows of at least ``size`` bytes.

    What else a row is, is not looked at: see `check_batch`; the server reads it too. Raises `BackupDamagedError` where two
    lines are not separated by a comma.
    """
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        cut = piece.rfind(b"\n") if length >= size else -1
        if cut < 0:
            held.append(piece)
            continue
        yield _batch(_without_comma([*held, piece[:cut]]))
        held = [piece[cut + 1 :]]
        length = len(held[0])
    if length:
        yield _batch(held)


def _without_comma(parts: list[bytes]) -> list[bytes]:
    while parts and not parts[-1]:
        parts.pop()
    if not parts or not parts[-1].endswith(b","):
        raise BackupDamagedError("rows are not separated by a comma and a line's end")
    parts[-1] = parts[-1][:-1]
    return parts


def _batch(parts: list[bytes]) -> RowBatch:
    array = b"".join((b"[", *parts, b"]"))
    return RowBatch(array.count(b"\n") + 1, array)


_values: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def check_batch(batch: RowBatch, columns: Sequence[str]) -> None:
    """Reads the syntax of all rows, and whether the first has the table's columns; what values mean stays unread.

    The first alone: looking for the names in each would halve the speed, and a changed byte shows in the hash. A document
    nested deeper than Python reads (a thousand levels) is left to the server. Raises `BackupDamagedError`.
    """
    try:
        rows = _values.decode(batch.array)
        first = _object.decode(rows[0] if rows else b"{}")
    except RecursionError:
        return
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupDamagedError("rows are not JSON objects", detail=str(error)) from error
    if len(rows) != batch.rows:
        raise BackupDamagedError(f"{len(rows):,} rows stand on {batch.rows:,} lines")
    if list(first) != list(columns):
        raise BackupDamagedError("a row has other columns than its table", detail=", ".join(first)[:500])
