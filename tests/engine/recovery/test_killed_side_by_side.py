"""A whole database is exchanged, or exchanged back, by a process that dies on the way: there is always one of its name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, ReleaseRequest, RepositoryTarget, RestoreRequest, RollbackRequest
from pantry_tui.recovery.service import restore_backup
from pantry_tui.recovery.undoing import release, roll_back
from tests.engine.backup.taking import data_directory_of, take
from tests.engine.recovery.mortal import Mortal
from tests.engine.recovery.portrait import end_sessions, portrait
from tests.engine.recovery.restoring import databases
from tests.engine.recovery.test_side_by_side import properties
from tests.servers import Row, TestServer

SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (t int REFERENCES t);
CREATE TRIGGER quiet BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE t ENABLE ALWAYS TRIGGER quiet;
INSERT INTO t SELECT i, 'value ' || i FROM generate_series(1, 2000) i; INSERT INTO u SELECT id FROM t;
"""
PHASES = ("check", "create", "pre-data", "rows", "post-data", "verify", "analyze", "finish")
IN_EVERY_RUN = ("rows", "finish")


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    process = Mortal()
    yield process
    process.close()


class Exchanges:
    """A database that was backed up and then damaged, and what it must be after each attempt to bring it back."""

    def __init__(self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget) -> None:
        self.server = server
        self.target = target
        self._repository = repository
        self.before = self.state()
        self._numbers = itertools.count(1)

    def state(self) -> tuple[object, list[Row]]:
        """Its content, and its settings, privileges, comment and owner; whether it takes connections."""
        return portrait(self.server, self.target), properties(self.server, self.target.name)

    def request(self) -> RestoreRequest:
        """The next recovery of it."""
        return RestoreRequest(
            repository=self._repository,
            backup_id="latest",
            target=self.target,
            swap=True,
            jobs=1,
            recovery_id=f"20261123T020000Z-{next(self._numbers):06x}",
            data_directory=data_directory_of(self._repository),
        )

    def kept(self) -> list[str]:
        """Databases that would undo something."""
        return sorted(name for name in databases(self.server) if name.startswith(f"{self.target.name}.before-"))

    def drop_unfinished(self) -> list[str]:
        """Databases that a recovery did not finish are named by what they are called; here they are dropped."""
        found = [name for name in databases(self.server) if name.startswith(f"{self.target.name}.unverified-")]
        for name in found:
            self.server.drop_database(name)
        return found

    async def roll_back(self, recovery: str) -> str | None:
        """Undoes a recovery and lets go of what is kept; returns the rollback that had done it already."""
        undone = await roll_back(RollbackRequest(target=self.target, undo=recovery), ignore)
        assert self.state() == self.before
        again = await roll_back(RollbackRequest(target=self.target, undo=recovery), ignore)
        assert again.already == (undone.already or undone.id)
        assert self.state() == self.before
        await release(ReleaseRequest(target=self.target, undo=undone.already or undone.id), ignore)
        assert self.kept() == []
        return undone.already


@pytest.fixture
async def exchanges(server: TestServer, repository: RepositoryTarget) -> Exchanges:
    target = server.create_database()
    server.execute(target, SCHEMA)
    await take(target, repository)
    name = target.name
    server.execute(
        target,
        "DELETE FROM u; DELETE FROM t WHERE id % 3 = 0; UPDATE t SET v = 'wrong' WHERE id % 5 = 0;"
        f"COMMENT ON DATABASE {name} IS 'mine'; ALTER DATABASE {name} SET work_mem = '7MB';"
        f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} CONNECTION LIMIT 9",
    )
    return Exchanges(server, target, repository)


@pytest.mark.parametrize(
    "phase", [pytest.param(phase, marks=[] if phase in IN_EVERY_RUN else [pytest.mark.slow]) for phase in PHASES]
)
async def test_a_phase_at_which_a_recovery_dies(exchanges: Exchanges, mortal: Mortal, phase: str) -> None:
    """Until the names are exchanged, the database is as it was; what was not finished says so by its name."""
    assert mortal.dies(exchanges.request(), 0, phase=phase)
    end_sessions(exchanges.server)
    assert exchanges.state() == exchanges.before
    assert exchanges.kept() == []
    request = exchanges.request()
    result = await restore_backup(request, ignore)
    unfinished = exchanges.drop_unfinished()
    assert (len(unfinished) == 1) == (phase not in ("check", "create"))
    assert all(any(name in warning for warning in result.warnings) for name in unfinished)
    await exchanges.roll_back(request.recovery_id or "")


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_a_recovery_dies_while_names_are_exchanged(exchanges: Exchanges, mortal: Mortal, step: int) -> None:
    request = exchanges.request()
    await restore_backup(request, ignore)
    wanted = exchanges.state()
    assert wanted != exchanges.before
    await exchanges.roll_back(request.recovery_id or "")
    for number in itertools.count(1, step):
        request = exchanges.request()
        died = mortal.dies(request, number, phase="finish")
        end_sessions(exchanges.server)
        exchanges.drop_unfinished()
        found = exchanges.state()
        assert found in (exchanges.before, wanted)
        assert bool(exchanges.kept()) == (found == wanted)
        if found == wanted:
            assert await exchanges.roll_back(request.recovery_id or "") is None
        if not died:
            break
    assert number > 2 * step, "it has died at several statements"


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
async def test_a_rollback_dies(exchanges: Exchanges, mortal: Mortal, step: int) -> None:
    for number in itertools.count(1, step):
        request = exchanges.request()
        await restore_backup(request, ignore)
        wanted = exchanges.state()
        died = mortal.dies(RollbackRequest(target=exchanges.target, undo=request.recovery_id or ""), number)
        end_sessions(exchanges.server)
        found = exchanges.state()
        assert found in (exchanges.before, wanted)
        already = await exchanges.roll_back(request.recovery_id or "")
        assert (already is not None) == (found == exchanges.before)
        if not died:
            break
    assert number > 2 * step, "it has died at several statements"
