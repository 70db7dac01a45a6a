"""What doctor finds in real databases, and that its own remedy mends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pantry_tui.models import DatabaseTarget, Finding, FindingStatus
from pantry_tui.postgres.diagnose import examine_database, pooler_findings
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.postgres.privileges import backup_role_sql
from tests.servers import TestServer

OK, WARNING, PROBLEM = FindingStatus.OK, FindingStatus.WARNING, FindingStatus.PROBLEM


async def examine(target: DatabaseTarget, role: str = "test_backup", free: int | None = None) -> dict[str, Finding]:
    findings = await examine_database(target, role=role, free_bytes=free)
    assert len({finding.check for finding in findings}) == len(findings)
    assert all(finding.remedy for finding in findings if finding.status is not OK)
    about_the_database = [finding for finding in findings if finding.check != "client_tools_security"]
    return {finding.check: finding for finding in about_the_database}


def statuses(findings: dict[str, Finding]) -> dict[str, FindingStatus]:
    return {check: finding.status for check, finding in findings.items()}


@pytest.fixture
def roles(any_server: TestServer) -> Iterator[None]:
    """No role of these tests before or after; their databases are dropped before."""

    def drop() -> None:
        for role in ("test_reader", "test_backup", '"it\'s $$ a\nrole"'):
            any_server.execute("postgres", f"DROP ROLE IF EXISTS {role}")

    drop()
    any_server.execute("postgres", "CREATE ROLE test_reader LOGIN")
    yield
    for database in any_server.execute("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'"):
        any_server.drop_database(database[0])
    drop()


@pytest.fixture
def guarded(any_server: TestServer, roles: None) -> DatabaseTarget:
    """A database with everything that a role may not see."""
    target = any_server.create_database()
    any_server.execute(
        target,
        "CREATE SCHEMA hidden; CREATE TABLE hidden.a (); CREATE TABLE granted (x int); CREATE SEQUENCE counter;"
        'CREATE TABLE "a\'b" (x int); ALTER TABLE "a\'b" ENABLE ROW LEVEL SECURITY;'
        "GRANT SELECT ON granted, \"a'b\" TO test_reader; SELECT lo_from_bytea(0, 'x')",
    )
    return target


async def test_a_superuser_sees_everything(any_server: TestServer) -> None:
    findings = await examine(any_server.create_database())
    assert statuses(findings) == dict.fromkeys(("reachable", "client_tools", "encoding", "privileges", "locks"), OK)
    assert "PostgreSQL" in findings["reachable"].message
    assert "UTF8" in findings["encoding"].message


async def test_what_a_role_cannot_see_is_named(any_server: TestServer, guarded: DatabaseTarget) -> None:
    findings = await examine(any_server.target(guarded.name, role="test_reader"))
    assert {check for check, status in statuses(findings).items() if status is PROBLEM} == {
        "privileges",
        "row_security",
        "large_objects",
    }
    assert findings["privileges"].message == "Role test_reader may not read hidden.a, public.counter"
    assert findings["row_security"].message == 'Role test_reader sees only some rows of public."a\'b"'
    assert findings["role_passwords"].status is WARNING
    assert findings["privileges"].sql == backup_role_sql("test_backup", guarded.name)


@pytest.mark.parametrize("role", ["test_backup", "it's $$ a\nrole"])
async def test_the_sql_makes_a_role_without_problems(
    any_server: TestServer, guarded: DatabaseTarget, role: str
) -> None:
    any_server.psql(guarded, backup_role_sql(role, guarded.name).encode())
    findings = await examine(any_server.target(guarded.name, role=role))
    assert set(statuses(findings).values()) == {OK}
    assert "default_transaction_read_only" in any_server.psql(guarded, b"\\drds")


async def test_forced_row_security_hits_the_owner_too(any_server: TestServer, roles: None) -> None:
    target = any_server.create_database()
    any_server.execute(
        target,
        "CREATE TABLE mine (); ALTER TABLE mine OWNER TO test_reader; ALTER TABLE mine ENABLE ROW LEVEL SECURITY",
    )
    owner = any_server.target(target.name, role="test_reader")
    assert "row_security" not in await examine(owner)
    any_server.execute(target, "ALTER TABLE mine FORCE ROW LEVEL SECURITY")
    assert (await examine(owner))["row_security"].message.endswith("rows of public.mine")


async def test_transactions_in_the_way(server: TestServer) -> None:
    target = server.create_database()
    holder = server.connect(target, autocommit=False)
    holder.execute("CREATE TABLE t ()")
    holder.execute("PREPARE TRANSACTION 'forgotten'")
    finding = (await examine(target))["prepared_transactions"]
    holder.rollback()
    server.execute(target, "ROLLBACK PREPARED 'forgotten'")
    assert finding.status is WARNING
    assert "forgotten" in finding.message
    assert "prepared_transactions" not in await examine(target)


async def test_too_few_locks(tmp_path: Path) -> None:
    """A server with room for 10 * 20 locks: a third of it is used from 34 tables on, all of it from 67."""
    settings = {"max_locks_per_transaction": "10", "max_connections": "20", "max_prepared_transactions": "0"}
    with PrivateServer(tmp_path / "server", settings=settings) as private:
        target = private.target("postgres")
        seen = [(await examine(target))["locks"]]
        for first, last in ((1, 40), (41, 80)):
            with psycopg.connect(target.conninfo) as connection:
                connection.execute(
                    f"DO $$ BEGIN FOR i IN {first}..{last} LOOP "
                    "EXECUTE pg_catalog.format('CREATE TABLE t%s ()', i); END LOOP; END $$"
                )
            seen.append((await examine(target))["locks"])
    assert [finding.status for finding in seen] == [OK, WARNING, PROBLEM]
    assert seen[2].message == "A backup may take 240 locks (80 tables), and the server has room for 200"
    assert seen[2].sql == "ALTER SYSTEM SET max_locks_per_transaction = 64;"


@pytest.mark.parametrize(
    ("seen", "port", "status"),
    [([7, 7, 7], 5432, None), ([8, 8, 8], 5432, WARNING), ([7, 8, 7], 5432, PROBLEM), ([7, 7, 7], 6543, PROBLEM)],
)
def test_poolers(seen: list[int], port: int, status: FindingStatus | None) -> None:
    assert [finding.status for finding in pooler_findings(seen, 7, port, "crm")] == ([status] if status else [])


async def test_databases_of_restores_that_ended_early(server: TestServer) -> None:
    target = server.create_database()
    for name in ('crm "x".unverified-0a1b', "crm.unverified-zzzz", "busy.unverified-0a1b"):
        server.create_database(name)
    server.connect("busy.unverified-0a1b")
    finding = (await examine(target))["unverified_databases"]
    assert finding.status is WARNING
    assert finding.sql == 'DROP DATABASE "crm ""x"".unverified-0a1b";'


async def test_little_room(server: TestServer) -> None:
    target = server.create_database()
    assert (await examine(target, free=1))["room"].status is WARNING
    assert "room" not in await examine(target, free=10**12)


@pytest.mark.parametrize(("encoding", "status"), [("SQL_ASCII", WARNING), ("EUC_TW", OK), ("MULE_INTERNAL", OK)])
async def test_encodings(any_server: TestServer, encoding: str, status: FindingStatus) -> None:
    target = any_server.create_database(template="template0", encoding=encoding, lc_collate="C", lc_ctype="C")
    finding = (await examine(target))["encoding"]
    assert finding.status is status
    assert encoding in finding.message


async def test_a_server_that_does_not_answer_is_a_finding() -> None:
    (finding,) = (await examine(DatabaseTarget(name="crm", conninfo="host=/nonexistent"))).values()
    assert (finding.check, finding.subject, finding.status) == ("reachable", "crm", PROBLEM)
    assert "/nonexistent" in finding.message


async def test_client_tools_that_do_not_fit(server: TestServer) -> None:
    target = DatabaseTarget(name="crm", conninfo=server.target("postgres").conninfo, client_tools="/nonexistent")
    finding = (await examine(target))["client_tools"]
    assert finding.status is PROBLEM
    assert "/nonexistent" in finding.message
