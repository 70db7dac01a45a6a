"""Incremental backups in the application: taken by the form, shown with their base."""

from __future__ import annotations

import msgspec

from pantry_tui.models import BackupKind, BackupRequest
from screens.application import PantryApp
from tests.tui.driver import driving
from tests.tui.stand_in import NOW, StandIn, make_backup, make_config


def application(runner: StandIn) -> PantryApp:
    return PantryApp(
        make_config(), connect=runner.connect, attach=runner.attach, now=lambda: NOW, host="db1", area="backups"
    )


async def test_details_tell_what_is_its_own() -> None:
    base = make_backup(1)
    delta = msgspec.structs.replace(make_backup(2), kind=BackupKind.INCREMENTAL, base=base.id)
    async with driving(application(StandIn([delta, base]))) as driver:
        await driver.sees("2 backups", "incr sql")
        await driver.press("home", "enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("Changed", "all", "62", "public.users")
        await driver.press("tab", "end", "home", *["down"] * 5)
        await driver.sees("base", base.id)


async def test_form_takes_one() -> None:
    runner = StandIn([make_backup()])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press(*["tab"] * 4, "right")
        await driver.sees("[incremental]", "since the newest full backup", "--kind incremental")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
    [request] = runner.submitted
    assert isinstance(request, BackupRequest)
    assert request.kind is BackupKind.INCREMENTAL
