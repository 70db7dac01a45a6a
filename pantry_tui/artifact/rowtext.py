"""Rows of any format as COPY text: fields between tabs, `\\N` for NULL, a line a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pantry_tui.artifact.jsondocument import name_in_document, row_batches
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import BackupFormat

_JSON_BATCH = 16 * 1024  # a page shows few rows
_NULL = b"\\N"
_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\t"), (b"\n", b"\\n"), (b"\r", b"\\r"))
_FIELD = re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)"|([^",\r\n]*+))(,|\r\n)')  # possessive: no memory for ways back

_rows: msgspec.json.Decoder[list[dict[str, msgspec.Raw]]] = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def encoding_of_rows(manifest: Manifest) -> str:
    """PostgreSQL's name for the encoding of what `copy_text` gives."""
    return manifest.source.encoding if manifest.format is BackupFormat.SQL else "UTF8"


def copy_text(pieces: Iterable[bytes], manifest: Manifest, table: TableEntry) -> Iterator[bytes]:
    """The rows of a segment as COPY text, as they come. Raises `BackupDamagedError` where they are none.

    What comes of json is for looking at: the server would not read arrays so. What comes of csv, it reads.
    """
    if manifest.format is BackupFormat.JSON:
        columns = [name_in_document(name, manifest.source.encoding) for name in table.columns]
        return _from_json(pieces, columns)
    if manifest.format is not BackupFormat.CSV:
        return iter(pieces)
    return _from_csv(pieces) if table.columns else (piece.replace(b"\r", b"") for piece in pieces)


def _from_json(pieces: Iterable[bytes], columns: Sequence[str]) -> Iterator[bytes]:
    for batch in row_batches(pieces, _JSON_BATCH):
        try:
            rows = _rows.decode(batch.array)
            yield b"".join(b"\t".join(_json_field(row[name]) for name in columns) + b"\n" for row in rows)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
            raise BackupDamagedError("rows are not JSON objects of their table", detail=str(error)) from error


def _json_field(value: msgspec.Raw) -> bytes:
    raw = bytes(value)
    if raw == b"null":
        return _NULL
    return _escaped(msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw)


def _from_csv(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    row: list[bytes] = []
    in_value = False
    for piece in pieces:
        held += piece
        if in_value and b'"' not in piece:  # a large value: looking at all of it each time would take for ever
            continue
        lines: list[bytes] = []
        position = 0
        while found := _FIELD.match(held, position):  # not a search: through an open value, that takes for ever
            position = found.end()
            value = found[2] if found[1] is None else found[1].replace(b'""', b'"')
            row.append(_NULL if found[1] is None and not value else _escaped(value))
            if found[3] != b",":
                lines.append(b"\t".join(row) + b"\n")
                row = []
        del held[:position]
        in_value = held.count(b'"') % 2 == 1
        if lines:
            yield b"".join(lines)
    if held or row:
        raise BackupDamagedError("a row has no end")


def _escaped(text: bytes) -> bytes:
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text
