"""Jobs in their list and on their own screen."""

from __future__ import annotations

import pytest

from pantry_tui.errors import BackupDamagedError, RunnerError
from pantry_tui.events import Failed, Finished, Logged, PhaseStarted, Progress, TableProgress
from pantry_tui.models import DrillPlace, DrillResult, Failure
from screens.terminal import TerminalTraits
from tests.tui.driver import driving
from tests.tui.stand_in import StandIn, application, make_backup


@pytest.mark.parametrize(("plain", "sign"), [(False, "…"), (True, "~")])
async def test_what_is_cut_says_so_and_a_job_keeps_its_target(plain: bool, sign: str) -> None:
    runner = StandIn([make_backup(each, name="a-backup-with-a-long-name") for each in range(1, 19)])
    runner.start_job("restore", title="restore of 20261123T085900Z-daily-0001 into crm_restored")
    async with driving(application(runner, traits=TerminalTraits(plain=plain))) as driver:
        await driver.sees("18 backups", f"{sign}  crm")
        await driver.press("slash")
        await driver.type("crm")
        await driver.sees("18 of 18 shown")
        lines = [line for line in driver.lines if f"{sign}  crm" in line]
        assert lines
        assert all("unchecked" in line for line in lines), driver.text
        await driver.press("escape", "4")
        await driver.on("JobsScreen")
        await driver.sees("restore of 20", f"{sign}", "crm_restored", "running")
        await driver.resize(120, 30)
        await driver.sees(f"restore of 20261123T08{sign}-0001 into crm_restored")


async def test_a_drill_says_what_it_proved() -> None:
    runner = StandIn([make_backup()])
    job = runner.start_job("drill", title="drill of 20261123T085900Z-daily-0001 on a private server")
    result = DrillResult(
        id="20261123T085900Z-daily-0001",
        database="crm",
        ok=True,
        where=DrillPlace.PRIVATE,
        total_seconds=8000.0,
        rto_seconds=7200.0,
        rto_met=False,
        rows=1_700_000,
        tables=15,
    )
    async with driving(application(runner)) as driver:
        await driver.sees("1 running")
        await driver.press("4", "enter")
        await driver.on("JobScreen")
        await runner.tell(job, Finished(result=result.to_builtins()), state="succeeded", result=result.to_builtins())
        await driver.sees("✓ proven: restored and equal", "15 tables, 1,700,000 rows", "the objective is 2 h")


async def test_a_job_that_is_over_does_not_offer_to_be_cancelled() -> None:
    runner = StandIn([make_backup()])
    job = runner.start_job("backup", title="backup of crm into local")
    async with driving(application(runner)) as driver:
        await driver.sees("1 running")
        await driver.press("4", "enter")
        await driver.on("JobScreen")
        await driver.sees("C Cancel job")
        await runner.tell(job, Failed(failure=Failure.of(RunnerError("it broke"))), state="failed")
        await driver.sees("✗ failed")
        await driver.until(lambda: "Cancel job" not in driver.text, "it is not offered any more")


async def test_progress_is_shown_per_table_with_time_left() -> None:
    runner = StandIn()
    async with driving(application(runner)) as driver:
        await driver.sees("There is no backup yet")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        job = runner.known_jobs["job-001"]
        await runner.tell(
            job,
            PhaseStarted(phase="rows", title="copying rows"),
            TableProgress(table="public.contacts", rows=123_456, raw_bytes=34_000_000, share=0.4),
            TableProgress(table="public.users", rows=1_200, raw_bytes=340_000, share=1, done=True),
            Logged(message="locked 41 tables in 0.2 s"),
            Progress(share=0.42, bytes_per_second=38e6, seconds_left=21),
        )
        await driver.sees(
            "copying rows", "42%", "36.2 MiB/s", "about 21 s left", "123,456", "✓ done", "locked 41 tables"
        )
        await driver.sees("You can close this terminal: the job goes on.")
        runner.vanish()
        await driver.sees("No runner is attached: r starts it", "123,456")
        runner.reachable = True
        await driver.sees("You can close this terminal: the job goes on.")
        done = make_backup(7)
        await runner.tell(job, Finished(result=done.to_builtins()), state="succeeded", result=done.to_builtins())
        await driver.sees("✓ succeeded", done.id, "505.4 MiB")


async def test_a_job_that_fails_elsewhere_is_announced_and_explained() -> None:
    runner = StandIn([make_backup()])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        job = runner.start_job("backup", title="backup of crm into local")
        await driver.sees("1 running")
        failure = Failure.of(
            BackupDamagedError("segment 12 is not what was written", remedy="use another", detail="5f")
        )
        await runner.tell(job, Failed(failure=failure), state="failed", failure=failure.to_builtins())
        await driver.until(lambda: "backup of crm into local" in driver.notices, "a notice says so")
        await driver.press("4", "enter")
        await driver.on("JobScreen")
        await driver.sees("✗ failed", "segment 12 is not what was written", "use another", "5f")
