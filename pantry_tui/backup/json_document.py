"""The document of a backup in format `json`: rows in the order of the tables, and the frame around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pantry_tui.artifact.jsondocument import (
    ROW_SEPARATOR,
    TABLE_CLOSING,
    JsonTableHead,
    document_end,
    document_head,
    name_in_document,
    table_opening,
)
from pantry_tui.artifact.segment import MemberWriter
from pantry_tui.backup.archiving import write_archive
from pantry_tui.backup.commands import RowStatements, TableWork
from pantry_tui.backup.placing import Placement, RangeKey, Text
from pantry_tui.backup.reading import RangeRead
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.backup.subset import Subset
from pantry_tui.postgres.rowjson import json_columns, json_copy_out, text_columns
from pantry_tui.postgres.session import server_encoding


class JsonDocument:
    """The frame of one document. As an order, it has the ranges of each table together, tables as the manifest has them."""

    def __init__(
        self,
        backup: Snapshotted,
        work: Sequence[TableWork],
        heads: Sequence[JsonTableHead],
        statements: Mapping[int, RowStatements],
    ) -> None:
        self._backup = backup
        self._heads = heads
        self._table: int | None = None  # that is open
        self._rows = 0  # of it, so far
        self.keys: Sequence[RangeKey] = [(item.number, number) for item in work for number in range(len(item.cuts))]
        self.statements = statements
        self.subset: Subset | None = None

    @classmethod
    async def of(cls, backup: Snapshotted, work: Sequence[TableWork]) -> JsonDocument:
        """The document of a backup of these tables."""
        found = await json_columns(backup.connection, [item.table.oid for item in work])
        columns = {item.number: found.get(item.table.oid, ()) for item in work}
        encoding = server_encoding(backup.connection)

        def named(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(name_in_document(name, encoding) for name in names)

        heads = [
            JsonTableHead(
                schema=name_in_document(item.table.schema, encoding),
                name=name_in_document(item.table.name, encoding),
                columns=named(item.table.columns),
                types=named(column.type for column in columns[item.number]),
                text_columns=named(text_columns(columns[item.number])),
            )
            for item in work
        ]
        statements = {
            item.number: RowStatements(
                partial(json_copy_out, item.table.schema, item.table.name, columns[item.number], encoding=encoding)
            )
            for item in work
        }
        return cls(backup, work, heads, statements)

    @property
    def order(self) -> JsonDocument:
        """The order of the rows."""
        return self

    async def begin(self, placement: Placement) -> None:
        """Writes the document's head, lets the rows follow, and runs pg_dump for everything but them."""
        placement.append(self._text("head", document_head(self._about())))
        placement.open()
        self.subset = (await write_archive(self._backup)).subset

    def before(self, read: RangeRead) -> Iterator[Text]:
        """Ends of tables, beginnings of others; a comma between two segments of one."""
        yield from self._turn_to(read.table)
        if self._rows and read.rows:
            yield from self.between()
        self._rows += read.rows

    def between(self) -> Iterable[Text]:
        """A comma."""
        return (self._text("frame", ROW_SEPARATOR),)

    async def end(self, placement: Placement, tables: int, rows: int) -> None:
        """Writes what stands behind the rows; counts those of the document alone."""
        for text in self._turn_to(len(self._heads)):
            placement.append(text)
        copied = sum(segment.rows for segment in placement.segments)
        placement.append(self._text("end", document_end(tables=len(self._heads), rows=copied)))

    def _turn_to(self, table: int) -> Iterator[Text]:
        """Closes the tables before this one, those without any range too, and opens it."""
        following = 0 if self._table is None else self._table + 1
        for number in range(following, min(table + 1, len(self._heads))):
            if number:
                yield self._text("frame", TABLE_CLOSING)
            yield self._text("frame", table_opening(self._heads[number], first=not number))
            self._table, self._rows = number, 0
        if table == len(self._heads) and self._heads:
            yield self._text("frame", TABLE_CLOSING)

    def _text(self, section: str, content: bytes) -> Text:
        writer = MemberWriter(self._backup.codec)
        writer.write(content)
        return Text(section, *writer.finish())

    def _about(self) -> Mapping[str, Any]:
        request = self._backup.request
        return {
            "id": self._backup.staged.id,
            "name": request.name,
            "database": request.database.name,
            "kind": request.kind,
            **({"base": self._backup.base.link.id} if self._backup.base is not None else {}),
            "server": self._backup.connection.info.server_version,
            "rows_in_archive": [
                table.qualified_name
                for table in self._backup.snapshot.tables
                if self._backup.holds(table) and table.archive_reason is not None
            ],
        }
