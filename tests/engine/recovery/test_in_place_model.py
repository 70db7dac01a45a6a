"""Recoveries in place against a model that says in Python what must come of them, for tables that nobody thought of."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, RepositoryTarget, RestoredTable, RollbackRequest, Strategy
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

Row: TypeAlias = "tuple[int, str, str | None]"
Rows: TypeAlias = "list[Row]"
Case: TypeAlias = "tuple[bool, Rows, Rows]"  # whether there is a key; rows in the backup, rows now

VALUES = st.one_of(st.none(), st.sampled_from(["", " ", "a", "A", '{"a": 1.0}', '{"a": 1.00}', "\\N", '"', "\t\n"]))
KEYED = st.dictionaries(st.tuples(st.integers(0, 5), st.sampled_from(["", "a", "ä\\'"])), VALUES, max_size=9).map(
    lambda found: [(number, text, value) for (number, text), value in found.items()]
)
LOOSE = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["", "a"]), VALUES), max_size=9)
CASES = st.one_of(
    st.tuples(st.just(True), KEYED, KEYED),
    st.tuples(st.just(False), LOOSE, LOOSE),
)

BATCHES = st.one_of(st.none(), st.integers(1, 4))  # rows per statement


def expected(strategy: Strategy, case: Case) -> tuple[Rows, tuple[int, int, int, int]]:
    """The rows that must be there, and how many were inserted, updated, deleted, unchanged."""
    keyed, stored, now = case
    if not keyed:
        return _loose(strategy, stored, now)
    backup = {row[:2]: row for row in stored}
    there = {row[:2]: row for row in now}
    missing = [key for key in backup if key not in there]
    differing = [key for key in backup if key in there and there[key] != backup[key]]
    same = len(backup) - len(missing) - len(differing)
    if strategy is Strategy.REPLACE:
        return list(backup.values()), (len(missing), len(differing), len(there.keys() - backup.keys()), same)
    if strategy is Strategy.MERGE:
        return list((there | backup).values()), (len(missing), len(differing), 0, same)
    return list((backup | there).values()), (len(missing), 0, 0, same + len(differing))


def _loose(strategy: Strategy, stored: Rows, now: Rows) -> tuple[Rows, tuple[int, int, int, int]]:
    left, missing = list(now), []
    for row in stored:
        if row in left:
            left.remove(row)
        else:
            missing.append(row)
    same = len(stored) - len(missing)
    if strategy is Strategy.REPLACE:
        return stored, (len(missing), 0, len(left), same)
    return now + missing, (len(missing), 0, 0, same)


def names(cases: list[Case]) -> list[str]:
    return [f"t{number}" for number in range(len(cases))]


def fill(connection: psycopg.Connection[tuple[object, ...]], name: str, rows: Rows) -> None:
    table = sql.Identifier(name)
    connection.execute(sql.SQL("TRUNCATE {}").format(table))
    with connection.cursor() as cursor:
        cursor.executemany(sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(table), rows)


def content(connection: psycopg.Connection[tuple[object, ...]], name: str) -> list[tuple[object, ...]]:
    found = connection.execute(sql.SQL("SELECT a, b, c FROM {}").format(sql.Identifier(name))).fetchall()
    return sorted(found, key=repr)


@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(cases=st.lists(CASES, min_size=4, max_size=8), batch_size=BATCHES)
def test_tables_become_what_the_model_says(
    server: TestServer, strategy: Strategy, cases: list[Case], batch_size: int | None
) -> None:
    compare_with_model(server, strategy, cases, batch_size)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(cases=st.lists(CASES, min_size=4, max_size=30), batch_size=BATCHES)
def test_many_tables_become_what_the_model_says(
    server: TestServer, strategy: Strategy, cases: list[Case], batch_size: int | None
) -> None:
    compare_with_model(server, strategy, cases, batch_size)


def compare_with_model(server: TestServer, strategy: Strategy, cases: list[Case], batch_size: int | None) -> None:
    if strategy is Strategy.MERGE:
        cases = [case for case in cases if case[0]] or [(True, [], [])]
    target = server.create_database()
    try:
        with TemporaryDirectory() as directory:
            repository = RepositoryTarget(name="local", location=str(Path(directory) / "r"))
            _check(server, target, repository, strategy, cases, batch_size)
    finally:
        server.drop_database(target.name)


def _check(
    server: TestServer,
    target: DatabaseTarget,
    repository: RepositoryTarget,
    strategy: Strategy,
    cases: list[Case],
    batch_size: int | None,
) -> None:
    with psycopg.connect(target.conninfo, autocommit=True) as connection:
        for name, (keyed, stored, _) in zip(names(cases), cases, strict=True):
            key = ", PRIMARY KEY (a, b)" if keyed else ""
            server.execute(target, f"CREATE TABLE {name} (a int, b text, c text{key})")
            fill(connection, name, stored)
        asyncio.run(take(target, repository))
        for name, (_, _, now) in zip(names(cases), cases, strict=True):
            fill(connection, name, now)
        tables = tuple(f"public.{name}" for name in names(cases))
        recovery = restore(target, repository, tables=tables, strategy=strategy, batch_size=batch_size, analyze=False)
        done = asyncio.run(recovery)
        found = {table.name: table for table in done.tables}
        for name, case in zip(names(cases), cases, strict=True):
            rows, effect = expected(strategy, case)
            assert content(connection, name) == sorted(rows, key=repr)
            assert effect_of(found[name]) == effect
        asyncio.run(roll_back(RollbackRequest(target=target, undo=done.id), ignore))
        for name, (_, _, now) in zip(names(cases), cases, strict=True):
            assert content(connection, name) == sorted(now, key=repr)


def effect_of(table: RestoredTable) -> tuple[int, int, int, int]:
    return table.inserted, table.updated, table.deleted, table.unchanged
