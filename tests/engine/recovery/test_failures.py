"""A restore that fails on the way leaves nothing; one whose result differs leaves it, under a name that says so."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pantry_tui.errors import ConnectionLostError, DiskFullError, RestoreError, VerificationError, WorkerDiedError
from pantry_tui.events import Event, PhaseStarted, TableProgress
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import opened, take
from tests.engine.recovery.restoring import databases, restore, rewrite_manifest
from tests.servers import TestServer

NEW = "target of failures"


@pytest.fixture
def source(server: TestServer) -> DatabaseTarget:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE TABLE u (t int REFERENCES t);"
        "INSERT INTO t (v) SELECT repeat(md5(i::text), 10) FROM generate_series(1, 60000) i; INSERT INTO u VALUES (1)",
    )
    return source


@pytest.fixture
def unfinished(server: TestServer) -> Iterator[Callable[[], set[str]]]:
    """The databases that restores left under the name for those that are not proven; dropped after the test."""

    def names() -> set[str]:
        return {name for name in databases(server) if name.startswith(NEW)}

    yield names
    for name in names():
        server.drop_database(name)


def once(kind: type[Event], act: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that acts at the first event of a kind."""
    acted: list[object] = []

    def listen(event: Event) -> None:
        if isinstance(event, kind) and not acted:
            acted.append(None)
            act()

    return listen


