"""From the tables of a snapshot to the commands for the workers that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import sql

from pantry_tui.backup.layout import Cut, cut_table
from pantry_tui.backup.placing import Order
from pantry_tui.backup.reading import ReadRange
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.postgres.copy import page_condition
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.session import server_encoding

Connection = psycopg.AsyncConnection[Any]


class TableWork(NamedTuple):
    """A table that workers read: where it stands in the manifest, and its ranges."""

    number: int
    table: SourceTable
    cuts: list[Cut]

    @property
    def weight(self) -> int:
        """Its bytes on the server, for progress."""
        return sum(cut.weight for cut in self.cuts) or 1


def plan_work(backup: Snapshotted) -> list[TableWork]:
    """The tables whose rows are copied, numbered as in the manifest; one that cannot be read here has no ranges."""
    snapshot = backup.snapshot
    copied = [table for table in snapshot.tables if backup.holds(table) and table.archive_reason is None]
    return [
        TableWork(
            number,
            table,
            cut_table(snapshot.sizes[table.oid].pages, snapshot.sizes[table.oid].bytes)
            if table.unreadable_reason is None
            else [],
        )
        for number, table in enumerate(copied)
    ]


class RowStatements(NamedTuple):
    """How a table is read: the COPY for a condition on its pages, and the line above its rows in format `sql`."""

    copy: Callable[[str | None], sql.Composed]
    header: bytes = b""


class DocumentRows(Protocol):
    """What a document has to say of the rows in it."""

    @property
    def statements(self) -> Mapping[int, RowStatements]:
        """How each table is read, by its number."""

    @property
    def order(self) -> Order | None:
        """The order of the ranges; None: as they come."""


def read_commands(
    connection: Connection, work: Sequence[TableWork], document: DocumentRows, *, fingerprints: bool
) -> Iterator[ReadRange]:
    """The commands in the document's order, or in the best one: large tables first, so that no worker ends up alone.

    Each is made when it is asked for: all of them would take 124 MiB for a terabyte.
    """
    items = {item.number: item for item in work}
    if document.order is not None:
        keys = document.order.keys
    else:
        largest_first = sorted(work, key=lambda item: -item.weight)
        keys = [(item.number, number) for item in largest_first for number in range(len(item.cuts))]
    return (
        _command(connection, items[table], number, document.statements[table], fingerprints=fingerprints)
        for table, number in keys
    )


def _command(
    connection: Connection, item: TableWork, number: int, statements: RowStatements, *, fingerprints: bool
) -> ReadRange:
    table, cut = item.table, item.cuts[number]
    pages = page_condition(cut.first_page, cut.last_page)
    copy = statements.copy(pages)
    query = fingerprint_query(table.schema, table.name, table.expression, pages=pages, positions=True)
    lock = sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT").format(sql.Identifier(table.schema, table.name))
    return ReadRange(
        table=item.number,
        range=number,
        name=table.qualified_name,
        lock=lock.as_string(connection),
        copy=copy.as_string(connection),
        header=statements.header,
        fingerprint=query.as_string(connection) if fingerprints else None,
    )


async def encode_texts(connection: Connection, texts: Sequence[str]) -> list[bytes]:
    """Texts in the database's own encoding. The server converts where Python may have no such codec."""
    encoding = server_encoding(connection)
    if encoding in ("UTF8", "SQL_ASCII"):
        return [text.encode("utf-8" if encoding == "UTF8" else "latin-1") for text in texts]
    cursor = await connection.execute(
        "SELECT pg_catalog.convert_to(t.text, pg_catalog.getdatabaseencoding()) "
        "FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY t(text, n) ORDER BY t.n",
        (list(texts),),
    )
    return [encoded for (encoded,) in await cursor.fetchall()]
