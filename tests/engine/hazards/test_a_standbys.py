"""Hazards of group A of docs/hazards.md: standbys. A server that was stopped cleanly and starts to follow nobody is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pantry_tui.backup.run import BackupRun
from pantry_tui.errors import ServerError
from pantry_tui.events import Event, PhaseStarted, Warned
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from pantry_tui.postgres.diagnose import examine_database
from pantry_tui.postgres.messages import meaning_of_text
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import take


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[DatabaseTarget]:
    """A database on a standby."""
    with PrivateServer(tmp_path / "server") as private:
        target = private.target("postgres")
        with psycopg.connect(target.conninfo, autocommit=True) as connection:
            connection.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
            connection.execute("CREATE UNLOGGED TABLE scratch AS SELECT 1 AS i; CREATE SEQUENCE s")
        private.stop()
        (private._data / "standby.signal").touch()
        private.start()
        yield target


async def test_a_standby_gives_everything_but_unlogged_rows(
    standby: DatabaseTarget, repository: RepositoryTarget
) -> None:
    taken = await take(standby, repository)
    assert taken.manifest.server.in_recovery
    assert (taken.rows("public.t"), taken.rows("public.scratch")) == (1000, 0)
    assert any("public.scratch" in warning and "standby" in warning for warning in taken.manifest.warnings)
    assert "standby" in {finding.check for finding in await examine_database(standby)}


async def test_a_promotion_in_the_middle_ends_the_backup(standby: DatabaseTarget, repository: RepositoryTarget) -> None:
    def promote(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading":
            with psycopg.connect(standby.conninfo, autocommit=True) as connection:
                assert connection.execute("SELECT pg_promote()").fetchone() == (True,)

    with pytest.raises(ServerError, match="promoted"):
        await take(standby, repository, on_event=promote)
    assert LocalRepository(repository).ids() == []


async def test_a_query_that_the_standby_cancels_is_tried_again(
    standby: DatabaseTarget, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conflict itself needs a primary whose vacuum wins a race; here is what the server says of one."""
    said = "ERROR:  canceling statement due to conflict with recovery"
    meaning = meaning_of_text(said)
    assert meaning is not None
    assert "hot_standby_feedback" in meaning.remedy
    run, failures = BackupRun.run, [ServerError("Reading public.t failed", detail=said)]

    async def fail_once(self: BackupRun) -> object:
        if failures:
            raise failures.pop()
        return await run(self)

    monkeypatch.setattr(BackupRun, "run", fail_once)
    taken = await take(standby, repository)
    assert next(event.message for event in taken.events if isinstance(event, Warned)).endswith(
        "starting again (2 of 3)"
    )
    assert taken.rows("public.t") == 1000
