"""`--batch-size`: many statements in place of one, with the same result."""

from __future__ import annotations

import pytest

from pantry_tui.errors import RestoreError, UsageError
from pantry_tui.models import DatabaseTarget, RepositoryTarget, Strategy
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

TABLES = """
CREATE TABLE goods (id int PRIMARY KEY, code text UNIQUE, price numeric);
CREATE TABLE log (line text);
INSERT INTO goods SELECT i, 'g' || i, i FROM generate_series(1, 50) i;
INSERT INTO log SELECT 'line ' || i % 7 FROM generate_series(1, 50) i;
"""
DAMAGE = """
UPDATE goods SET code = 'x' || id, price = 0 WHERE id <= 20;
DELETE FROM goods WHERE id > 40;
INSERT INTO goods VALUES (100, 'g3', 1);
ALTER TABLE goods ADD COLUMN shelf int DEFAULT 1;
UPDATE goods SET shelf = id;
DELETE FROM log WHERE line = 'line 3';
INSERT INTO log VALUES ('strange');
"""


@pytest.fixture
async def shop(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, TABLES)
    await take(target, repository)
    server.execute(target, DAMAGE)
    return target


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
async def test_the_result_is_that_of_one_statement(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget, batch_size: int
) -> None:
    names = ("public.goods", "public.log")
    whole = await restore(shop, repository, tables=names, dry_run=True)
    batched = await restore(shop, repository, tables=names, batch_size=batch_size)
    assert batched.tables == whole.tables
    (goods, _) = batched.tables
    assert (goods.inserted, goods.updated, goods.deleted, goods.unchanged) == (10, 20, 1, 20)
    kept = "SELECT count(*) FROM goods WHERE shelf = id AND price = id AND code = 'g' || id"
    assert server.execute(shop, kept) == [(40,)]


async def test_each_statement_changes_no_more_rows_than_that(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    """The commands of the one transaction are told apart by the number that the server gives each (cmin)."""
    await restore(shop, repository, tables=("public.goods",), batch_size=6)
    sizes = server.execute(shop, "SELECT count(*)::int, count(DISTINCT xmin::text)::int FROM goods GROUP BY cmin::text")
    changed = server.execute(
        shop, "SELECT count(*)::int FROM goods WHERE id <= 20 OR id > 40 GROUP BY cmin::text ORDER BY 1"
    )
    assert max(number for (number,) in changed) == 6
    assert sum(number for (number,) in changed) == 30
    assert all(transactions == 1 for _, transactions in sizes)


async def test_a_violation_takes_all_batches_back(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    state = "SELECT md5(string_agg(g::text, '' ORDER BY id)) FROM goods g"
    server.execute(shop, "ALTER TABLE goods ADD CHECK (price < 50 OR shelf > 1) NOT VALID")
    before = server.execute(shop, state)
    with pytest.raises(RestoreError, match=r"public\.goods"):
        await restore(shop, repository, tables=("public.goods",), batch_size=3)
    assert server.execute(shop, state) == before


async def test_into_a_new_database_it_is_refused(shop: DatabaseTarget, repository: RepositoryTarget) -> None:
    new = DatabaseTarget(name="new", conninfo=shop.conninfo.replace(shop.name, f"{shop.name}_new"))
    with pytest.raises(UsageError, match="batch size has no meaning") as caught:
        await restore(new, repository, batch_size=10)
    assert "backup create" in (caught.value.remedy or "")


async def test_append_by_batches(server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget) -> None:
    server.execute(shop, "DELETE FROM goods WHERE id = 100")
    done = await restore(shop, repository, tables=("public.goods",), strategy=Strategy.APPEND, batch_size=4)
    assert (done.tables[0].inserted, done.tables[0].updated) == (10, 0)
