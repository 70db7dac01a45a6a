"""Looking into a table of a backup on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import TablePage
from screens.command import GRID, ROWS, TABLE
from screens.commands import commands_of
from screens.terminal import TerminalTraits
from screens.widgets.rows_table import RowsTable
from tests.tui.driver import Driver, driving
from tests.tui.stand_in import HOSTILE, SHOWN, StandIn, application, make_backup, make_page


@asynccontextmanager
async def looking(
    runner: StandIn, *, traits: TerminalTraits | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Driver]:
    """The rows of the first table of the newest backup are on the screen."""
    async with driving(application(runner, traits=traits), size=size) as driver:
        await driver.sees("1 backup")
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("public.organizations", "Rows")
        await driver.press("enter")
        await driver.on("BackupRowsScreen")
        yield driver


def grid(driver: Driver) -> RowsTable:
    return driver.app.screen.query_one(RowsTable)


def first_cells(driver: Driver) -> list[str]:
    return [grid(driver).get_row_at(row)[0].plain for row in range(grid(driver).row_count)]


@pytest.fixture
def runner() -> StandIn:
    return StandIn([make_backup()])


async def test_rows_are_paged_through_with_the_cursor(runner: StandIn) -> None:
    async with looking(runner) as driver:
        await driver.sees("rows 1 to 100 of 250", "n Next rows")
        assert first_cells(driver) == [str(number) for number in range(1, 101)]
        await driver.press("n")
        await driver.sees("rows 101 to 200 of 250")
        await driver.press("k")
        await driver.sees("rows 1 to 100 of 250")
        assert grid(driver).cursor_row == 99
        await driver.press("j")
        await driver.sees("rows 101 to 200 of 250")
        assert grid(driver).cursor_row == 0
        await driver.press("G")
        await driver.sees("rows 201 to 250 of 250")
        assert grid(driver).cursor_row == 49
        await driver.press("n", "j", "pagedown")
        await driver.sees("these are the last rows")
        await driver.press("g")
        await driver.sees("rows 1 to 100 of 250")
        await driver.press("p", "k", "pageup", "ctrl+u")
        await driver.sees("these are the first rows")
        assert grid(driver).cursor_row == 0
        await driver.press(*["pagedown"] * 10)
        await driver.sees("rows 101 to 200 of 250")


async def test_the_value_under_the_cursor_is_shown_in_full(runner: StandIn) -> None:
    async with looking(runner) as driver:
        await driver.sees("rows 1 to 100 of 250", "row 1, column 1 of 2")
        await driver.press("l", "j")
        await driver.sees("row 2, column 2 of 2", "x" * 74)
        assert grid(driver).get_row_at(1)[1].plain == "x" * 29 + "…"
        await driver.press("j", "y")
        await driver.sees("column 2 of 2, the beginning of 19.5 KiB", "only the beginning of this value is here")
        await driver.press("j", "y")
        await driver.sees("NULL is no value to copy")
        assert [grid(driver).get_row_at(row)[1].plain for row in (3, 4)] == ["NULL", '""']
        await driver.press("h", "y")
        await driver.until(lambda: driver.app.clipboard == "4", "the value is in the clipboard")
        await driver.press("n", "c")
        await driver.until(
            lambda: driver.app.clipboard.endswith("""'"public"."organizations"' --skip 100"""), "the command is copied"
        )


async def test_hostile_values_are_shown_and_do_nothing(runner: StandIn) -> None:
    def page(backup_id: str, table: str, limit: int, skip: int) -> TablePage:
        whole = make_page(backup_id, table, limit, skip)
        rows = tuple((number, HOSTILE) for number, _ in whole.rows)
        return msgspec.structs.replace(whole, columns=("id", HOSTILE), rows=rows, table=HOSTILE, shortened=())

    runner.page = page
    runner.tables = (HOSTILE, *runner.tables)
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("enter")
        await driver.sees(SHOWN)
        await driver.press("enter")
        await driver.sees("rows 1 to 100", "public.db[/b]", "row 1, column 1")
        await driver.press("l")
        await driver.sees(SHOWN, r"\u202e", "'; DROP", "--")
        assert not any(ord(character) < 32 for line in driver.lines for character in line)
        assert "\u202e" not in driver.text


async def test_tables_without_rows_or_columns_and_damage_are_said(runner: StandIn) -> None:
    def page(backup_id: str, table: str, limit: int, skip: int) -> TablePage:
        whole = make_page(backup_id, table, limit, skip)
        if "organizations" in table:
            return msgspec.structs.replace(whole, rows=(), total_rows=0, shortened=())
        if "users" in table:
            return msgspec.structs.replace(whole, columns=(), rows=((), ()), total_rows=2, shortened=())
        raise BackupDamagedError("segment 4 (rows of public.contacts) is cut off", remedy="restore from another backup")

    runner.page = page
    async with looking(runner) as driver:
        for words in ("This table has no rows", "no columns; it has 2 rows", "segment 4 (rows of public.contacts)"):
            await driver.sees(words)
            await driver.press(*("y", "n", "p", "g", "G", "j", "k", "ctrl+d", "h", "l", "pageup", "pagedown"))
            await driver.press("escape")
            await driver.on("BackupDetailsScreen")
            await driver.press("j", "enter")
            await driver.on("BackupRowsScreen")


async def test_rows_that_could_not_be_read_are_read_again(runner: StandIn) -> None:
    runner.refusal = BackupDamagedError("segment 4 is cut off")
    runner_refuses, runner.refusal = runner.refusal, None
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("enter")
        await driver.sees("public.organizations")
        runner.refusal = runner_refuses
        await driver.press("enter")
        await driver.sees("segment 4 is cut off")
        runner.refusal = None
        await driver.press("r")
        await driver.sees("rows 1 to 100 of 250")


async def test_a_plain_terminal_gets_ascii_only(runner: StandIn) -> None:
    async with looking(runner, traits=TerminalTraits(plain=True, few_colours=True)) as driver:
        await driver.sees("rows 1 to 100 of 250")
        assert driver.text.isascii(), [line for line in driver.lines if not line.isascii()]
        await driver.sees("x" * 29 + "~")


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_a_plain_terminal_shows_the_facts_and_the_value(runner: StandIn, size: tuple[int, int]) -> None:
    plain = TerminalTraits(plain=True, few_colours=True)
    async with driving(application(runner, traits=plain), size=size) as driver:
        await driver.sees("1 backup", *(["started by"] if size[0] >= 150 else []))
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("public.organizations", "database")
        await driver.press("enter")
        await driver.sees("column 1 of")


@pytest.mark.slow
async def test_every_key_can_be_pressed(runner: StandIn) -> None:
    commands = [*commands_of(ROWS), *commands_of(TABLE), *commands_of(GRID)]
    async with looking(runner) as driver:
        for key in [key for each in commands if each.id != "app.quit" for key in each.keys.split(",")]:
            driver.app.go("backups")
            await driver.press("enter")
            await driver.on("BackupDetailsScreen")
            await driver.press("enter")
            await driver.on("BackupRowsScreen")
            await driver.press(key)
            assert driver.app.is_running, key
