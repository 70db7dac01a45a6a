"""The clock against the time since the machine was started."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import RefusedError
from pantry_tui.models import RetentionPolicy, ScopedPolicy
from pantry_tui.runner.audit import AuditTrail, entries
from pantry_tui.runner.clock import ClockWitness, Instant, read_clocks
from pantry_tui.runner.library import Library
from pantry_tui.runner.retaining import Retention
from tests.unit.repository.samples import installation, local_repository, publish_backup

DAY = 86400.0


class Clocks:
    def __init__(self) -> None:
        self.now = Instant(boot="first", since_boot=100.0, wall=1_000_000.0)

    def read(self) -> Instant:
        return self.now

    def pass_time(self, seconds: float, *, jump: float = 0.0) -> None:
        self.now = msgspec.structs.replace(
            self.now, since_boot=self.now.since_boot + seconds, wall=self.now.wall + seconds + jump
        )


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def witness(tmp_path: Path, clocks: Clocks) -> ClockWitness:
    return ClockWitness(tmp_path, clocks.read)


def test_time_that_passes_is_no_jump(witness: ClockWitness, clocks: Clocks) -> None:
    assert witness.jumped_seconds() == 0
    witness.watch()
    clocks.pass_time(400 * DAY, jump=600.0)
    assert witness.jumped_seconds() == 0


def test_a_jump_ahead_is_remembered_until_somebody_has_looked(witness: ClockWitness, clocks: Clocks) -> None:
    witness.watch()
    clocks.pass_time(60.0, jump=30 * DAY)
    for _ in range(2):
        assert witness.jumped_seconds() == 30 * DAY
        witness.watch()
    witness.believe()
    assert witness.jumped_seconds() == 0


def test_a_clock_that_is_right_again_is_believed(witness: ClockWitness, clocks: Clocks) -> None:
    witness.watch()
    clocks.pass_time(60.0, jump=30 * DAY)
    clocks.pass_time(60.0, jump=-30 * DAY)
    assert witness.jumped_seconds() == 0


def test_another_start_and_a_note_that_cannot_be_read_say_nothing(
    witness: ClockWitness, clocks: Clocks, tmp_path: Path
) -> None:
    witness.watch()
    clocks.now = Instant(boot="second", since_boot=5.0, wall=9_000_000.0)
    assert witness.jumped_seconds() == 0
    (tmp_path / "clock.json").write_bytes(b"\xff{")
    assert witness.jumped_seconds() == 0


def test_the_machine_has_both_clocks() -> None:
    first, second = read_clocks(), read_clocks()
    assert first.boot == second.boot != ""
    assert first.since_boot <= second.since_boot


async def test_nothing_is_deleted_by_itself_after_a_jump(tmp_path: Path, clocks: Clocks) -> None:
    repository = local_repository(tmp_path / "backups")
    old, new = publish_backup(repository), publish_backup(repository)
    directory = installation(tmp_path / "backups")
    with Catalog(directory) as catalog:
        retention = Retention(
            directory, Library(catalog, directory), AuditTrail(directory), lambda target, backup: None
        )
        retention.clock = ClockWitness(directory, clocks.read)
        policies = [ScopedPolicy(policy=RetentionPolicy(count=1))]
        retention.clock.watch()
        clocks.pass_time(60.0, jump=400 * DAY)
        with pytest.raises(RefusedError, match="jumped ahead by 400 days"):
            await retention.apply_by_itself(repository.target, policies, who="anna")
        assert len(repository.ids()) == 2
        report = await retention.apply(repository.target, policies, who="anna")
        assert len(report.deleted) == 1
        assert (await retention.apply_by_itself(repository.target, policies, who="anna")).deleted == ()
    assert len(repository.ids()) == 1
    assert {old, new} > set(repository.ids())
    assert [entry.result for entry in entries(directory) if entry.action == "backup.delete"] == ["done"]


async def test_what_a_job_reads_stays(tmp_path: Path) -> None:
    repository = local_repository(tmp_path / "backups")
    for _ in range(2):
        publish_backup(repository)
    directory = installation(tmp_path / "backups")

    def in_use(target: object, backup_id: str) -> None:
        raise RefusedError(f"backup {backup_id} is in use")

    with Catalog(directory) as catalog:
        retention = Retention(directory, Library(catalog, directory), AuditTrail(directory), in_use)
        report = await retention.apply(repository.target, [ScopedPolicy(policy=RetentionPolicy(count=1))], who="anna")
    assert [verdict.problem is not None for verdict in report.going] == [True]
    assert len(repository.ids()) == 2
