"""The first screen: would the databases survive today, and what is wrong."""

from __future__ import annotations

import msgspec
import pytest

from pantry_tui.errors import StorageError
from screens.terminal import TerminalTraits
from screens.widgets.glyphs import ASCII, UNICODE
from screens.widgets.spark import spark
from tests.tui import health_scene
from tests.tui.driver import driving
from tests.tui.stand_in import HOSTILE, SHOWN, StandIn, application, make_backup


@pytest.fixture
def runner() -> StandIn:
    """A runner that has found one database well and one not."""
    runner = StandIn([make_backup(1, valid=True), make_backup(2, database="billing"), make_backup(3)])
    health_scene.fill(runner)
    return runner


async def test_one_look_tells_what_is_wrong(runner: StandIn) -> None:
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("billing would not survive today", "checked 4 minutes ago")
        assert driver.rows == [
            ["billing", "✗ no", "everything", "unknown", "never", "none"],
            ["crm", "✓ yes", "31 min", "4 min", "2 days", "3 hours"],
        ]
        await driver.sees("✗ billing: the newest backup is damaged", "! local: 14.2 GiB free of 80 GiB")
        nightly = next(line for line in driver.lines if line.strip().startswith("nightly"))
        assert nightly.split()[1].endswith("■■■■■■■○■■■■■■■□■■■■■✗■■■")


async def test_nothing_wrong_is_one_quiet_line() -> None:
    runner = StandIn([make_backup(1, valid=True)])
    health_scene.fill(runner, well=True)
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("✓ The database would survive today.", "Nothing is wrong: 1 check, all well.")
        assert "✗" not in "".join(line for line in driver.lines if "failed" not in line and "nightly" not in line)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
@pytest.mark.parametrize("plain", [False, True])
async def test_it_holds_at_every_width(runner: StandIn, size: tuple[int, int], plain: bool) -> None:
    traits = TerminalTraits(plain=plain, few_colours=plain)
    async with driving(application(runner, area="health", traits=traits), size=size) as driver:
        await driver.sees("billing would not survive today", "four-hourly", "5 Alerts")
        assert all(len(line.rstrip()) <= size[0] for line in driver.lines)
        if plain:
            assert driver.text.isascii(), [each for each in driver.text if not each.isascii()]
        if size[0] == 200:
            await driver.press("j")
            await driver.sees("a restore of it took 4 min", "Duration", "Disk", "Last backup", "since 5 hours ago")


async def test_what_is_wrong_is_explained_with_its_command(runner: StandIn) -> None:
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("billing would not survive today")
        await driver.press("tab", "enter")
        await driver.on("Trouble")
        await driver.sees("take another backup now", "pantry-tui backup create -n now -d billing", "since 2026-11-23")
        await driver.press("escape")
        await driver.on("HealthScreen")
        await driver.press("j", "e")
        await driver.on("Trouble")
        await driver.sees("repository local", "pantry-tui retention preview")


async def test_a_backup_is_of_the_selected_database(runner: StandIn) -> None:
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("billing would not survive today")
        await driver.press("B")
        await driver.on("NewBackup")
        assert driver.field("database") == "billing"


async def test_enter_shows_the_backups_of_the_database(runner: StandIn) -> None:
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("billing would not survive today")
        await driver.press("enter")
        await driver.on("BackupsScreen")
        await driver.sees("1 of 3 shown")
        await driver.press("escape")
        await driver.until(lambda: len(driver.rows) == 3, "all are shown again")


async def test_r_looks_again_now(runner: StandIn) -> None:
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("checked 4 minutes ago")
        health_scene.fill(runner, well=True)
        await driver.press("r")
        await driver.sees("The database would survive today", "checked just now")


async def test_where_nobody_has_looked_it_is_looked_at_now() -> None:
    runner = StandIn([make_backup()])
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("The health could not be read", "nothing can be looked at")
        health_scene.fill(runner)
        driver.app.look_again()
        await driver.sees("billing would not survive today")
        runner.found, runner.refusal = None, StorageError("health.json cannot be read")
        driver.app.look_again()
        await driver.until(lambda: driver.app.known.health_problem is not None, "it is known that it was not read")
        await driver.sees("billing would not survive today", "checked 4 minutes ago")  # what was known stays


async def test_jobs_at_work_are_seen_with_their_progress(runner: StandIn) -> None:
    job = runner.start_job("backup", title="backup of crm into local")
    async with driving(application(runner, area="health")) as driver:
        await driver.sees("backup of crm into local")
        await runner.tell(job, share=0.42, seconds_left=21.0)
        await driver.sees("━━━━━╌╌╌╌╌╌╌ 42%", "about 21 s left")


async def test_hostile_names_do_nothing(runner: StandIn) -> None:
    assert runner.found is not None
    hostile = msgspec.structs.replace(health_scene.BILLING, database=HOSTILE, verdict=HOSTILE, tier=HOSTILE)
    wrong = msgspec.structs.replace(health_scene.WRONG[0], summary=HOSTILE, subject=HOSTILE)
    days = [msgspec.structs.replace(day, schedule=HOSTILE) for day in runner.days]
    runner.found = msgspec.structs.replace(runner.found, databases=(hostile,), checks=(wrong,))
    runner.days = days
    async with driving(application(runner, area="health"), size=(200, 50)) as driver:
        await driver.sees(SHOWN)
        await driver.press("e")
        await driver.on("Trouble")
        await driver.sees("db[/b][red]")


@pytest.mark.parametrize(
    ("values", "width", "shown"),
    [
        ([], 8, ""),
        ([0, 0], 8, "▁▁"),
        ([1, 2, 4, 8], 8, "▂▃▅█"),
        ([8, 1, 1, 1, 1, 1, 1, 1], 4, "█▂▂▂"),  # the greatest of each pair
    ],
)
def test_a_series_as_text(values: list[float], width: int, shown: str) -> None:
    assert spark(values, width, UNICODE) == shown
    assert spark(values, width, ASCII).isascii()