def at_phase(phase: str, act: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that acts when that phase begins."""

    def listen(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == phase:
            act()

    return listen


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.parent.name))
    return found


def kill_a_worker() -> None:
    """Kills one worker process of this process's pools."""
    leaders = [
        child
        for child in _children(os.getpid())
        if b"pantry_tui.postgres.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    (worker, *_) = [worker for leader in leaders for worker in _children(leader)]
    os.kill(worker, signal.SIGKILL)


async def test_killed_worker(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)
    with pytest.raises(WorkerDiedError) as failure:
        await restore(server.target(NEW), repository, jobs=1, on_event=once(TableProgress, kill_a_worker))
    assert "dropped" in (failure.value.remedy or "")
    assert unfinished() == set()


async def test_cut_connection(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)

    def cut() -> None:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pantry-tui restore worker'"
        assert server.execute("postgres", query)

    with pytest.raises(ConnectionLostError):
        await restore(server.target(NEW), repository, jobs=1, on_event=once(TableProgress, cut))
    assert unfinished() == set()


async def test_cancelled(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)
    task = asyncio.ensure_future(
        restore(server.target(NEW), repository, on_event=at_phase("rows", lambda: task.cancel()))
    )
    with pytest.raises(asyncio.CancelledError):
        await task
    assert unfinished() == set()


async def test_rows_that_break_their_own_check(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    server.execute(
        source,
        "CREATE FUNCTION fits(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';"
        "CREATE TABLE checked (i int CHECK (fits(i))); INSERT INTO checked VALUES (1);"
        "CREATE OR REPLACE FUNCTION fits(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false'",
    )
    await take(source, repository)
    with pytest.raises(RestoreError, match=r"oading public\.checked"):
        await restore(server.target(NEW), repository)
    assert unfinished() == set()


async def test_foreign_key_that_the_source_does_not_keep(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    server.execute(source, "SET session_replication_role = replica; INSERT INTO u VALUES (-1)")
    await take(source, repository)
    with pytest.raises(RestoreError, match="u_t_fkey") as failure:
        await restore(server.target(NEW), repository)
    assert "violates foreign key constraint" in (failure.value.detail or "")
    assert unfinished() == set()


async def test_failure_in_an_existing_database_says_what_is_left(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    server.execute(source, "SET session_replication_role = replica; INSERT INTO u VALUES (-1)")
    await take(source, repository)
    target = server.create_database()
    with pytest.raises(RestoreError) as failure:
        await restore(target, repository)
    assert f"database {target.name} holds what was restored" in (failure.value.remedy or "")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            "UPDATE t SET v = 'other' WHERE id = 777",
            "public.t: 60,000 rows as in the backup, but their content differs",
        ),
        ("DELETE FROM t WHERE id = 777", "public.t: 59,999 rows; the backup has 60,000"),
        ("DROP TABLE u", "public.u: the table is missing"),
        ("SELECT nextval('t_id_seq')", "sequence public.t_id_seq stands at 60001"),
        ("ALTER TABLE u DROP CONSTRAINT u_t_fkey", "constraint public.u u_t_fkey is missing"),
        ("ALTER TABLE u ADD CONSTRAINT late CHECK (t > 0) NOT VALID", "constraint public.u late is NOT VALID"),
        ("CREATE TABLE strange (i int)", "tables that the backup does not have: public.strange"),
        ("SELECT lo_create(0)", "1 large objects; the backup has 0"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_pkey'::regclass",
            "index public.t_pkey is invalid",
        ),
    ],
)
async def test_every_difference_is_found(
    server: TestServer,
    repository: RepositoryTarget,
    source: DatabaseTarget,
    unfinished: Callable[[], set[str]],
    change: str,
    difference: str,
) -> None:
    taken = await take(source, repository)
    with pytest.raises(VerificationError) as failure:
        await restore(
            server.target(NEW),
            repository,
            on_event=at_phase("verify", lambda: server.execute(next(iter(unfinished())), change)),
        )
    assert difference in (failure.value.detail or "")
    (left,) = unfinished()
    assert left.startswith(f"{NEW}.unverified-")
    assert left in (failure.value.remedy or "")
    assert opened(repository).summary(taken.summary.id).proven_at is None


async def test_fingerprint_of_the_manifest_is_what_counts(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    taken = await take(source, repository)
    tables = [
        msgspec.structs.replace(table, fingerprint=str(int(table.fingerprint or 0) + 1))
        for table in taken.manifest.tables
    ]
    rewrite_manifest(taken.directory, msgspec.structs.replace(taken.manifest, tables=tuple(tables)))
    with pytest.raises(VerificationError, match="their content differs"):
        await restore(server.target(NEW), repository)
    assert len(unfinished()) == 1


async def test_without_fingerprints_the_text_is_compared(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository, fingerprints=False)
    swap = (
        "UPDATE t SET v = CASE id WHEN 1 THEN (SELECT v FROM t WHERE id = 2) ELSE (SELECT v FROM t WHERE id = 1) END"
        " WHERE id IN (1, 2)"
    )
    with pytest.raises(VerificationError, match=r"public\.t: 60,000 rows as in the backup, but their content differs"):
        await restore(
            server.target(NEW),
            repository,
            on_event=at_phase("verify", lambda: server.execute(next(iter(unfinished())), swap)),
        )
    for name in unfinished():
        server.drop_database(name)
    result = await restore(server.drop_after_test(NEW), repository)
    assert {table.verified for table in result.tables} == {"text"}


async def test_without_verification_nothing_is_called_proven(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    taken = await take(source, repository)
    result = await restore(server.drop_after_test(NEW), repository, verify=False)
    assert result.status == "unverified"
    assert not result.validation.performed
    assert opened(repository).summary(taken.summary.id).proven_at is None


async def test_name_that_is_taken_meanwhile(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)
    with pytest.raises(RestoreError, match="everything is restored") as failure:
        await restore(server.target(NEW), repository, on_event=at_phase("finish", lambda: server.create_database(NEW)))
    (left,) = unfinished() - {NEW}
    assert failure.value.remedy == f'it stays as "{left}": rename it with ALTER DATABASE … RENAME TO'
    assert server.execute(left, "SELECT count(*) FROM t") == [(60000,)]


async def test_what_earlier_restores_left_is_named(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)
    for digits in ("00aa", "00bb"):
        server.create_database(f"{NEW}.unverified-{digits}")
    server.create_database("another.unverified-00aa")
    server.connect(f"{NEW}.unverified-00bb")  # where somebody may still be at work
    (warning,) = (await restore(server.drop_after_test(NEW), repository)).warnings
    assert f'DROP DATABASE "{NEW}.unverified-00aa";' in warning
    assert "00bb" not in warning
    assert "another" not in warning


async def test_an_existing_database_is_not_said_to_be_made(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    await take(source, repository)
    events: list[Event] = []
    await restore(server.create_database(), repository, on_event=events.append)
    titles = [event.title for event in events if isinstance(event, PhaseStarted)]
    assert titles[1] == "Taking the empty database that is there"
    assert titles[-1] == "Making the result durable"


async def test_lost_globals_are_told(server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository)
    (taken.directory / taken.manifest.file("globals").name).unlink()
    (warning,) = (await restore(server.drop_after_test(NEW), repository)).warnings
    assert warning.startswith("this backup has lost its globals.sql (roles, memberships)")


async def test_defect_on_the_way_leaves_nothing(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await restore(server.target(NEW), repository, on_event=at_phase("rows", fail))
    assert unfinished() == set()


async def test_a_remedy_goes_on_with_what_is_left(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, unfinished: Callable[[], set[str]]
) -> None:
    await take(source, repository)

    def fail() -> None:
        raise DiskFullError("full", remedy="Free space there, then run it again.")

    with pytest.raises(DiskFullError) as failure:
        await restore(server.target(NEW), repository, on_event=at_phase("rows", fail))
    dropped = "the database that was being filled has been dropped; nothing else was touched"
    assert failure.value.remedy == f"Free space there, then run it again; {dropped}"
    assert unfinished() == set()
