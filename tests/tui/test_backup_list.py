"""The list of backups: what it says, filtered, sorted, moved in, held still."""

from __future__ import annotations

from pantry_tui.events import Finished
from pantry_tui.models import (
    BackupSummary,
)
from tests.tui.driver import driving
from tests.tui.stand_in import StandIn, application


async def test_the_list_says_what_each_backup_is_worth(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups, newest 31 minutes ago")

        assert driver.rows[0] == ["daily", "crm", "full sql", "31 minutes", "118.6 MiB", "1.2 M", "✓ proven"]
        assert [row[-1] for row in driver.rows[1:4]] == ["✓ valid", "· unchecked", "✗ damaged"]
        assert backups[0].id in driver.text


async def test_with_room_the_details_stand_beside_the_list(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups)), size=(200, 50)) as driver:
        await driver.sees(
            "restored equal", "sha256", "archive.dump", "system identifier", "sequence public.orders_id_seq"
        )
        assert len(driver.rows[0]) == 8
        await driver.resize(140, 40)
        await driver.until(lambda: len(driver.rows[0]) == 9, "the id has a column")
        assert driver.rows[0][-1] == backups[0].id


async def test_the_filter_keeps_what_contains_the_words(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("slash")
        await driver.type("bill")
        await driver.sees("1 of 5 shown")
        assert [row[0] for row in driver.rows] == ["before-migration"]
        await driver.press("home")
        await driver.type("!")
        await driver.sees("4 of 5 shown")
        await driver.press("enter", "j")
        assert driver.app.screen.query_one("#list").has_focus
        await driver.press("escape")
        await driver.until(lambda: len(driver.rows) == 5, "all are shown again")
        await driver.press("slash")
        await driver.type("nothing")
        await driver.sees("Nothing here contains nothing", "esc shows all again")


async def test_the_list_is_sorted_by_the_next_column_and_back(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("Age ▼")
        await driver.press("s")
        await driver.sees("Size ▼")
        assert driver.rows[0][4] == "122.5 MiB"
        await driver.press("o")
        await driver.sees("Size ▲")
        assert driver.rows[0][4] == "118.6 MiB"


async def test_keys_move_as_in_other_programs(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        for keys, line in (("j", 1), ("G", 4), ("k", 3), ("g", 0), ("ctrl+d", 4), ("ctrl+u", 0)):
            await driver.press(keys)
            assert driver.app.screen.query_one("#list").cursor_row == line, keys  # type: ignore[attr-defined]


async def test_pausing_holds_the_list_still(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups[:1])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("space")
        await driver.sees("paused")
        runner.kept = backups
        driver.app.reload()
        await driver.until(lambda: len(driver.app.known.backups or ()) == 5, "the list was read again")
        await driver.pilot.pause()
        assert len(driver.rows) == 1
        await driver.sees("Backups   paused, space goes on  ·  1 backup, newest 31 minutes ago")
        await driver.press("space")
        await driver.until(lambda: len(driver.rows) == 5, "the list follows again")
        assert "paused" not in driver.text


async def test_what_is_done_here_is_seen_in_a_list_that_was_paused(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups[:1])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("space")
        await driver.sees("paused")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        runner.kept = backups
        done = backups[0].to_builtins()
        await runner.tell(runner.known_jobs["job-001"], Finished(result=done), state="succeeded", result=done)
        await driver.sees("✓ succeeded")
        await driver.press("escape")
        await driver.until(lambda: len(driver.rows) == 5, "the list follows again")
        assert "paused" not in driver.text
