"""Comparing the tables of schemas in two databases of one server: rows and fingerprints."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import list_tables
from pantry_tui.postgres.snapshot import Connection

Name = tuple[str, str]


class Content(NamedTuple):
    """Rows and their fingerprint; of leaves that their root spreads anew, of all together under the root's name."""

    rows: int
    content: int


async def contents(connection: Connection, schemas: Collection[str]) -> dict[Name, Content]:
    """What the tables of these schemas hold. Raises `psycopg.Error`."""
    found: dict[Name, Content] = {}
    for table in await list_tables(connection):
        if table.schema not in schemas or table.kind != "r":
            continue
        query = fingerprint_query(table.schema, table.name, table.expression)
        rows, content = await (await connection.execute(query)).fetchone() or (0, "0")
        key = ("", table.loaded_through) if table.loaded_through is not None else (table.schema, table.name)
        before = found.get(key, Content(0, 0))
        found[key] = Content(before.rows + rows, before.content + int(content))
    return found


def differences(wanted: dict[Name, Content], there: dict[Name, Content]) -> list[str]:
    """In words, what differs."""
    found = []
    for schema, name in sorted(wanted.keys() | there.keys()):
        one, other = wanted.get((schema, name)), there.get((schema, name))
        title = f"{schema}.{name}" if schema else name
        if one is None or other is None:
            found.append(f"{title}: {'is not of the backup' if one is None else 'the table is missing'}")
        elif one.rows != other.rows:
            found.append(f"{title}: {other.rows:,} rows; the backup has {one.rows:,}")
        elif one.content != other.content:
            found.append(f"{title}: as many rows as in the backup, but their content differs")
    return found
