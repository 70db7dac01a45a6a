"""Plans: what they say is what would happen, and nothing happens by them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pantry_tui.errors import PantryError
from pantry_tui.models import (
    BackupKind,
    DatabaseTarget,
    RecoveryWay,
    RepositoryTarget,
    RestoreResult,
    Strategy,
)
from tests.engine.backup.taking import take
from tests.engine.recovery.planning import plan, state
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

SHOP = """
CREATE TABLE people (id int PRIMARY KEY, name varchar(20), age int);
CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES people, total numeric);
CREATE TABLE a (id int PRIMARY KEY, b int);
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE;
CREATE TABLE loose (x int);
CREATE MATERIALIZED VIEW heads AS SELECT count(*) FROM people;
INSERT INTO people SELECT i, 'p' || i, i FROM generate_series(1, 30) i;
INSERT INTO orders SELECT i, 1 + i % 30, i FROM generate_series(1, 40) i;
INSERT INTO loose SELECT generate_series(1, 5);
"""


@pytest.fixture
async def shop(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, SHOP)
    await take(target, repository)
    return target


async def test_nothing_is_changed(server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget) -> None:
    before, names = state(server, shop, repository), databases(server)
    new = DatabaseTarget(name="new", conninfo=shop.conninfo.replace(shop.name, f"{shop.name}_new"))
    ways = [
        (await plan(shop, repository, probe=True)).way,
        (await plan(shop, repository, tables=("public.people",), probe=True)).way,
        (await plan(new, repository, probe=True)).way,
    ]
    assert ways == [RecoveryWay.SIDE_BY_SIDE, RecoveryWay.IN_PLACE, RecoveryWay.NEW]
    assert state(server, shop, repository) == before
    assert databases(server) == names


async def test_side_by_side(server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget) -> None:
    server.execute(
        shop,
        "ALTER TABLE people ADD COLUMN email text; CREATE TABLE later (id int); INSERT INTO people VALUES (99, 'n', 1);"
        "UPDATE orders SET total = 0 WHERE id <= 3; DELETE FROM loose",
    )
    with psycopg.connect(shop.conninfo, application_name="the application"):
        found = await plan(shop, repository)
    assert (found.way, found.refusals, found.target) == (RecoveryWay.SIDE_BY_SIDE, (), shop.name)
    rows = {table.name: (table.rows_now, table.rows_backup, table.written) for table in found.tables}
    assert rows == {
        "people": (31, 30, 1),
        "orders": (40, 40, 3),
        "a": (0, 0, 0),
        "b": (0, 0, 0),
        "loose": (0, 5, 0),
    }
    order = [table.name for table in found.tables]
    assert order.index("people") < order.index("orders")
    assert found.cycles == (("public.a", "public.b"),)
    assert found.loss.written_rows == 4
    assert (found.loss.log_bytes or 0) > 0
    assert [holder.application for holder in found.locks.holders] == ["the application"]
    (drift,) = next(table.drift for table in found.tables if table.name == "people")
    assert (drift.column, drift.change, drift.handled) == ("email", "added", True)
    said = " ".join(found.risks)
    assert "public.later" in said
    assert "4 rows inserted or updated" in said
    assert found.command.startswith(f"pantry-tui recovery execute {found.backup_id} ")
    assert found.dry_run_command == f"{found.command} --dry-run"


async def test_in_place_names_what_it_meets(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(shop, "DROP TABLE loose; CREATE VIEW names AS SELECT name FROM people")
    with psycopg.connect(shop.conninfo, application_name="busy") as other:
        other.execute("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        found = await plan(shop, repository, tables=("public.people", "public.loose"))
    assert (found.way, found.refusals) == (RecoveryWay.IN_PLACE, ())
    assert {table.name: table.action for table in found.tables} == {"people": "replace", "loose": "make again"}
    assert {(each.kind, each.name, each.offer) for each in found.dependents} == {
        ("foreign key", "public.orders.orders_person_fkey", "-t public.orders"),
        ("view", "public.names", None),
        ("materialized view", "public.heads", 'REFRESH MATERIALIZED VIEW "public"."heads";'),
    }
    assert found.locks.tables == ("public.orders", "public.people")
    assert {(each.application, each.mode, each.table) for each in found.locks.holders} == {
        ("busy", "AccessExclusiveLock", "public.people")
    }
    assert [table.rows_now_exact for table in found.tables if table.name == "people"] == [False]
    assert "-t public.orders" in " ".join(found.risks)


DRIFT = [
    (("ADD COLUMN email text",), "added", True),
    (("ADD COLUMN email text DEFAULT ''", "ALTER email SET NOT NULL", "ALTER email DROP DEFAULT"), "added", False),
    (("DROP COLUMN age",), "dropped", False),
    (("ALTER name TYPE text",), "retyped", True),
    (("ALTER age TYPE text",), "retyped", False),
]


async def test_drift_is_judged_as_the_recovery_judges_it(server: TestServer, repository: RepositoryTarget) -> None:
    """What the plan calls coped with is done; what it does not, is refused, by the recovery too."""
    target = server.create_database()
    for number in range(len(DRIFT)):
        server.execute(
            target,
            f"CREATE TABLE t{number} (id int PRIMARY KEY, name varchar(20), age int);"
            f"INSERT INTO t{number} SELECT i, 'p' || i, i FROM generate_series(1, 30) i",
        )
    await take(target, repository)
    for number, (actions, change, handled) in enumerate(DRIFT):
        changes = "; ".join(f"ALTER TABLE t{number} {action}" for action in actions)
        server.execute(target, f"DELETE FROM t{number} WHERE id > 10; {changes}")
        found = await plan(target, repository, tables=(f"public.t{number}",))
        (drift,) = found.tables[0].drift
        assert (drift.change, drift.handled) == (change, handled)
        outcome = await attempt(target, repository, tables=(f"public.t{number}",))
        succeeded = isinstance(outcome, RestoreResult) and not outcome.violations
        assert succeeded == handled
        if not found.executable:
            assert isinstance(outcome, PantryError)
            assert found.refusals[0].code == outcome.code


async def attempt(
    target: DatabaseTarget, repository: RepositoryTarget, *, tables: tuple[str, ...]
) -> RestoreResult | PantryError:
    try:
        return await restore(target, repository, tables=tables, dry_run=True)
    except PantryError as error:
        return error


async def test_every_refusal_is_in_a_whole_plan(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(shop, "CREATE ROLE planner LOGIN")
    try:
        new = shop.conninfo.replace(f"dbname={shop.name}", f"dbname={shop.name}_new")
        target = DatabaseTarget(name="new", conninfo=new.replace("user=postgres", "user=planner"))
        found = await plan(target, repository, batch_size=5)
    finally:
        server.execute(shop, "DROP ROLE planner")
    assert [each.code for each in found.refusals] == ["usage", "privilege", "privilege"]
    assert len(found.tables) == 5
    assert all(each.remedy for each in found.refusals)

    found = await plan(shop, repository, tables=("public.people", "public.loose"), strategy=Strategy.MERGE)
    refused = {table.name: table.refusal for table in found.tables}
    assert refused["people"] is None
    assert "no key to merge by" in (refused["loose"] or "")
    assert [each.code for each in found.refusals] == ["restore_failed"]

    assert (await plan(shop, repository)).executable
    (path,) = Path(repository.location).glob("*/*.sql.gz")
    path.write_bytes(path.read_bytes()[:-10])
    found = await plan(shop, repository)
    assert [each.code for each in found.refusals] == ["backup_damaged"]

    await take(shop, repository, kind=BackupKind.DATA)
    found = await plan(shop, repository)
    assert found.way is RecoveryWay.EMPTY_TABLES
    assert [each.code for each in found.refusals] == ["target_not_empty"]


async def test_the_next_plan_goes_by_what_this_recovery_took(
    shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    probed = await plan(shop, repository, probe=True)
    unmeasured = await plan(shop, repository)
    done = await restore(shop, repository, swap=True)
    assert done.measured is not None
    assert done.measured.phases.keys() >= {"check", "create", "rows", "verify", "finish"}
    known = await plan(shop, repository, measurements=(done.measured,), rto_seconds=7200.0)
    for found, source in ((probed, "probe"), (unmeasured, "backup"), (known, "history")):
        assert found.estimate is not None
        assert found.estimate.source == source
    assert known.estimate is not None
    # The same work again: exactly what was measured, and that is within its own range.
    assert known.estimate.seconds == pytest.approx(sum(done.measured.phases.values()), abs=0.01)
    assert known.estimate.least < known.estimate.seconds < known.estimate.most
    assert known.estimate.within_rto is True
