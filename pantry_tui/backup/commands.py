"""From the tables of a snapshot to the commands for the workers that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import sql

from pantry_tui.backup.base import BaseRange
from pantry_tui.backup.layout import Cut, cut_table
from pantry_tui.backup.placing import Order
from pantry_tui.backup.reading import ReadRange
from pantry_tui.backup.since import Since
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.postgres.changed import changed_since
from pantry_tui.postgres.copy import page_condition
from pantry_tui.postgres.fingerprint import fingerprint_query, state_query
from pantry_tui.postgres.introspect import SourceTable, TableSize
from pantry_tui.postgres.session import server_encoding

Connection = psycopg.AsyncConnection[Any]


class TableWork(NamedTuple):
    """A table that workers read: where it stands in the manifest, and its ranges."""

    number: int
    table: SourceTable
    cuts: list[Cut]
    since: Sequence[BaseRange] | None = None  # what the base has of each cut; None: all rows are copied
    whole: str | None = None  # why, where there is a base

    @property
    def weight(self) -> int:
        """Its bytes on the server, for progress."""
        return sum(cut.weight for cut in self.cuts) or 1


def plan_work(backup: Snapshotted) -> list[TableWork]:
    """The tables whose rows are copied, numbered as in the manifest; one that cannot be read here has no ranges."""
    snapshot = backup.snapshot
    copied = [table for table in snapshot.tables if backup.holds(table) and table.archive_reason is None]
    return [_table_work(backup, number, table, snapshot.sizes[table.oid]) for number, table in enumerate(copied)]


def _table_work(backup: Snapshotted, number: int, table: SourceTable, size: TableSize) -> TableWork:
    if table.unreadable_reason is not None:
        return TableWork(number, table, [])
    whole = None if backup.base is None else backup.base.why_whole(table, size)
    if backup.base is None or whole is not None:
        return TableWork(number, table, cut_table(size.pages, size.bytes), whole=whole)
    ranges = backup.base.ranges(table, size)
    return TableWork(number, table, [each.cut for each in ranges], since=ranges)


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
    connection: Connection,
    work: Sequence[TableWork],
    document: DocumentRows,
    *,
    fingerprints: bool,
    horizon: int | None = None,
) -> Iterator[ReadRange]:
    """The commands in the document's order, or in the best one: large tables first, so that no worker ends up alone.

    Each is made when it is asked for: all of them would take 124 MiB for a terabyte. ``horizon``: the base's.
    """
    items = {item.number: item for item in work}
    if document.order is not None:
        keys = document.order.keys
    else:
        largest_first = sorted(work, key=lambda item: -item.weight)
        keys = [(item.number, number) for item in largest_first for number in range(len(item.cuts))]
    for table, number in keys:
        item, statements = items[table], document.statements[table]
        if item.since is None or horizon is None:
            yield _command(connection, item, number, statements, fingerprints=fingerprints)
        else:
            yield _command_since(connection, item, number, statements, item.since[number], horizon)


def _command(
    connection: Connection, item: TableWork, number: int, statements: RowStatements, *, fingerprints: bool
) -> ReadRange:
    table, cut = item.table, item.cuts[number]
    pages = page_condition(cut.first_page, cut.last_page)
    query = fingerprint_query(table.schema, table.name, table.expression, pages=pages, positions=True)
    return ReadRange(
        table=item.number,
        range=number,
        name=table.qualified_name,
        lock=_lock(table).as_string(connection),
        copy=statements.copy(pages).as_string(connection),
        header=statements.header,
        fingerprint=query.as_string(connection) if fingerprints else None,
    )


def _command_since(
    connection: Connection, item: TableWork, number: int, statements: RowStatements, base: BaseRange, horizon: int
) -> ReadRange:
    """Only rows that have changed since the base are copied."""
    table, cut = item.table, item.cuts[number]
    pages = page_condition(cut.first_page, cut.last_page) or page_condition(0, None, always=True) or ""
    changed = changed_since(horizon)
    state = state_query(table.schema, table.name, table.expression, pages=pages, changed=changed)
    return ReadRange(
        table=item.number,
        range=number,
        name=table.qualified_name,
        lock=_lock(table).as_string(connection),
        copy=statements.copy(f"{pages} AND {changed}").as_string(connection),
        header=statements.header,
        fingerprint=None,
        since=Since(
            state=state.as_string(connection),
            rows=base.rows,
            fingerprint=base.fingerprint,
            positions=None if base.positions is None else bytes(base.positions),
            segments=base.segments,
        ),
    )


def _lock(table: SourceTable) -> sql.Composed:
    return sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT").format(sql.Identifier(table.schema, table.name))


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
