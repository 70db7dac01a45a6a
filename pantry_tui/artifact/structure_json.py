"""Whether a document in format `json` is one, and says of its tables what the manifest does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pantry_tui.artifact.jsondocument import check_batch, document_around_rows, name_in_document, row_batches
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.models import Model


class _About(Model, frozen=True, kw_only=True):
    id: str


class _Table(Model, frozen=True, kw_only=True):
    schema: str
    name: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]  # a 0 for each segment


class _End(Model, frozen=True, kw_only=True):
    tables: int
    rows: int


class _Document(Model, frozen=True, kw_only=True):
    """The document with a number in the place of each segment of rows."""

    pantry: _About
    tables: tuple[_Table, ...]
    end: _End


def count_json_rows(pieces: Iterable[bytes], table: TableEntry, encoding: str) -> int:
    """How many rows a segment holds; each is read as JSON. ``encoding``: the source's. Raises `BackupDamagedError`."""
    rows = 0
    columns = [name_in_document(name, encoding) for name in table.columns]
    for batch in row_batches(pieces):
        check_batch(batch, columns)
        rows += batch.rows
    return rows


def json_problems(manifest: Manifest, frames: Mapping[int, bytes]) -> list[str]:
    """In words, what is wrong with the text around the rows; ``frames`` has it by the number of its segment."""
    text = document_around_rows(manifest.segments, lambda number: frames.get(number, b""))
    try:
        document = _Document.from_json(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return [f"the rows do not stand in a JSON document: {error}"]
    return list(_differences(manifest, document))


def _differences(manifest: Manifest, document: _Document) -> Iterable[str]:
    if document.pantry.id != manifest.id:
        yield f"the document is of backup {document.pantry.id}"
    copied = [table for table in manifest.tables if table.carried_by == "segments"]
    if [(each.schema, each.name, each.columns) for each in document.tables] != [
        _named(table, manifest.source.encoding) for table in copied
    ]:
        yield "the tables of the document are not those of the manifest"
        return
    by_table = [sum(1 for each in manifest.segments if each.table == index) for index in range(len(copied))]
    if [len(each.rows) for each in document.tables] != by_table:
        yield "segments of rows do not stand in their tables"
    rows = sum(table.own_rows for table in copied)
    if (document.end.tables, document.end.rows) != (len(copied), rows):
        yield f"the document says {document.end.rows:,} rows, the manifest {rows:,}"


def _named(table: TableEntry, encoding: str) -> tuple[str, str, tuple[str, ...]]:
    columns = tuple(name_in_document(name, encoding) for name in table.columns)
    return name_in_document(table.schema, encoding), name_in_document(table.name, encoding), columns
