"""The corpus databases are damaged and brought back: side by side, and in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from psycopg import sql

from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

_COLUMN = """
SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
    AND a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND a.attgenerated = '' ORDER BY a.attnum LIMIT 1
"""


# Its rows are older than the CHECK, which is NOT VALID: they come back only before it, so into a new table.
ROWS_THAT_BREAK_A_CHECK = "invalid_check_con"


def damage(server: TestServer, target: DatabaseTarget, tables: Iterable[tuple[str, str]]) -> int:
    """Deletes a third of each table's rows and changes another, past triggers, keys and rules; returns in how many tables."""
    touched = 0
    with server.connect(target) as connection:
        connection.execute("SET session_replication_role = replica")
        for schema, name in tables:
            table = sql.Identifier(schema, name)
            gone = sql.SQL("DELETE FROM ONLY {} WHERE (ctid::text::point)[1]::int % 3 = 1").format(table)
            touched += connection.execute(gone).rowcount > 0
            found = connection.execute(_COLUMN, (table.as_string(connection),)).fetchone()
            if found is not None:
                change = sql.SQL("UPDATE ONLY {} SET {} = NULL WHERE (ctid::text::point)[1]::int % 3 = 2")
                statement = change.format(table, sql.Identifier(found[0])).as_string(connection)
                connection.execute(sql.SQL("DO {}").format(sql.Literal(_attempted(statement))))
    return touched


def _attempted(statement: str) -> str:
    """A change that a constraint of the table may refuse."""
    return f"BEGIN {statement}; EXCEPTION WHEN integrity_constraint_violation THEN NULL; END"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("which", ["pagila", "regression"])
async def test_side_by_side(any_server: TestServer, repository: RepositoryTarget, which: str) -> None:
    target = any_server.load_corpus(which)
    taken = await take(target, repository)
    before = any_server.fingerprint(target)
    assert damage(any_server, target, [(table.schema, table.name) for table in taken.manifest.tables]) > 10
    drop_some(any_server, target, which)
    damaged = any_server.fingerprint(target)
    assert damaged["tables"] != before["tables"]
    result = await restore(target, repository, swap=True)
    any_server.drop_after_test(str(result.checkpoint))
    assert result.way == "side by side"
    found = any_server.fingerprint(target)
    compare(found, before)
    assert found["sequences"] == before["sequences"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("which", ["pagila", "regression"])
async def test_in_place(any_server: TestServer, repository: RepositoryTarget, which: str) -> None:
    target = any_server.load_corpus(which)
    taken = await take(target, repository)
    before = any_server.fingerprint(target)
    carried = [
        (table.schema, table.name)
        for table in taken.manifest.tables
        if table.carried_by == "segments" and not table.name.startswith(ROWS_THAT_BREAK_A_CHECK)
    ]
    assert damage(any_server, target, carried) > 10
    if which == "pagila":
        drop_some(any_server, target, which)
    names = tuple(f'"{schema}"."{name}"' for schema, name in carried)
    result = await restore(target, repository, tables=names, checkpoint=False)
    assert (result.way, result.warnings) == ("in place", ())
    compare(any_server.fingerprint(target), before)


def drop_some(server: TestServer, target: DatabaseTarget, which: str) -> None:
    """Drops tables with all that hangs on them."""
    names = {"pagila": ("film", "rental"), "regression": ("onek", "tenk1", "a", "point_tbl")}[which]
    for name in names:
        server.execute(target, f"DROP TABLE public.{name} CASCADE")


def compare(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Materialised views apart, which a restore refreshes; sequences may have been moved ahead of their columns."""
    for section in ("tables", "large_objects", "catalog"):
        assert found[section] == wanted[section], section
    assert found["sequences"].keys() == wanted["sequences"].keys()
    for name, state in found["sequences"].items():
        before = wanted["sequences"][name]
        assert state == before or (state[:-2] == before[:-2] and position(state) > position(before)), name


def position(sequence: list[str]) -> tuple[int, bool]:
    """The last value, and whether it was given out."""
    return int(sequence[-2]), sequence[-1] == "True"
