"""The clock against the time since the machine was started."""

from __future__ import annotations

from datetime import timedelta
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
from tests.unit.repository.samples import NOON, installation, local_repository, publish_backup

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

    def reboot(self, seconds: float, *, jump: float = 0.0) -> None:
        """The machine is off for so long, and may come back with a wrong clock."""
        self.now = Instant(boot=f"after {self.now.boot}", since_boot=5.0, wall=self.now.wall + seconds + jump)

    def synchronize(self, *, jump: float = 0.0) -> None:
        self.now = msgspec.structs.replace(self.now, synchronized=True, wall=self.now.wall + jump)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def witness(tmp_path: Path, clocks: Clocks) -> ClockWitness:
    return ClockWitness(tmp_path, clocks.read)


def test_time_that_passes_is_no_doubt(witness: ClockWitness, clocks: Clocks) -> None:
    assert witness.look().seconds == 0
    clocks.pass_time(400 * DAY, jump=30.0)
    assert witness.look().seconds == 0


def test_a_jump_ahead_is_doubted_until_somebody_has_looked(witness: ClockWitness, clocks: Clocks) -> None:
    witness.look()
    clocks.pass_time(60.0, jump=30 * DAY)
    for _ in range(2):
        assert witness.look().seconds == 30 * DAY
    witness.believe()
    assert witness.look().seconds == 0


def test_a_clock_that_is_right_again_is_believed(witness: ClockWitness, clocks: Clocks) -> None:
    witness.look()
    clocks.pass_time(60.0, jump=30 * DAY)
    witness.look()
    clocks.pass_time(60.0, jump=-30 * DAY)
    assert witness.look().seconds == 0


def test_a_start_with_a_clock_that_is_ahead_is_doubted(witness: ClockWitness, clocks: Clocks) -> None:
    witness.look()
    clocks.reboot(300.0, jump=90 * DAY)
    assert witness.look().seconds == pytest.approx(90 * DAY, abs=400)
    clocks.synchronize(jump=-90 * DAY)
    assert witness.look().seconds == 0


def test_a_start_with_a_clock_that_is_behind_and_is_put_right(witness: ClockWitness, clocks: Clocks) -> None:
    witness.look()
    clocks.reboot(300.0, jump=-400 * DAY)
    assert witness.look().seconds == 0
    clocks.pass_time(600.0, jump=400 * DAY)
    assert witness.look().seconds <= 300


def test_a_paused_machine_whose_clock_is_synchronized_is_believed(witness: ClockWitness, clocks: Clocks) -> None:
    witness.look()
    clocks.pass_time(60.0, jump=40 * DAY)
    clocks.synchronize()
    assert witness.look().seconds == 0


def test_what_a_policy_keeps_longer(witness: ClockWitness, clocks: Clocks) -> None:
    month, newest = RetentionPolicy(days=30), RetentionPolicy(count=7)
    witness.look()
    clocks.pass_time(60.0, jump=1.5 * DAY)
    assert witness.look().patient(month) == RetentionPolicy(days=32)
    assert witness.look().patient(RetentionPolicy()) == RetentionPolicy(days=32)
    assert witness.look().patient(newest) == newest
    clocks.pass_time(29 * DAY)
    assert witness.look().patient(month) == RetentionPolicy(days=32)
    clocks.pass_time(DAY)  # every age that counts is of this time
    assert witness.look().patient(month) == month
    assert witness.look().patient(RetentionPolicy(days=90)) == RetentionPolicy(days=92)


def test_a_note_that_cannot_be_read_says_nothing(witness: ClockWitness, clocks: Clocks, tmp_path: Path) -> None:
    witness.look()
    clocks.pass_time(60.0, jump=30 * DAY)
    (tmp_path / "clock.json").write_bytes(b"\xff{")
    assert witness.look().seconds == 0


def test_the_machine_has_both_clocks() -> None:
    first, second = read_clocks(), read_clocks()
    assert first.boot == second.boot != ""
    assert first.since_boot <= second.since_boot


async def test_a_clock_that_is_ahead_deletes_nothing_that_is_not_old(tmp_path: Path, clocks: Clocks) -> None:
    repository = local_repository(tmp_path / "backups")
    old = publish_backup(repository, at=NOON - timedelta(days=40), dated=True)
    publish_backup(repository, at=NOON)
    directory = installation(tmp_path / "backups")
    with Catalog(directory) as catalog:
        retention = Retention(
            directory, Library(catalog, directory), AuditTrail(directory), lambda target, backup: None
        )
        retention.clock = ClockWitness(directory, clocks.read)
        policies = [ScopedPolicy(policy=RetentionPolicy(days=30))]
        retention.clock.look()
        clocks.pass_time(60.0, jump=35 * DAY)
        report = await retention.apply_by_itself(repository.target, policies, who="anna")
        assert (report.deleted, report.doubt_seconds) == ((), 35 * DAY)
        clocks.synchronize()
        report = await retention.apply_by_itself(repository.target, policies, who="anna")
    assert ([each.backup_id for each in report.deleted], report.doubt_seconds) == ([old], 0)
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
