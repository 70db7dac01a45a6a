"""Backups are compared with each other and with databases, on real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui import BackupConfig, BackupService
from pantry_tui.backup.diff import compare_backups
from pantry_tui.backup.live import compare_with_live
from pantry_tui.errors import DatabaseMissingError, LockTimeoutError, NotFoundError, PrivilegeError, UsageError
from pantry_tui.events import Event, Progress, TableProgress, ignore
from pantry_tui.models import (
    BackupDiff,
    BackupSelection,
    DatabaseTarget,
    DiffRequest,
    DiffStatus,
    RepositoryTarget,
    TableDiff,
    sizes_of,
)
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

BEFORE = """
CREATE TABLE same AS SELECT i, i / 7.0 AS n, 'NaN'::float8 AS f FROM generate_series(1, 1000) i;
CREATE TABLE reordered (a int, b text); INSERT INTO reordered VALUES (1, 'x');
CREATE TABLE grown (i int); INSERT INTO grown VALUES (1), (2);
CREATE TABLE shrunk (i int); INSERT INTO shrunk VALUES (1), (2), (3);
CREATE TABLE changed (i int, t text); INSERT INTO changed VALUES (1, 'a'), (2, 'b');
CREATE TABLE widened (i int, old int);
CREATE TABLE large_value (t text); INSERT INTO large_value VALUES ('small');
CREATE TABLE gone (i int); CREATE TABLE empty (); CREATE TABLE parted (i int) PARTITION BY RANGE (i);
CREATE TABLE "od""d.\n[b]" ("c\n" int); INSERT INTO "od""d.\n[b]" VALUES (1);
"""
AFTER = """
DROP TABLE reordered; CREATE TABLE reordered (b text, a int); INSERT INTO reordered VALUES ('x', 1);
INSERT INTO grown VALUES (3); DELETE FROM shrunk WHERE i > 1;
UPDATE changed SET t = CASE i WHEN 1 THEN 'b' ELSE 'a' END;
ALTER TABLE widened DROP COLUMN old; ALTER TABLE widened ADD COLUMN new int;
DROP TABLE gone; CREATE TABLE come AS SELECT 1 AS i;
INSERT INTO large_value SELECT string_agg(md5(i::text), '') FROM generate_series(1, 5000) i;
UPDATE "od""d.\n[b]" SET "c\n" = 2;
"""
EXPECTED = {
    "same": DiffStatus.EQUAL,
    "reordered": DiffStatus.EQUAL,
    "empty": DiffStatus.EQUAL,
    "grown": DiffStatus.ROWS,
    "large_value": DiffStatus.ROWS,
    "shrunk": DiffStatus.ROWS,
    "changed": DiffStatus.CONTENT,
    'od"d.\n[b]': DiffStatus.CONTENT,
    "widened": DiffStatus.COLUMNS,
    "gone": DiffStatus.ONLY_A,
    "come": DiffStatus.ONLY_B,
}


@pytest.fixture
def crm(any_server: TestServer) -> DatabaseTarget:
    target = any_server.create_database()
    any_server.execute(target, BEFORE)
    return target


async def compare_live(
    repository: RepositoryTarget, database: DatabaseTarget, *, jobs: int | None = None, lock_timeout: float = 10.0
) -> BackupDiff:
    request = DiffRequest(
        repository=repository, backup_id="latest", database=database, jobs=jobs, lock_timeout_seconds=lock_timeout
    )
    return await compare_with_live(request, ignore)


def statuses(diff: BackupDiff) -> dict[str, DiffStatus]:
    return {table.name: table.status for table in diff.tables}


def table(diff: BackupDiff, name: str) -> TableDiff:
    return next(each for each in diff.tables if each.name == name)


def on_disk(server: TestServer, database: DatabaseTarget, name: str) -> int:
    """A table's pages and those of its TOAST table, as the server counts them."""
    query = (
        "SELECT pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)"
        f" FROM pg_class c WHERE c.oid = '{name}'::regclass"
    )
    [(size,)] = server.execute(database, query)
    return int(size)


@pytest.mark.parametrize("live", [True, False])
async def test_every_difference_is_found(
    any_server: TestServer, repository: RepositoryTarget, crm: DatabaseTarget, live: bool
) -> None:
    first = await take(crm, repository)
    any_server.execute(crm, AFTER)
    if live:
        diff = await compare_live(repository, crm, jobs=3)
    else:
        diff = await compare_backups(repository, first.summary.id, (await take(crm, repository)).summary.id)

    assert statuses(diff) == EXPECTED
    assert (diff.equal, diff.different, diff.not_comparable, diff.is_equal) == (3, 8, 0, False)
    assert (table(diff, "grown").rows_a, table(diff, "grown").rows_b) == (2, 3)
    assert (table(diff, "gone").rows_a, table(diff, "gone").rows_b) == (0, None)
    assert (table(diff, "come").rows_a, table(diff, "come").rows_b) == (None, 1)
    widened = table(diff, "widened")
    assert (widened.columns_added, widened.columns_removed) == (("new",), ("old",))
    same, grown = table(diff, "same"), table(diff, "large_value")
    assert same.bytes_b == (None if live else same.bytes_a)
    assert same.server_bytes_a == same.server_bytes_b
    assert same.server_bytes_b == on_disk(any_server, crm, "same")
    assert sizes_of(same, live=diff.is_live) == ((same.server_bytes_a,) * 2 if live else (same.bytes_a,) * 2)
    assert (grown.server_bytes_a or 0) < (grown.server_bytes_b or 0) == on_disk(any_server, crm, "large_value")
    assert (table(diff, "gone").server_bytes_b, table(diff, "come").server_bytes_a) == (None, None)
    assert (diff.a.kind, diff.a.name, diff.b.kind, diff.remarks) == (
        "backup",
        first.summary.id,
        "live" if live else "backup",
        (),
    )


