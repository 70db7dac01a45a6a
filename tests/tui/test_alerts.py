"""Alerts: seen, taken care of, over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pantry_tui.errors import RefusedError
from pantry_tui.models import Alert, AlertState, AlertType, Remedy, Severity
from tests.tui.driver import driving
from tests.tui.stand_in import HOSTILE, NOW, SHOWN, StandIn, application, make_backup


def make_alert(number: int, *, summary: str, severity: Severity = Severity.HIGH, hours: int = 1) -> Alert:
    """An alert that is open."""
    at = NOW - timedelta(hours=hours)
    return Alert(
        id=f"alert-{number:04}",
        type=AlertType.BACKUP_FAILED,
        severity=severity,
        cause=f"cause {number}",
        subject="crm",
        database="crm",
        summary=summary,
        remedy=Remedy(text="start the server, and take a backup", command=("backup", "create", "-n", "now")),
        opened_at=at,
        seen_at=at,
    )


@pytest.fixture
def runner() -> StandIn:
    """A runner with an alert that is open, one because of it, and one that is over."""
    runner = StandIn([make_backup()])
    root = make_alert(1, summary="the server of crm does not answer", severity=Severity.CRITICAL)
    follows = make_alert(2, summary="the backup of crm failed", hours=2)
    over = make_alert(3, summary="local was nearly full", hours=30)
    runner.told = [
        root,
        Alert.from_builtins({**follows.to_builtins(), "root": root.id}),
        Alert.from_builtins({**over.to_builtins(), "state": "resolved", "resolved_at": NOW.isoformat()}),
    ]
    return runner


async def test_open_ones_stand_on_top_and_are_counted_everywhere(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("5 Alerts 2")
        await driver.press("5")
        await driver.on("AlertsScreen")
        await driver.sees("2 open, 0 taken care of, 1 over", "start the server, and take a backup")
        assert [row[0] for row in driver.rows] == ["✗ critical", "✗ high", "✗ high"]
        assert [row[3] for row in driver.rows] == ["● open", "● open", "✓ over"]


async def test_one_is_taken_care_of_and_then_over(runner: StandIn) -> None:
    async with driving(application(runner, area="alerts")) as driver:
        await driver.sees("2 open")
        await driver.press("A")
        await driver.sees("1 open, 1 taken care of, 1 over", "5 Alerts 1")
        await driver.press("A")
        await driver.until(lambda: any("takes care of it already" in each for each in driver.notices), "it says who")
        await driver.press("M")
        await driver.sees("1 open, 0 taken care of, 2 over")
        assert runner.told[0].state is AlertState.RESOLVED


async def test_what_the_runner_refuses_is_explained(runner: StandIn) -> None:
    async with driving(application(runner, area="alerts")) as driver:
        await driver.sees("2 open")
        runner.refusal = RefusedError("the alert is over already")
        await driver.press("A")
        await driver.on("Explain")
        await driver.sees("Acknowledging the alert", "the alert is over already")


async def test_the_cause_and_what_follows_from_it_are_named(runner: StandIn) -> None:
    async with driving(application(runner, area="alerts"), size=(200, 50)) as driver:
        await driver.sees("with it", "the backup of crm failed")
        await driver.press("j")
        await driver.sees("because of", "the server of crm does not answer")
        await driver.press("enter")
        await driver.on("Trouble")
        await driver.sees("pantry-tui backup create -n now")


async def test_without_any_it_says_so() -> None:
    async with driving(application(StandIn([make_backup()]), area="alerts")) as driver:
        await driver.sees("There is no alert, and there was none for a month.", "1 shows what is looked at")


async def test_hostile_names_do_nothing(runner: StandIn) -> None:
    runner.told = [make_alert(9, summary=HOSTILE)]
    async with driving(application(runner, area="alerts")) as driver:
        await driver.sees(SHOWN)
        await driver.press("enter")
        await driver.on("Trouble")
        await driver.sees("db[/b][red]")
