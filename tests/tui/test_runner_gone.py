"""A runner that goes, never comes, or cannot do what was asked."""

from __future__ import annotations

from pantry_tui.errors import RunnerError
from pantry_tui.models import (
    BackupSummary,
)
from tests.tui.driver import driving
from tests.tui.stand_in import StandIn, application, make_backup


async def test_a_runner_that_goes_is_said_and_found_again(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("idle", "5 backups")
        runner.vanish()
        await driver.sees("runner stopped", "press r to start it")
        runner.reachable = True
        await driver.sees("idle")
        assert runner.starts == 0


async def test_a_runner_that_was_stopped_is_started_by_a_person_only(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    runner.reachable = False
    async with driving(application(runner)) as driver:
        await driver.sees("idle", "5 backups")
        assert runner.starts == 1
        runner.vanish()
        await driver.sees("runner stopped", "press r to start it")
        for _ in range(3):
            attempts = runner.attempts
            await driver.until(lambda attempts=attempts: runner.attempts > attempts, "it looks for a runner")  # type: ignore[misc]
        assert runner.starts == 1
        await driver.press("r")
        await driver.sees("idle")
        assert runner.starts == 2
        runner.vanish()
        await driver.sees("runner stopped")
        await driver.press("V")
        await driver.on("JobScreen")
        await driver.sees("1 running")
        assert (runner.starts, len(runner.submitted)) == (3, 1)


async def test_a_runner_that_cannot_be_started_is_explained(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("idle", "5 backups")
        runner.startable = False
        runner.vanish()
        await driver.sees("runner stopped")
        for key, words in (("r", "The runner was not started"), ("V", "The job was not started")):
            await driver.press(key)
            await driver.on("Explain")
            await driver.sees(words, "no runner answers")
            await driver.press("escape")
        assert runner.submitted == []


async def test_a_runner_that_never_came_is_said(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    runner.reachable = runner.startable = False
    async with driving(application(runner)) as driver:
        await driver.sees("No runner answers. Press r to start it", "pantry-tui runner start")
        runner.reachable = True
        await driver.sees("5 backups")


async def test_backups_that_cannot_be_read_are_said() -> None:
    runner = StandIn()
    runner.refusal = RunnerError("/var/backups/pantry cannot be read", remedy="mount it")
    async with driving(application(runner)) as driver:
        await driver.sees("The backups could not be read", "/var/backups/pantry cannot be read", "mount it")
        runner.refusal = None
        runner.kept = [make_backup()]
        await driver.press("r")
        await driver.sees("1 backup, newest")
        runner.refusal = RunnerError("/var/backups/pantry cannot be read")
        await driver.press("r")
        await driver.sees("1 backup, newest", "could not be read again")


async def test_a_job_that_cannot_be_started_is_explained(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner, databases=())) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.fill("database", "postgresql://user:secret-canary@db1/crm?sslmode=nonsense%zz")
        await driver.press("ctrl+o")
        await driver.on("Explain")
        await driver.sees("The job was not started", "What to do")
        assert "secret-canary" not in driver.text
        await driver.press("enter")
        await driver.on("BackupsScreen")
        assert runner.submitted == []
