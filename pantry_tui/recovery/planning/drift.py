"""Columns that are otherwise in the database than in the backup, and what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pantry_tui.artifact.manifest import ColumnType, TableEntry
from pantry_tui.models import ColumnDrift
from pantry_tui.postgres.columns import TableColumns
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.fitting import holds, known_types, plain_type
from pantry_tui.recovery.requirements import quoted_identifier

_NEEDED = """
SELECT attrelid::pg_catalog.int8, attname::pg_catalog.text FROM pg_catalog.pg_attribute
WHERE attrelid = ANY (%s::pg_catalog.oid[]) AND attnum > 0 AND NOT attisdropped
    AND attnotnull AND NOT atthasdef AND attidentity = '' AND attgenerated = ''
"""


async def needed_columns(connection: Connection, tables: Sequence[int]) -> dict[int, set[str]]:
    """The columns, by table, that an inserted row must have a value for."""
    found: dict[int, set[str]] = {}
    for oid, name in await (await connection.execute(_NEEDED, (list(tables),))).fetchall():
        found.setdefault(oid, set()).add(name)
    return found


def drift_in_place(entry: TableEntry, there: TableColumns, needed: Collection[str]) -> tuple[ColumnDrift, ...]:
    """How the table's columns differ from the backup's, where its rows are to go into it."""
    return (*_added(entry, there, needed), *_dropped(entry, there), *_retyped(entry, there), *_computed(entry, there))


def drift_of_whole(entry: TableEntry, there: TableColumns) -> tuple[ColumnDrift, ...]:
    """The same where the table is exchanged with all of its database: it becomes what it was."""
    now, was = {name: _words(of) for name, of in there.types.items()}, dict(known_types(entry))
    for name in entry.generated:
        now.pop(name, None)
    before = {name: _words(was[name]) if name in was else None for name in entry.columns}
    found = []
    for name in sorted(now.keys() | before.keys()):
        if name not in before:
            found.append(_drift(name, "added", None, now[name], words="it goes, with its values"))
        elif name not in now:
            found.append(_drift(name, "dropped", before[name], None, words="it comes back, with the backup's values"))
        elif before[name] not in (None, now[name]):
            found.append(_drift(name, "retyped", before[name], now[name], words="it has the backup's type again"))
    return tuple(found)


def _added(entry: TableEntry, there: TableColumns, needed: Collection[str]) -> Iterator[ColumnDrift]:
    for name in sorted(there.types.keys() - {*entry.columns, *entry.generated, *there.generated}):
        words, handled = "rows that stay keep its value, others get its default", name not in needed
        if not handled:
            words = (
                "rows that are put in would have no value for it: ALTER TABLE "
                f"{_table(entry)} ALTER COLUMN {quoted_identifier(name)} SET DEFAULT …; helps"
            )
        yield _drift(name, "added", None, _words(there.types[name]), words=words, handled=handled)


def _dropped(entry: TableEntry, there: TableColumns) -> Iterator[ColumnDrift]:
    types = dict(known_types(entry))
    for name in entry.columns:
        if name not in there.types:
            was = _words(types[name]) if name in types else None
            statement = f"ALTER TABLE {_table(entry)} ADD COLUMN {quoted_identifier(name)} {was or '…'};"
            words = f"the backup has values for it: {statement} takes them, and may be undone afterwards"
            yield _drift(name, "dropped", was, None, words=words, handled=False)


def _retyped(entry: TableEntry, there: TableColumns) -> Iterator[ColumnDrift]:
    for name, was in known_types(entry):
        now = there.types.get(name)
        if now is None or plain_type(now) == plain_type(was):
            continue
        if holds(plain_type(now), plain_type(was)):
            words = "it takes every value of the backup as it is"
            yield _drift(name, "retyped", _words(was), _words(now), words=words)
            continue
        statement = f"ALTER TABLE {_table(entry)} ALTER COLUMN {quoted_identifier(name)} TYPE {plain_type(was)};"
        words = f"rows would change, or not fit: {statement} helps"
        yield _drift(name, "retyped", _words(was), _words(now), words=words, handled=False)


def _computed(entry: TableEntry, there: TableColumns) -> Iterator[ColumnDrift]:
    for name in entry.columns:
        if name in there.generated:
            words = "it is generated now, and the backup has values for it: drop the expression first"
            yield _drift(name, "generated", None, _words(there.types[name]), words=words, handled=False)
    for name in entry.generated:
        if name in there.types and name not in there.generated:
            words = "it was generated when the backup was taken, which has no values for it"
            yield _drift(name, "generated", None, _words(there.types[name]), words=words, handled=False)


def _drift(
    name: str, change: str, before: str | None, now: str | None, *, words: str, handled: bool = True
) -> ColumnDrift:
    return ColumnDrift(column=name, change=change, in_backup=before, in_database=now, handled=handled, words=words)


def _words(column: ColumnType) -> str:
    return column.name


def _table(entry: TableEntry) -> str:
    return f"{quoted_identifier(entry.schema)}.{quoted_identifier(entry.name)}"
