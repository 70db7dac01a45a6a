"""Backups that nobody who is trusted here has signed: what the screens say, and what they ask."""

from __future__ import annotations

import pytest

from pantry_tui.models import ExportRequest, RestoreRequest, Signature
from screens.application import PantryApp
from screens.form import Tick
from tests.tui.driver import driving
from tests.tui.stand_in import NOW, SIGNER, StandIn, make_backup, make_config


def runner_with(signature: Signature) -> StandIn:
    runner = StandIn([make_backup()])
    runner.signature = signature
    return runner


def application(runner: StandIn) -> PantryApp:
    return PantryApp(
        make_config(), connect=runner.connect, attach=runner.attach, now=lambda: NOW, host="db1", area="backups"
    )


@pytest.mark.parametrize(
    ("signature", "words", "trusted"),
    [
        (Signature.UNKNOWN, "whom this machine does not know", SIGNER),
        (Signature.MISSING, "Without a signature", "unsigned"),
    ],
)
async def test_a_restore_asks_who_is_trusted(signature: Signature, words: str, trusted: str) -> None:
    runner = runner_with(signature)
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("R")
        await driver.on("RestoreBackup")
        await driver.sees(words, "[ ] restore it all the same")
        assert "--trust" not in driver.text
        await driver.press("ctrl+o")
        await driver.sees("! nobody who is trusted here has signed this backup")
        assert runner.submitted == []
        await driver.press("tab", "space")
        await driver.sees("[x] restore it all the same", "--trust", trusted[:20])
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, RestoreRequest)
        assert request.trust == (trusted,)


async def test_an_export_asks_too() -> None:
    runner = runner_with(Signature.UNKNOWN)
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("X")
        await driver.on("ExportBackup")
        await driver.sees("whom this machine does not know", "[ ] export it all the same")
        await driver.press("ctrl+o")
        await driver.sees("! nobody who is trusted here has signed this backup")
        driver.app.screen.query_one("#trust", Tick).value = True
        await driver.sees("--trust")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, ExportRequest)
        assert request.trust == (SIGNER,)


@pytest.mark.parametrize("signature", [Signature.TRUSTED, Signature.WRONG])
async def test_nothing_is_asked_where_no_answer_would_help(signature: Signature) -> None:
    runner = runner_with(signature)
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("R")
        await driver.on("RestoreBackup")
        await driver.sees("all tables")
        assert "all the same" not in driver.text
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, RestoreRequest)
        assert request.trust == ()


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (Signature.UNKNOWN, "by SHA256"),
        (Signature.MISSING, "none: nothing shows"),
        (Signature.WRONG, "does not fit"),
    ],
)
async def test_the_details_say_what_is_wrong(signature: Signature, words: str) -> None:
    async with driving(application(runner_with(signature)), size=(120, 40)) as driver:
        await driver.sees("1 backup")
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("signature", words)
