"""Rows that nobody has written since, whose text or fingerprint is another one all the same."""

from __future__ import annotations

import pytest

from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import Taken, take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

OBJECTS = """
CREATE TABLE first (); CREATE TABLE second ();
CREATE DOMAIN named AS regclass; CREATE TYPE pair AS (number int, of named);
"""
SWAP = "ALTER TABLE first RENAME TO third; ALTER TABLE second RENAME TO first; ALTER TABLE third RENAME TO second"


async def restored_equal(server: TestServer, source: DatabaseTarget, repository: RepositoryTarget) -> Taken:
    delta = await take(source, repository, kind=BackupKind.INCREMENTAL)
    target = server.drop_after_test("restored_meanings")
    await restore(target, repository, backup_id=delta.summary.id)
    assert server.fingerprint(target) == server.fingerprint(source)
    return delta


@pytest.mark.parametrize("deleted", [0, 1], ids=["all rows are left", "a row is gone"])
@pytest.mark.parametrize(
    ("column", "value"),
    [("regclass", "first"), ("regclass[]", "{second,first}"), ("named", "first"), ("pair", "(1,first)")],
)
async def test_values_that_are_written_with_the_names_of_tables(
    server: TestServer, repository: RepositoryTarget, column: str, value: str, deleted: int
) -> None:
    source = server.create_database()
    server.execute(source, f"{OBJECTS} CREATE TABLE t (id int, of {column})")
    server.execute(source, f"INSERT INTO t SELECT g, '{value}' FROM generate_series(1, 100) g")
    await take(source, repository)
    server.execute(source, f"{SWAP}; DELETE FROM t WHERE id <= {deleted}")
    delta = await restored_equal(server, source, repository)
    table = next(table for table in delta.manifest.tables if table.name == "t")
    assert table.own_rows == 100 - deleted
    assert "regclass" in (table.whole or "")


async def test_column_that_is_compared_in_another_way(system_server: TestServer, repository: RepositoryTarget) -> None:
    """Text of a collation that takes other bytes for equal is fingerprinted in another way; no row is rewritten for it."""
    source = system_server.create_database()
    create = "CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false)"
    system_server.execute(source, f"{create}; CREATE TABLE t AS SELECT 'A' AS a FROM generate_series(1, 100)")
    await take(source, repository)
    system_server.execute(source, "ALTER TABLE t ALTER a TYPE text COLLATE loose")
    delta = await restored_equal(system_server, source, repository)
    assert "definition has changed" in (delta.manifest.tables[0].whole or "")
