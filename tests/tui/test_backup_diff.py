"""Comparing a backup on the screen: with another, and with its database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pantry_tui.errors import BackupDamagedError
from pantry_tui.events import Finished
from pantry_tui.models import DiffRequest
from screens.command import DIFF, TABLE
from screens.commands import commands_of
from screens.terminal import TerminalTraits
from tests.tui.driver import Driver, driving
from tests.tui.stand_in import HOSTILE, SHOWN, TABLES, StandIn, application, make_backup, make_diff


@pytest.fixture
def runner() -> StandIn:
    other = make_backup(3, database="billing", ago=timedelta(days=2))
    return StandIn([make_backup(1), make_backup(2, name="weekly", ago=timedelta(days=3)), other])


async def compare_with_another(driver: Driver) -> None:
    """Opens the comparison of the newest backup with the other of its database."""
    await driver.sees("3 backups")
    await driver.press("d")
    await driver.on("CompareBackup")
    await driver.press("j", "enter")
    await driver.on("BackupDiffScreen")


async def test_two_backups_are_compared_differences_on_top(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("3 backups")
        await driver.press("d")
        await driver.sees("the database crm as it is now", "weekly of crm", "daily of billing", "live")
        assert [row[0] for row in driver.rows][1:] == ["weekly of crm", "daily of billing"]
        await driver.press("j")
        await driver.sees(f"backup diff {runner.kept[0].id}", runner.kept[1].id, "Reads no rows")
        await driver.press("ctrl+o")
        await driver.on("BackupDiffScreen")
        await driver.sees("1 table equal, 5 differ, 1 not comparable", f"B  {runner.kept[1].id}", "different servers")
        assert driver.rows[0] == ["public.users", "✗ rows differ", "1,001", "1,000"]
        assert driver.rows[-1][:2] == ["public.organizations", "✓ equal"]
        await driver.press("j", "j")
        await driver.sees("columns +colour; text: 3.0 MiB in A, 2.0 MiB in B")
        await driver.press("j", "j", "j")
        await driver.sees("taken without fingerprints")
        await driver.press("c")
        await driver.until(lambda: driver.app.clipboard.endswith(runner.kept[1].id), "the command is copied")
        await driver.press("escape")
        await driver.on("BackupsScreen")


async def test_a_comparison_with_the_database_is_a_job(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("3 backups")
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.press("d")
        await driver.on("CompareBackup")
        await driver.sees("Reads every row of the database", "live")
        await driver.press("enter")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, DiffRequest)
        assert (request.backup_id, request.database.name) == (runner.kept[0].id, "crm")

        found = make_diff(runner.kept[0].id, "live").to_builtins()
        await runner.tell(runner.known_jobs["job-001"], Finished(result=found), state="succeeded", result=found)
        await driver.sees("1 table equal, 5 differ, 1 not comparable", "B  crm (live)", "rows differ")
        assert [row[0] for row in driver.rows][-1] == f"public.{TABLES[0]}"


async def test_a_wide_terminal_has_columns_for_sizes(runner: StandIn) -> None:
    async with driving(application(runner), size=(120, 40)) as driver:
        await compare_with_another(driver)
        await driver.sees("Text in A", "Text in B")
        assert driver.rows[0][-2:] == ["3.0 MiB", "2.0 MiB"]
        await driver.press("escape", "d", "enter")
        await driver.on("JobScreen")
        found = make_diff(runner.kept[0].id, "live").to_builtins()
        await runner.tell(runner.known_jobs["job-001"], Finished(result=found), state="succeeded", result=found)
        await driver.sees("Disk in A", "Disk in B")
        assert driver.rows[0][-2:] == ["8.0 MiB", "6.0 MiB"]
        assert driver.rows[1][-2:] == ["8.0 MiB", ""]


async def test_what_cannot_be_compared_is_said_and_tried_again(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("3 backups")
        await driver.press("d")
        await driver.on("CompareBackup")
        runner.refusal = BackupDamagedError("manifest.json is cut off", remedy="restore from another backup")
        await driver.press("j", "enter")
        await driver.sees("manifest.json is cut off", "restore from another backup")
        runner.refusal = None
        await driver.press("r")
        await driver.sees("1 table equal")


async def test_hostile_names_are_shown_and_do_nothing(runner: StandIn) -> None:
    runner.tables = ("first", HOSTILE, *TABLES)
    runner.kept[1] = make_backup(2, name=HOSTILE, ago=timedelta(days=3))
    async with driving(application(runner), size=(200, 50)) as driver:
        await compare_with_another(driver)
        await driver.sees(f"public.{SHOWN}")
        assert not any(ord(character) < 32 for line in driver.lines for character in line)
        assert "\u202e" not in driver.text


async def test_a_plain_terminal_gets_ascii_only(runner: StandIn) -> None:
    traits = TerminalTraits(plain=True, few_colours=True)
    async with driving(application(runner, traits=traits)) as driver:
        await compare_with_another(driver)
        await driver.sees("x rows differ", "+ equal")
        assert driver.text.isascii(), [line for line in driver.lines if not line.isascii()]


@pytest.mark.slow
async def test_every_key_can_be_pressed(runner: StandIn) -> None:
    commands = [each for each in (*commands_of(DIFF), *commands_of(TABLE)) if each.id != "app.quit"]
    async with driving(application(runner)) as driver:
        for key in [key for each in commands for key in each.keys.split(",")]:
            driver.app.go("backups")
            await compare_with_another(driver)
            await driver.press(key)
            assert driver.app.is_running, key
