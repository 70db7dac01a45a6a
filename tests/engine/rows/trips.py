"""Rows of one table sent in a format and taken into another table, as workers do it, and compared by fingerprint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any, NamedTuple

import psycopg

from pantry_tui.artifact.jsondocument import RowJoiner, check_batch, row_batches
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.copy import page_condition
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import SourceTable, list_tables
from pantry_tui.postgres.link import Link
from pantry_tui.postgres.rowcsv import csv_copy_in, csv_copy_out, with_line_ends
from pantry_tui.postgres.rowjson import JsonColumn, json_columns, json_copy_out, json_insert
from pantry_tui.postgres.session import RANGE_SETTINGS, pin_statements
from pantry_tui.postgres.snapshot import open_catalog

Connection = psycopg.AsyncConnection[Any]


class Table(NamedTuple):
    """A table, as both formats need it."""

    source: SourceTable
    columns: tuple[JsonColumn, ...]


class Database:
    """A worker's connection, and the tables of its database."""

    def __init__(self, link: Link, catalog: Connection, encoding: str) -> None:
        self.link = link
        self.encoding = encoding
        self._catalog = catalog
        self._tables: dict[str, Table] = {}

    async def look(self) -> dict[str, Table]:
        """The tables as they are now."""
        tables = await list_tables(self._catalog)
        columns = await json_columns(self._catalog, [table.oid for table in tables])
        self._tables = {table.qualified_name: Table(table, columns.get(table.oid, ())) for table in tables}
        return self._tables

    def fingerprint(self, name: str, like: str) -> tuple[bytes | None, bytes | None]:
        """Rows and content of a table, by the expression of another one of the same columns."""
        table = self._tables[name].source
        query = fingerprint_query(table.schema, table.name, self._tables[like].source.expression)
        result = self.link.execute(query.as_string(), doing="fingerprinting")
        return result.get_value(0, 0), result.get_value(0, 1)

    def json_text(self, name: str, *, first_page: int = 0, last_page: int | None = None) -> bytes:
        """The segment's text of a table, or of a range of its pages."""
        table = self._tables[name]
        pages = page_condition(first_page, last_page)
        copy = json_copy_out(table.source.schema, table.source.name, table.columns, pages, encoding=self.encoding)
        stream = self.link.rows_out(copy.as_string(), doing=f"reading {name}")
        joiner = RowJoiner()
        return b"".join(joiner.join(rows, lines) for rows, lines in stream)

    def insert_json(self, name: str, text: bytes, *, batch: int = 4096) -> int:
        """Takes such a text into a table; returns how many rows went in."""
        table = self._tables[name]
        insert = json_insert(table.source.schema, table.source.name, table.columns).as_string()
        columns = [column.name for column in table.columns]
        rows = 0
        for found in row_batches([text[at : at + 1000] for at in range(0, len(text), 1000)], batch):
            if self.encoding == "UTF8":
                check_batch(found, columns)
            assert self.link.insert(insert, found.array, doing=f"loading {name}") == found.rows
            rows += found.rows
        return rows

    def csv_text(self, name: str, *, first_page: int = 0, last_page: int | None = None) -> bytes:
        """The rows of a table as its file holds them below the header."""
        table = self._tables[name].source
        copy = csv_copy_out(table.schema, table.name, table.columns, page_condition(first_page, last_page))
        stream = self.link.rows_out(copy.as_string(), doing=f"reading {name}")
        return b"".join(with_line_ends(text, rows) for rows, text in stream)

    def load_csv(self, name: str, text: bytes) -> int:
        """Takes such a text into a table; returns how many rows went in."""
        table = self._tables[name].source
        self.link.start_copy_in(
            csv_copy_in(table.schema, table.name, table.columns).as_string(), doing=f"loading {name}"
        )
        for at in range(0, len(text), 1000):
            self.link.write(text[at : at + 1000])
        return self.link.finish_copy_in()

    def json_trip(self, source: str, into: str) -> int:
        """Sends a table's rows into another one as JSON."""
        return self.insert_json(into, self.json_text(source))

    def csv_trip(self, source: str, into: str) -> int:
        """The same as CSV."""
        return self.load_csv(into, self.csv_text(source))


Trip = Callable[[Database, str, str], int]


@asynccontextmanager
async def opened(target: DatabaseTarget) -> AsyncIterator[Database]:
    """A connection with the settings of a backup's worker."""
    async with await open_catalog(target, application="test") as catalog:
        encoding = catalog.info.parameter_status("server_encoding") or ""
        settings = pin_statements(catalog.info.server_version, RANGE_SETTINGS)
        with closing(Link.open(target, application="test", settings=settings)) as link:
            database = Database(link, catalog, encoding)
            await database.look()
            yield database


def lines(text: bytes) -> Iterator[bytes]:
    """The rows of a JSON segment."""
    yield from text.split(b",\n") if text else ()
