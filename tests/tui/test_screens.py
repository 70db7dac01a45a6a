"""What holds on every screen: size, terminal, keys, hostile names, help, palette and leaving."""

from __future__ import annotations

import pytest

from pantry_tui.errors import BackupDamagedError
from pantry_tui.events import Failed, Logged, PhaseStarted, TableProgress, Warned
from pantry_tui.models import (
    BackupSummary,
    Failure,
    JobState,
)
from screens.command import BACKUPS, DETAILS, JOB, JOBS, TABLE
from screens.commands import commands_of
from screens.terminal import TerminalTraits
from tests.tui.driver import driving
from tests.tui.stand_in import HOSTILE, SHOWN, StandIn, application, make_backup


async def test_hostile_names_are_shown_and_do_nothing() -> None:
    backup = make_backup(1, name=HOSTILE, database=HOSTILE)
    runner = StandIn([backup])
    async with driving(application(runner, databases=("crm",)), size=(200, 50)) as driver:
        await driver.sees(SHOWN)
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees(SHOWN, "public.contacts")
        for key, screen in (("R", "RestoreBackup"), ("D", "DeleteBackup")):
            await driver.press(key)
            await driver.on(screen)
            await driver.sees(SHOWN)
            await driver.press("escape")
        job = runner.start_job("backup", title=f"backup of {HOSTILE}")
        failure = Failure.of(BackupDamagedError(f"{HOSTILE} is bad", remedy=f"look at {HOSTILE}", detail=HOSTILE))
        await runner.tell(
            job,
            PhaseStarted(phase="rows", title=HOSTILE),
            TableProgress(table=HOSTILE, rows=1, raw_bytes=1, share=0.5),
            Warned(message=HOSTILE),
            Logged(message=HOSTILE),
            Failed(failure=failure),
            state="failed",
            failure=failure.to_builtins(),
        )
        await driver.press("4")
        await driver.on("JobsScreen")
        await driver.sees(f"backup of {SHOWN}")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.sees(f"{SHOWN}", "is bad", "What to do")
        assert not any(ord(character) < 32 for line in driver.lines for character in line)
        assert "\u202e" not in driver.text


async def test_too_small_a_terminal_says_what_it_needs_and_comes_back(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.resize(60, 20)
        await driver.on("TooSmall")
        await driver.sees("This terminal is 60x20", "needs 80x24")
        await driver.press("4", "escape", "colon")
        await driver.on("TooSmall")
        await driver.resize(40, 10)
        await driver.sees("40x10")
        await driver.resize(100, 30)
        await driver.on("NewBackup")


async def test_a_terminal_that_is_too_small_from_the_start(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups)), size=(79, 24)) as driver:
        await driver.on("TooSmall")
        await driver.resize(80, 24)
        await driver.on("BackupsScreen")
        await driver.sees("5 backups")


async def test_what_is_copied_is_sent_without_a_claim(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("y")
        assert driver.app.clipboard == backups[0].id
        await driver.press("c")
        assert driver.app.clipboard == f"pantry-tui backup show {backups[0].id}"
        assert all("not every terminal takes it" in notice.title for notice in driver.app._notifications)


async def test_palette_line_and_help_come_from_the_table(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("ctrl+p")
        await driver.on("Palette")
        await driver.type("validate")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.press("colon")
        await driver.on("Palette")
        await driver.type("jobs")
        await driver.press("enter")
        await driver.on("JobsScreen")
        await driver.press("colon")
        await driver.type("cancel")
        await driver.press("enter")
        await driver.on("Confirm")
        await driver.press("escape", "question_mark")
        await driver.on("Help")
        await driver.sees("Keys: Jobs", "pantry-tui job show JOB")
        await driver.press("escape")
        await driver.press("2")
        await driver.on("BackupsScreen")


async def test_the_reason_is_said_when_something_cannot_be_done() -> None:
    async with driving(application(StandIn())) as driver:
        await driver.sees("There is no backup yet")
        await driver.press("R")
        assert driver.notices == ["Restore: no backup is selected; B takes one"]


PLACES = {
    BACKUPS: ("backups", False, "BackupsScreen"),
    DETAILS: ("backups", True, "BackupDetailsScreen"),
    JOBS: ("jobs", False, "JobsScreen"),
    JOB: ("jobs", True, "JobScreen"),
}


@pytest.mark.parametrize(
    "pane", [pytest.param(pane, marks=pytest.mark.slow if opened else ()) for pane, (_, opened, _) in PLACES.items()]
)
async def test_every_key_of_every_pane_can_be_pressed(pane: str, backups: list[BackupSummary]) -> None:
    area, opened, screen = PLACES[pane]
    runner = StandIn(backups)
    runner.start_job("backup", title="backup of crm into local")
    commands = [each for each in (*commands_of(pane), *commands_of(TABLE)) if each.id != "app.quit"]
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups", "1 running")
        for key in [key for each in commands for key in each.keys.split(",")]:
            driver.app.go(area)
            await driver.pilot.pause()
            if opened:
                await driver.press("enter")
            await driver.on(screen)
            await driver.press(key)
            assert driver.app.is_running, key


async def test_leaving_is_one_key_everywhere(backups: list[BackupSummary]) -> None:
    for opening in ((), ("enter",), ("4",), ("B",), ("ctrl+p",), ("question_mark",)):
        async with driving(application(StandIn(backups))) as driver:
            await driver.sees("5 backups")
            await driver.press(*opening, "ctrl+q")
            await driver.until(lambda driver=driver: driver.app._exit, f"it leaves after {opening}")  # type: ignore[misc]
            assert driver.app.return_code == 0


async def test_escape_never_leaves(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press(*["escape"] * 5)
        await driver.on("BackupsScreen")
        assert driver.app.is_running


async def test_a_plain_terminal_gets_ascii_only(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    runner.start_job("backup", title="backup of crm into local", state=JobState.RUNNING)
    traits = TerminalTraits(plain=True, few_colours=True)
    async with driving(application(runner, traits=traits), size=(160, 40)) as driver:
        await driver.sees("5 backups", "+ valid", "1 running")
        for keys in (
            (),
            ("enter",),
            ("escape", "B"),
            ("escape", "R", "tab", "space"),
            ("escape", "D"),
            ("escape", "4"),
        ):
            await driver.press(*keys)
            assert driver.text.isascii(), (keys, [line.strip() for line in driver.lines if not line.isascii()])
        for keys in (("enter",), ("C",), ("escape", "question_mark"), ("escape", "ctrl+p")):
            await driver.press(*keys)
            assert driver.text.isascii(), (keys, [line.strip() for line in driver.lines if not line.isascii()])


async def test_the_theme_changes_and_the_list_with_it(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("t")
        assert driver.app.theme == "pantry-light"
        await driver.press("t")
        assert driver.app.theme == "pantry-dark"
