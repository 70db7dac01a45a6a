"""Hazards of group A of docs/hazards.md: session and snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pantry_tui.backup import run
from pantry_tui.errors import ServerError, TooManyConnectionsError
from pantry_tui.events import Event, PhaseStarted, Warned
from pantry_tui.models import FindingStatus, RepositoryTarget
from pantry_tui.postgres.advisories import known_holes
from pantry_tui.postgres.diagnose import examine_database
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import take
from tests.engine.hazards.pooler import pgbouncer, through
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer


@pytest.fixture
def role(any_server: TestServer) -> Iterator[str]:
    """A role for backups; gone after the test."""
    name = "hazard_reader"
    any_server.execute(
        "postgres",
        f"DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN BYPASSRLS; GRANT pg_read_all_data TO {name}",
    )
    yield name
    any_server.execute("postgres", f"DROP ROLE {name}")


async def test_timeouts_of_the_role_end_nothing(
    any_server: TestServer, repository: RepositoryTarget, role: str
) -> None:
    source = any_server.create_database()
    any_server.execute(source, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 300000) i")
    timeouts = ["statement_timeout", "idle_in_transaction_session_timeout"]
    if any_server.version_num >= 170000:
        timeouts.append("transaction_timeout")
    for name in timeouts:
        any_server.execute("postgres", f"ALTER ROLE {role} SET {name} = '100ms'")
    taken = await take(any_server.target(source.name, role=role), repository)
    assert taken.summary.duration_seconds > 0.1
    assert taken.rows("public.t") == 300000


async def test_what_is_moved_between_tables_is_in_one_of_them(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    source = any_server.create_database()
    any_server.execute(source, "CREATE TABLE a AS SELECT 100 AS balance; CREATE TABLE b AS SELECT 0 AS balance")

    def move(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading":
            any_server.execute(source, "UPDATE a SET balance = balance - 40; UPDATE b SET balance = balance + 40")

    taken = await take(source, repository, on_event=move)
    assert any_server.execute(source, "SELECT (SELECT balance FROM a), (SELECT balance FROM b)") == [(60, 40)]
    assert b"\n100\n" in taken.document
    assert b"\n0\n" in taken.document


async def test_serializable_transactions_are_told(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database()
    any_server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    with any_server.connect(source, autocommit=False) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        other.execute("SELECT * FROM t")
        taken = await take(source, repository)
    assert any("SERIALIZABLE" in warning for warning in taken.manifest.warnings)


async def test_a_snapshot_held_long_is_told(
    server: TestServer, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    monkeypatch.setattr(run, "LONG_SNAPSHOT_SECONDS", 0.0)
    taken = await take(source, repository)
    assert any("vacuum" in warning for warning in taken.manifest.warnings)


async def test_fewer_workers_where_connections_run_out(
    any_server: TestServer, repository: RepositoryTarget, role: str
) -> None:
    source = any_server.create_database()
    any_server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    any_server.execute("postgres", f"ALTER ROLE {role} CONNECTION LIMIT 6")  # two, pg_dump, pg_dumpall, and two workers
    taken = await take(any_server.target(source.name, role=role), repository, jobs=6)
    assert any(isinstance(event, Warned) and "too many connections" in event.message for event in taken.events)
    assert taken.rows("public.t") == 1


async def test_no_connection_at_all_is_an_error_of_its_own(
    any_server: TestServer, repository: RepositoryTarget, role: str
) -> None:
    source = any_server.create_database()
    any_server.execute("postgres", f"ALTER ROLE {role} CONNECTION LIMIT 1")
    with pytest.raises(TooManyConnectionsError) as failure:
        await take(any_server.target(source.name, role=role), repository)
    assert "CONNECTION LIMIT" in (failure.value.remedy or "")
    assert LocalRepository(repository).ids() == []


async def test_prepared_transactions_are_told(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database()
    any_server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    with any_server.connect(source, autocommit=False) as other:
        other.execute("INSERT INTO t VALUES (2)")
        other.execute("PREPARE TRANSACTION 'in doubt'")
    try:
        taken = await take(source, repository)
    finally:
        any_server.execute(source, "ROLLBACK PREPARED 'in doubt'")
    assert taken.rows("public.t") == 1
    assert any("prepared transactions" in warning and "in doubt" in warning for warning in taken.manifest.warnings)


async def test_too_many_tables_to_lock_name_the_setting(tmp_path: Path, repository: RepositoryTarget) -> None:
    settings = {"max_locks_per_transaction": "10", "max_connections": "20", "max_prepared_transactions": "0"}
    with PrivateServer(tmp_path / "server", settings=settings) as private:
        source = private.target("postgres")
        with psycopg.connect(source.conninfo, autocommit=True) as connection:
            for number in range(1500):
                connection.execute(f"CREATE TABLE t{number} ()".encode())
        with pytest.raises(ServerError, match="no room to lock the 1,500 tables") as failure:
            await take(source, repository)
    assert "max_locks_per_transaction" in (failure.value.remedy or "")


async def test_known_holes_of_client_tools_are_told(any_server: TestServer) -> None:
    findings = {finding.check: finding for finding in await examine_database(any_server.create_database())}
    holes = [advisory.name for advisory in known_holes(any_server.version_num)]
    told = findings.get("client_tools_security")
    assert [name for name in holes if told is not None and name in told.message] == holes
    assert (told is not None) is bool(holes)


ADVISORY_LOCKS = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_is_refused(
    server: TestServer, repository: RepositoryTarget, mode: str
) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    with pgbouncer(server, mode) as directory:
        pooled = through(directory, source)
        with pytest.raises(ServerError, match="connection pooler") as failure:
            await take(pooled, repository)
        findings = {finding.check: finding for finding in await examine_database(pooled)}
        held = server.execute(source, ADVISORY_LOCKS)  # a session of the pooler's would keep it
    assert held == [(0,)]
    assert "session mode" in (failure.value.remedy or "")
    assert findings["pooler"].status is FindingStatus.PROBLEM
    assert LocalRepository(repository).ids() == []


async def test_a_pooler_in_session_mode_will_do(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    with pgbouncer(server, "session") as directory:
        pooled = through(directory, source)
        taken = await take(pooled, repository)
        findings = {finding.check: finding for finding in await examine_database(pooled)}
    assert taken.rows("public.t") == 1
    assert findings["pooler"].status is FindingStatus.WARNING


async def test_a_restore_through_a_pooler_says_to_go_around_it(
    server: TestServer, repository: RepositoryTarget
) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    await take(source, repository)
    before = databases(server)
    with pgbouncer(server, "session") as directory:
        with pytest.raises(ServerError, match="unsupported startup parameter") as failure:
            await restore(through(directory, server.target("never there")), repository)
        assert "the server itself" in (failure.value.remedy or "")
    assert databases(server) == before
