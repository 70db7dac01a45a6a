"""Encrypted backups on the screens: the list says so, and what reads them asks for an identity."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.errors import KeyMissingError
from pantry_tui.models import ValidateRequest
from tests.tui.driver import driving
from tests.tui.stand_in import StandIn, application, make_backup


@pytest.fixture
def runner() -> StandIn:
    return StandIn([msgspec.structs.replace(make_backup(), encrypted=True)])


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    file = tmp_path / "identity.age"
    file.write_text(f"{X25519Identity.generate().secret_text}\n")
    file.chmod(0o600)
    return file


async def test_the_list_says_so(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("■ daily", "■ encrypted")


async def test_validating_asks_for_an_identity(runner: StandIn, identity: Path) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("V")
        await driver.on("UnlockToValidate")
        await driver.sees("Without an identity the stored bytes alone are checked", "pantry-tui backup validate")
        await driver.fill("identity", str(identity))
        await driver.sees("--identity")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, ValidateRequest)
        assert request.unlocking.identities


async def test_validating_goes_without_one(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("V")
        await driver.on("UnlockToValidate")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, ValidateRequest)
        assert not request.unlocking.identities


async def test_rows_ask_for_an_identity_when_there_is_none(runner: StandIn, identity: Path) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("public.organizations", "Rows")
        runner.refusal = KeyMissingError("the backup is encrypted, and no identity is given")
        await driver.press("enter")
        await driver.on("UnlockToLook")
        await driver.sees("no identity is given", "Passphrase")
        runner.refusal = None
        await driver.fill("identity", str(identity))
        await driver.press("ctrl+o")
        await driver.on("BackupRowsScreen")
        await driver.sees("rows 1 to 100 of 250")
