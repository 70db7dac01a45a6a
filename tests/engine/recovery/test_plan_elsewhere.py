"""Plans of what is restored elsewhere say what then happens: other names, other servers, dumps of others."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, ForeignPlan, ForeignPlanRequest, RecoveryWay, RepositoryTarget
from pantry_tui.recovery.foreign.planning import plan_foreign
from tests.engine.backup.taking import take
from tests.engine.recovery.foreign import END, ROLE, make_role, written
from tests.engine.recovery.planning import plan, state
from tests.engine.recovery.restoring import databases, restore
from tests.engine.recovery.test_managed import CUSTOMER, project
from tests.servers import TestServer

TWO_SCHEMAS = """
CREATE SCHEMA shop; CREATE SCHEMA "the ledger";
CREATE TABLE "the ledger".accounts (id int PRIMARY KEY);
CREATE TABLE shop.orders (id int PRIMARY KEY, account int, FOREIGN KEY (account) REFERENCES "the ledger".accounts);
CREATE TABLE shop.lines (id int PRIMARY KEY, "order" int REFERENCES shop.orders);
INSERT INTO "the ledger".accounts SELECT generate_series(1, 5);
INSERT INTO shop.orders SELECT i, 1 FROM generate_series(1, 20) i;
INSERT INTO shop.lines SELECT i, i FROM generate_series(1, 20) i;
"""


@pytest.fixture
async def shop(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, TWO_SCHEMAS)
    await take(target, repository)
    return target


async def test_under_another_name(server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget) -> None:
    before, renames = state(server, shop, repository), (("shop", "yesterday"),)
    planned = await plan(shop, repository, rename_schemas=renames, probe=True)
    assert state(server, shop, repository) == before
    assert (planned.way, planned.refusals) == (RecoveryWay.BESIDE, ())
    names = [table.qualified_name for table in planned.tables]
    assert names == ["yesterday.orders", "yesterday.lines"]
    assert planned.tables[1].refers_to == ("yesterday.orders",)
    assert planned.estimate is not None
    assert (planned.estimate.source, planned.loss.words) == ("probe", ())
    assert "--rename-schema shop=yesterday" in planned.command
    assert planned.dry_run_command == f"{planned.command} --dry-run"

    done = await restore(shop, repository, rename_schemas=renames)
    assert [f"{table.schema}.{table.name}" for table in done.tables] == sorted(names)
    assert planned.left_out == done.left_out != ()
    again = await plan(shop, repository, rename_schemas=renames)
    assert [(each.code, "schema yesterday already" in each.message) for each in again.refusals] == [("refused", True)]


async def test_under_another_name_in_a_new_database(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    new = server.drop_after_test(f"{shop.name}_renamed")
    planned = await plan(new, repository, rename_schemas=(("shop", "yesterday"),))
    assert (planned.way, planned.refusals, planned.target_exists) == (RecoveryWay.NEW, (), False)
    done = await restore(new, repository, rename_schemas=(("shop", "yesterday"),))
    assert {table.qualified_name for table in planned.tables} == {
        f"{table.schema}.{table.name}" for table in done.tables
    }


@pytest.fixture
def platform(server: TestServer) -> Iterator[TestServer]:
    """A server whose customer is no superuser."""
    with server.tidy():
        server.execute("postgres", "CREATE ROLE platform; CREATE ROLE customer LOGIN CREATEDB")
        yield server
    server.execute("postgres", "DROP ROLE platform; DROP ROLE customer")


async def test_where_others_manage_the_server(platform: TestServer, repository: RepositoryTarget) -> None:
    source = project(platform)
    platform.execute(source.name, CUSTOMER)
    await take(platform.target(source.name), repository)
    target = project(platform)
    before = state(platform, platform.target(target.name), repository)
    planned = await plan(target, repository, managed=True)
    assert state(platform, platform.target(target.name), repository) == before
    assert (planned.way, planned.refusals) == (RecoveryWay.NEW, ())
    assert "beside the schemas of others" in planned.why
    result = await restore(target, repository, managed=True)
    assert {table.qualified_name for table in planned.tables} == {
        f"{table.schema}.{table.name}" for table in result.tables
    }
    (tried,) = [line for line in planned.warnings if line.startswith("tried at the end")]
    refused = [line for line in result.warnings if line.startswith("left out, as the server refused it: ")]
    assert refused
    assert all(line.removeprefix("left out, as the server refused it: ").split(" (")[0] in tried for line in refused)
    assert {line for line in planned.warnings if "left alone" in line} <= set(result.warnings)

    platform.execute(target, "DELETE FROM notes")
    again = await plan(target, repository, managed=True)
    assert (again.way, again.refusals) == (RecoveryWay.IN_PLACE, ())
    assert "tables of role customer are there" in again.why
    assert {table.schema for table in again.tables} == {"public", "app"}
    without = await plan(target, repository)
    assert not without.executable


async def test_roles_that_will_be_made(
    server: TestServer, system_server: TestServer, repository: RepositoryTarget
) -> None:
    with system_server.tidy():
        system_server.execute("postgres", "CREATE ROLE planned_owner; CREATE ROLE planned_reader")
        source = system_server.create_database(owner="planned_owner")
        system_server.execute(
            source, "SET ROLE planned_owner; CREATE TABLE t (a int); GRANT SELECT ON t TO planned_reader"
        )
        await take(source, repository)
    system_server.execute("postgres", "DROP ROLE planned_owner, planned_reader")
    target = server.target(f"new_{len(databases(server))}")
    refused = await plan(target, repository)
    assert [each.code for each in refused.refusals] == ["restore_failed"]
    planned = await plan(target, repository, create_roles=True)
    assert planned.refusals == ()
    assert any("planned_owner, planned_reader" in line and "without passwords" in line for line in planned.warnings)
    assert planned.dry_run_command is None, "roles would stay of it"
    assert "--create-roles" in planned.command
    assert server.execute("postgres", "SELECT FROM pg_roles WHERE rolname LIKE 'planned%'") == []
    server.execute("postgres", "CREATE ROLE planned_maker LOGIN CREATEDB")
    try:
        humble = await plan(server.target(target.name, role="planned_maker"), repository, create_roles=True)
    finally:
        server.execute("postgres", "DROP ROLE planned_maker")
    assert [each.code for each in humble.refusals] == ["privilege"]


class TestDumps:
    DUMP = "SET client_encoding = 'UTF8';\nCREATE TABLE public.t (a int);\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.\n"

    async def planned(self, path: Path, target: DatabaseTarget) -> ForeignPlan:
        return await plan_foreign(ForeignPlanRequest(path=str(path), target=target), ignore)

    @pytest.fixture
    def target(self, server: TestServer) -> DatabaseTarget:
        make_role(server)
        return server.target(f"theirs_{len(databases(server))}", role=ROLE)

    async def test_what_is_known_and_what_is_not(
        self, server: TestServer, target: DatabaseTarget, tmp_path: Path
    ) -> None:
        path = tmp_path / "theirs.sql.gz"
        path.write_bytes(gzip.compress((self.DUMP + "INSERT INTO public.t VALUES (3);\n" + END).encode()))
        before = databases(server)
        found = await self.planned(path, target)
        assert databases(server) == before
        assert (found.executable, found.target, found.target_exists) == (True, target.name, False)
        assert (found.source_kind, found.encoding, found.statements, found.rows) == ("script", "UTF8", 4, 2)
        assert [(table.qualified_name, table.rows_backup) for table in found.tables] == [("public.t", 2)]
        assert "how many rows 1 INSERT statements bring" in found.unknown
        assert any("how long it takes" in line for line in found.unknown)
        assert any("complete to the mark" in line for line in found.known)
        assert found.command.startswith(f"pantry-tui recovery execute {path} --target ")

    async def test_every_reason_why_not(self, server: TestServer, target: DatabaseTarget, tmp_path: Path) -> None:
        evil = written(tmp_path, self.DUMP + "ALTER SYSTEM SET fsync = off;\n")
        found = await self.planned(evil, server.target(target.name))
        assert [each.code for each in found.refusals] == ["privilege", "refused"]
        assert "line 7" in found.refusals[1].message
        assert (found.statements, found.tables, found.target_exists) == (None, (), None)
        cut = tmp_path / "cut.sql"
        cut.write_text(self.DUMP)
        assert [each.code for each in (await self.planned(cut, target)).refusals] == ["backup_damaged"]
        full = server.create_database(owner=ROLE)
        server.execute(full, "CREATE TABLE here (a int)")
        whole = written(tmp_path, self.DUMP, "whole.sql")
        found = await self.planned(whole, server.target(full.name, role=ROLE))
        assert [each.code for each in found.refusals] == ["target_not_empty"]
        assert found.rows == 2
