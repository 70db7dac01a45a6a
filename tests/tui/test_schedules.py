"""Schedules: what the list says, the runs of one, and the form with its expression in words."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from pantry_tui.errors import UsageError
from pantry_tui.models import ExpectedRun, MissedRuns, RunState, ScheduleKind
from tests.tui import schedule_scene
from tests.tui.driver import Driver, driving
from tests.tui.stand_in import HOSTILE, NOW, SHOWN, StandIn, application, make_backup


@pytest.fixture
def runner() -> StandIn:
    """A runner with three schedules."""
    runner = StandIn([make_backup()])
    schedule_scene.fill(runner)
    return runner


async def opened(driver: Driver) -> None:
    """The list of schedules is in front."""
    await driver.sees("idle")
    await driver.press(driver.app.key_of("app.schedules"))
    await driver.on("SchedulesScreen")
    await driver.sees("3 schedules")


async def test_the_list_says_when_and_what_became_of_it(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await opened(driver)
        await driver.sees("the next is four-hourly in 3 hours")
        assert [row[0] for row in driver.rows] == ["four-hourly", "nightly", "monthly-drill"]
        assert [row[2] for row in driver.rows] == ["in 3 hours", "in 16 hours", "off"]
        assert [row[3] for row in driver.rows] == ["✗ failed", "✓ succeeded", "· never ran"]
        await driver.sees("! db1 does not answer")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_it_holds_at_every_width(runner: StandIn, size: tuple[int, int]) -> None:
    async with driving(application(runner), size=size) as driver:
        await opened(driver)
        assert [row[0] for row in driver.rows] == ["four-hourly", "nightly", "monthly-drill"]
        if size[0] == 200:
            await driver.press("j")
            await driver.sees("Europe/Vienna", "the last one is run late", "Latest runs", "✗ missed")


async def test_a_run_says_why_it_was_not_in_time(runner: StandIn) -> None:
    job = runner.start_job("backup", title="backup of crm into local")
    runner.past_runs[1] = msgspec.structs.replace(runner.past_runs[1], job_ids=(job.id,))
    async with driving(application(runner), size=(120, 30)) as driver:
        await driver.sees("1 running")
        await driver.press("3", "j", "enter")
        await driver.on("ScheduleScreen")
        assert [row[1] for row in driver.rows] == ["✓ succeeded", "✓ succeeded, late", "✗ missed"]
        assert driver.rows[2][3] == "no runner was at work, and it was too late"
        await driver.press("j", "enter")
        await driver.until(lambda: any("no job of this run" in each for each in driver.notices), "it says why not")
        await driver.press("k", "enter")
        await driver.on("JobScreen")


async def test_an_expression_is_explained_while_it_is_typed(runner: StandIn) -> None:
    async with driving(application(runner), size=(100, 40)) as driver:
        await opened(driver)
        await driver.press("A")
        await driver.on("ScheduleForm")
        await driver.fill("zone", "Europe/Vienna")
        await driver.fill("cron", "30 2 * * *")
        await driver.sees("every day at 02:30", "2026-11-24 02:30 CET", "clocks skip 02:30; it runs at 03:00")
        await driver.fill("cron", "0 2 * * *")
        await driver.sees("nightly runs at 2026-11-24 02:00 CET too: one waits")
        await driver.fill("cron", "61 2 * * *")
        await driver.sees("field of the minute cannot be '61'", "use numbers from 0 to 59")
        assert "next:" not in driver.text
        await driver.fill("cron", "0 3 * * *")
        await driver.fill("name", "early")
        await driver.fill("days", "7")
        await driver.sees("pantry-tui schedule create early '0 3 * * *' --timezone")
        await driver.press("ctrl+o")
        await driver.on("SchedulesScreen")
        await driver.sees("4 schedules")
        made = next(each for each in runner.planned.values() if each.name == "early")
        assert (made.cron, made.timezone, made.retention_days, made.database) == (
            "0 3 * * *",
            "Europe/Vienna",
            7,
            "crm",
        )


async def test_a_schedule_is_changed_and_keeps_what_the_form_does_not_show(runner: StandIn) -> None:
    nightly = next(each for each in runner.planned.values() if each.name == "nightly")
    tagged = msgspec.structs.replace(nightly, tags=("night",), retries=5)
    runner.planned[nightly.id] = tagged
    async with driving(application(runner), size=(100, 40)) as driver:
        await opened(driver)
        await driver.press("j", "E")
        await driver.on("ScheduleForm")
        assert driver.field("name") == "nightly"
        await driver.fill("cron", "15 1 * * *")
        await driver.fill("on_failure", "ops, lead")
        await driver.sees("schedule edit nightly --cron '15 1 * * *' --on-failure ops", "--on-failure lead")
        await driver.press("ctrl+o")
        await driver.on("SchedulesScreen")
        changed = runner.planned[nightly.id]
        assert changed == msgspec.structs.replace(tagged, cron="15 1 * * *", on_failure=("ops", "lead"))


async def test_what_the_runner_refuses_stays_in_the_form(runner: StandIn) -> None:
    runner.refusal = UsageError("nobody is called ops", remedy="add [notifications.ops]")
    async with driving(application(runner), size=(100, 40)) as driver:
        await driver.press("3", "A")
        await driver.on("ScheduleForm")
        await driver.press("ctrl+o")
        await driver.sees("! give the schedule a name")
        await driver.fill("name", "early")
        await driver.press("ctrl+o")
        await driver.sees("nobody is called ops", "add [notifications.ops]")
        assert driver.screen_name == "ScheduleForm"


async def test_off_and_on_again_and_run_now(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await opened(driver)
        await driver.press("T")
        await driver.until(lambda: [row[2] for row in driver.rows].count("off") == 2, "it is off")
        assert driver.rows[0][0] == "nightly"
        await driver.press("T")
        await driver.until(lambda: [row[2] for row in driver.rows].count("off") == 1, "it is on again")
        await driver.press("N")
        await driver.sees("1 running")


async def test_deleting_asks_and_keeps_the_backups(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await opened(driver)
        await driver.press("D")
        await driver.on("Confirm")
        await driver.sees("Its backups stay", "pantry-tui schedule delete four-hourly")
        await driver.press("escape")
        assert len(runner.planned) == 3
        await driver.press("D")
        await driver.on("Confirm")
        await driver.press("ctrl+o")
        await driver.sees("2 schedules")


async def test_the_standard_set_is_one_key() -> None:
    runner = StandIn([make_backup()])
    async with driving(application(runner)) as driver:
        await driver.sees("idle")
        await driver.press("3")
        await driver.sees("Nothing is done by itself yet", "S adds the standard set")
        await driver.press("S")
        await driver.sees("3 schedules")
        kinds = {each.name: each.kind for each in runner.planned.values()}
        assert kinds == {
            "daily": ScheduleKind.FULL,
            "four-hourly": ScheduleKind.INCREMENTAL,
            "monthly-drill": ScheduleKind.DRILL,
        }
        await driver.press("S")
        await driver.until(lambda: "they are all there already" in driver.notices, "it says so")
        assert len(runner.planned) == 3


async def test_hostile_names_do_nothing() -> None:
    runner = StandIn([make_backup()])
    schedule = runner.plan(msgspec.structs.replace(schedule_scene.NIGHTLY, name=HOSTILE, missed=MissedRuns.SKIP))
    runner.past_runs = [
        ExpectedRun(
            schedule_id=schedule.id,
            schedule=HOSTILE,
            due_at=NOW - timedelta(hours=8),
            state=RunState.MISSED,
            why=HOSTILE,
            written_at=NOW - timedelta(days=1),
        )
    ]
    async with driving(application(runner), size=(200, 50)) as driver:
        await driver.sees("idle")
        await driver.press("3")
        await driver.sees(SHOWN)
        for key in ("enter", "E", "D"):
            await driver.press(key)
            await driver.sees("db[/b][red]")
            await driver.press("escape")