async def test_a_restored_corpus_is_equal(server: TestServer, repository: RepositoryTarget) -> None:
    await take(server.load_corpus("pagila"), repository)
    target = server.drop_after_test("compared_with_its_backup")
    await restore(target, repository)
    events: list[Event] = []

    diff = await compare_with_live(
        DiffRequest(repository=repository, backup_id="latest", database=target, jobs=2), events.append
    )

    assert diff.is_equal, [each for each in diff.tables if each.status is not DiffStatus.EQUAL]
    assert diff.equal == len(diff.tables) > 10
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    done = [event.table for event in events if isinstance(event, TableProgress) and event.done]
    assert sorted(done) == [f"{each.schema}.{each.name}" for each in diff.tables]


async def test_other_major_versions_are_compared_by_their_rows(
    server: TestServer, system_server: TestServer, repository: RepositoryTarget
) -> None:
    if server.version_num // 10000 == system_server.version_num // 10000:
        pytest.skip("both servers are of one major version")
    source, other = server.create_database(), system_server.create_database()
    for each, target in ((server, source), (system_server, other)):
        each.execute(target, "CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE b AS SELECT 1 AS i; CREATE TABLE c (i int)")
    system_server.execute(other, "INSERT INTO b VALUES (2)")
    await take(source, repository)

    diff = await compare_live(repository, other)

    assert statuses(diff) == {"a": DiffStatus.UNKNOWN, "b": DiffStatus.ROWS, "c": DiffStatus.EQUAL}
    assert "only their numbers were compared" in (table(diff, "a").reason or "")
    assert diff.remarks[1] == "A and B are of different servers"


async def test_without_fingerprints_rows_are_counted(
    any_server: TestServer, repository: RepositoryTarget, crm: DatabaseTarget
) -> None:
    await take(crm, repository, fingerprints=False)
    any_server.execute(crm, "UPDATE changed SET t = 'z'; INSERT INTO grown VALUES (3)")

    diff = await compare_live(repository, crm)

    assert table(diff, "changed").status is DiffStatus.UNKNOWN
    assert "without fingerprints" in (table(diff, "changed").reason or "")
    assert table(diff, "grown").status is DiffStatus.ROWS
    assert not diff.is_equal


async def test_nothing_stays_behind_and_nothing_is_waited_for(
    any_server: TestServer, repository: RepositoryTarget, crm: DatabaseTarget
) -> None:
    await take(crm, repository)
    altering = any_server.connect(crm, autocommit=False)
    altering.execute("ALTER TABLE grown ADD COLUMN x int")
    with pytest.raises(LockTimeoutError, match="stayed locked"):
        await compare_live(repository, crm, lock_timeout=0.2)
    altering.rollback()

    await compare_live(repository, crm)

    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ 'comparison'"
    )
    assert any_server.execute(crm, others) == [(0,)]


async def test_a_role_that_would_see_only_some_rows_is_refused(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    target = any_server.create_database()
    role = "diff_reader"
    any_server.execute("postgres", f"DROP ROLE IF EXISTS {role}")
    any_server.execute("postgres", f"CREATE ROLE {role} LOGIN")
    try:
        any_server.execute(
            target,
            "CREATE TABLE t AS SELECT 1 AS i; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY p ON t USING (false); GRANT SELECT ON t TO {role}",
        )
        await take(target, repository)
        name = any_server.execute(target, "SELECT current_database()")[0][0]
        with pytest.raises(PrivilegeError):
            await compare_live(repository, any_server.target(name, role=role))
    finally:
        any_server.execute(target, f"DROP OWNED BY {role}")
        any_server.execute("postgres", f"DROP ROLE {role}")


async def test_what_is_not_there(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    with pytest.raises(NotFoundError):
        await compare_live(repository, source)
    taken = await take(source, repository)
    with pytest.raises(NotFoundError):
        await compare_backups(repository, taken.summary.id, "20200101T000000Z-none-0000")
    with pytest.raises(UsageError, match="65 connections"):
        await compare_live(repository, source, jobs=65)
    with pytest.raises(DatabaseMissingError):
        await compare_live(repository, server.target("no_such_database"))


async def test_from_python(server: TestServer, tmp_path: Path) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    backups = BackupService(source, BackupConfig(output_dir=str(tmp_path / "pantry"), jobs=1))
    backup = await backups.create_full_backup("daily")

    assert (await backups.diff(backup.id)).is_equal
    with server.connect(source) as connection:
        connection.execute("INSERT INTO t VALUES (2)")
    assert (await backups.diff(backup.id, "live")).different == 1
    assert (await backups.diff(backup.id, backup.id)).is_equal


async def test_tables_that_were_not_chosen_are_not_missed(repository: RepositoryTarget, crm: DatabaseTarget) -> None:
    chosen = await take(crm, repository, selection=BackupSelection(tables=("same", "grown")))
    live = await compare_live(repository, crm)
    assert {table.name: table.status for table in live.tables} == {"same": DiffStatus.EQUAL, "grown": DiffStatus.EQUAL}
    assert any("not chosen" in remark for remark in live.remarks)
    whole = await take(crm, repository)
    found = await compare_backups(repository, whole.summary.id, chosen.summary.id)
    assert (found.equal, found.different, found.not_comparable) == (2, 0, 0)
