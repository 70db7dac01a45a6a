"""A window that only looks: nothing that changes something is offered or done, and it says so."""

from __future__ import annotations

from functools import partial

import pytest

from screens.application import PantryApp
from screens.command import EVERYWHERE
from screens.commands import COMMANDS, commands_of
from tests.tui import schedule_scene
from tests.tui.driver import Driver, driving
from tests.tui.stand_in import NOW, StandIn, make_backup, make_config


def is_said(driver: Driver, words: str) -> bool:
    """Whether a notice says it."""
    return any(words in notice for notice in driver.notices)


@pytest.mark.parametrize(("area", "screen"), [("backups", "BackupsScreen"), ("schedules", "SchedulesScreen")])
async def test_nothing_is_changed_from_it(area: str, screen: str) -> None:
    runner = StandIn([make_backup()])
    schedule_scene.fill(runner)
    app = PantryApp(
        make_config(), connect=runner.connect, attach=runner.attach, now=lambda: NOW, area=area, read_only=True
    )
    async with driving(app) as driver:
        await driver.sees("only looks", "idle")
        await driver.until(lambda: bool(driver.rows), "there is something to change")
        changing = [each for each in commands_of(area) if each.changes]
        assert changing
        for each in changing:
            assert f" {each.title} " not in driver.lines[-1], each.id
            await driver.press(each.keys.split(",")[0])
            assert driver.screen_name == screen, each.id
            await driver.until(partial(is_said, driver, f"{each.title}: this window only looks"), "it says why not")
        assert not runner.submitted


def test_what_works_everywhere_changes_nothing() -> None:
    assert not [each.id for each in COMMANDS if EVERYWHERE in each.panes and each.changes]
