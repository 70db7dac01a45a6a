"""What others do to a database while it is backed up, each made to happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pantry_tui.errors import LockTimeoutError, UsageError
from pantry_tui.events import Event, PhaseStarted, TableProgress, Warned
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from pantry_tui.postgres import snapshot
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import take
from tests.engine.backup.test_round_trip import restored
from tests.servers import TestServer

Lock = Callable[[Any, DatabaseTarget, Sequence[SourceTable]], Any]


@pytest.fixture
def between_listing_and_locking(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[int]]:
    """Arranges for something to happen, once, after the tables were listed and before they are locked."""

    def arrange(happen: Callable[[], object]) -> list[int]:
        lock: Lock = snapshot._lock
        locked: list[int] = []

        async def happen_and_lock(connection: Any, target: DatabaseTarget, tables: Sequence[SourceTable]) -> None:
            if not locked:
                happen()
            locked.append(len(tables))
            await lock(connection, target, tables)

        monkeypatch.setattr(snapshot, "_lock", happen_and_lock)
        return locked

    return arrange


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("ALTER TABLE t ALTER COLUMN i TYPE bigint", 1000),
        ("TRUNCATE t", 0),
        ("DROP TABLE t; CREATE TABLE t AS SELECT generate_series(1, 7) AS i", 7),
        ("CREATE TABLE another (i int)", 1000),
    ],
)
async def test_change_between_listing_and_locking(
    server: TestServer,
    repository: RepositoryTarget,
    between_listing_and_locking: Callable[[Callable[[], object]], list[int]],
    statement: str,
    rows: int,
) -> None:
    """With the snapshot before the locks, 0 of the 1,000 rows of a rewritten table would be visible."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    locked = between_listing_and_locking(lambda: server.execute(target, statement))
    taken = await take(target, repository)
    assert locked
    assert taken.rows("public.t") == rows
    assert restored(server, taken) == server.fingerprint(target)


async def test_queued_alter_does_not_hang_the_backup(server: TestServer, repository: RepositoryTarget) -> None:
    """An ALTER waits for the coordinator; a worker that waited behind it would make a circle the server cannot see."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    connection = server.connect(target)
    altering = threading.Thread(target=lambda: connection.execute("ALTER TABLE t ADD COLUMN added int DEFAULT 5"))

    def alter_once_locked(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading" and altering.ident is None:
            altering.start()
            wait_until_queued(server, target)

    taken = await take(target, repository, on_event=alter_once_locked, lock_timeout_seconds=1)
    altering.join(30)
    assert not altering.is_alive()
    assert any(isinstance(event, Warned) and "starting again" in event.message for event in taken.events)
    assert taken.manifest.tables[0].columns == ("i", "added")
    assert taken.rows("public.t") == 1000


def wait_until_queued(server: TestServer, target: DatabaseTarget) -> None:
    with psycopg.connect(target.conninfo, autocommit=True) as watcher:
        for _ in range(1000):
            row = watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if row and row[0]:
                return
            watcher.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("the ALTER never queued behind the locks")


async def test_lock_that_stays_is_named(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE busy (i int)")
    holder = server.connect(target, autocommit=False)
    holder.execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(LockTimeoutError) as failure:
        await take(target, repository, lock_timeout_seconds=1.5)
    assert f"pid {holder.info.backend_pid}" in (failure.value.detail or "")
    assert LocalRepository(repository).ids() == []


def wait_for_archive(server: TestServer, repository: RepositoryTarget) -> None:
    """Until pg_dump is done: it has written its file, which it does last, and is gone from the server."""
    until = time.monotonic() + 30
    while not any(
        archive.stat().st_size for archive in Path(repository.location).glob("*/archive.dump")
    ) or server.execute("postgres", "SELECT FROM pg_stat_activity WHERE application_name LIKE '%backup archive'"):
        assert time.monotonic() < until
        time.sleep(0.01)


async def test_sequences_that_move_meanwhile(server: TestServer, repository: RepositoryTarget) -> None:
    """The archive holds a value between the first reading and the last; a dropped sequence does not end the run."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE SEQUENCE moving; CREATE SEQUENCE leaving; SELECT nextval('moving'); CREATE TABLE t AS SELECT 1 AS i",
    )

    def move(event: Event) -> None:
        if isinstance(event, TableProgress) and event.done:
            wait_for_archive(server, repository)
            server.execute(target, "SELECT nextval('moving') FROM generate_series(1, 5); DROP SEQUENCE leaving")

    taken = await take(target, repository, on_event=move)
    (state,) = taken.manifest.sequences
    assert (state.name, state.last_value, state.moved_from) == ("moving", 6, 1)


async def test_configuration_tables_of_extensions_are_locked(server: TestServer, repository: RepositoryTarget) -> None:
    """Left to pg_dump, but behind the same locks: a TRUNCATE after the snapshot would leave nothing, without an error."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE EXTENSION hstore; CREATE TABLE settings (i int); INSERT INTO settings SELECT generate_series(1, 1000);"
        "ALTER EXTENSION hstore ADD TABLE settings;"
        "UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid], extcondition = ARRAY['']"
        " WHERE extname = 'hstore'",
    )
    refused: list[type[Exception]] = []

    def truncate_once_locked(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading":
            try:
                server.execute(target, "SET lock_timeout = '200ms'; TRUNCATE settings")
            except psycopg.errors.LockNotAvailable as error:
                refused.append(type(error))

    taken = await take(target, repository, on_event=truncate_once_locked)
    assert refused
    (table,) = taken.manifest.tables
    assert (table.rows, table.carried_by, table.fingerprint) == (1000, "archive", None)
    assert taken.document.count(b"\n1000\n") == 1


@pytest.mark.parametrize("column", ["c colour", "c colour[]", "c pair"])
async def test_type_that_changes_meanwhile(server: TestServer, repository: RepositoryTarget, column: str) -> None:
    """A table's lock does not keep its enum's labels; COPY writes the new ones, pg_dump defines the old ones."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE colour AS ENUM ('red', 'green'); CREATE TYPE pair AS (a int, b colour);"
        f"CREATE TABLE t (i int, {column}); INSERT INTO t (i) SELECT generate_series(1, 10)",
    )
    renamed: list[bool] = []

    def rename_once(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading" and not renamed:
            renamed.append(True)
            server.execute(target, "ALTER TYPE colour RENAME VALUE 'red' TO 'crimson'")

    taken = await take(target, repository, on_event=rename_once)
    assert any(isinstance(event, Warned) and "starting again" in event.message for event in taken.events)
    assert b"'crimson'" in taken.document
    assert restored(server, taken) == server.fingerprint(target)


@pytest.mark.parametrize("seconds", [float("nan"), -1.0, 0.0, 1e9])
async def test_impossible_lock_timeouts(server: TestServer, repository: RepositoryTarget, seconds: float) -> None:
    with pytest.raises(UsageError, match="lock timeout"):
        await take(server.create_database(), repository, lock_timeout_seconds=seconds)
