"""How a few screens look. After a wanted change: `pytest tests/snapshots --snapshot-update`, and look at the pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from pantry_tui.events import Finished, Logged, PhaseStarted, Progress, TableProgress
from pantry_tui.models import RestoredTable, RestoreResult, RestoreValidation
from screens.application import PantryApp
from tests.tui.driver import Driver
from tests.tui.stand_in import NOW, TABLES, StandIn, make_backup, make_config

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="pictures are compared on one version of Python"
)

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def runner_with_backups() -> StandIn:
    return StandIn(
        [
            make_backup(1, valid=True, proven=True, ago=timedelta(minutes=31)),
            make_backup(2, valid=True),
            make_backup(3, ago=timedelta(days=1)),
            make_backup(4, name="before-migration", database="billing", ago=timedelta(days=40), valid=False),
        ]
    )


def application(runner: StandIn) -> PantryApp:
    return PantryApp(make_config(), connect=runner.connect, now=lambda: NOW, host="db1.example.org", area="backups")


def story(app: PantryApp, tell: Callable[[Driver], Awaitable[None]]) -> Callable[[Pilot[None]], Awaitable[None]]:
    """What happens before the picture is taken."""

    async def before(pilot: Pilot[None]) -> None:
        driver = Driver(app, pilot)
        await driver.sees("4 backups")
        await tell(driver)
        await pilot.pause()

    return before


async def nothing_more(driver: Driver) -> None:
    """The first screen as it is."""


def test_the_list_on_a_small_terminal(snap_compare: Compare) -> None:
    app = application(runner_with_backups())
    assert snap_compare(app, terminal_size=(80, 24), run_before=story(app, nothing_more))


def test_the_list_in_the_light_theme(snap_compare: Compare) -> None:
    async def light(driver: Driver) -> None:
        await driver.press("t")

    app = application(runner_with_backups())
    assert snap_compare(app, terminal_size=(120, 40), run_before=story(app, light))


def test_a_running_job(snap_compare: Compare) -> None:
    runner = runner_with_backups()
    app = application(runner)

    async def run(driver: Driver) -> None:
        job = runner.start_job("backup", title="backup of crm into local")
        await runner.tell(
            job,
            PhaseStarted(phase="rows", title="copying rows", at=NOW),
            TableProgress(table="public.contacts", rows=123_456, raw_bytes=34_000_000, share=0.4, at=NOW),
            TableProgress(table="public.users", rows=1_200, raw_bytes=340_000, share=1, done=True, at=NOW),
            Logged(message="locked 41 tables in 0.2 s", at=NOW),
            Progress(share=0.42, bytes_per_second=38e6, seconds_left=21, at=NOW),
        )
        await driver.press("4", "enter")
        await driver.sees("about 21 s left", "locked 41 tables")

    assert snap_compare(app, terminal_size=(80, 24), run_before=story(app, run))


def test_a_restore_that_compared_equal(snap_compare: Compare) -> None:
    runner = runner_with_backups()
    app = application(runner)

    async def run(driver: Driver) -> None:
        result = restored().to_builtins()
        job = runner.start_job("restore", title="restore of 20261123T085900Z-daily-0001 into crm_restored")
        await runner.tell(
            job,
            Logged(message="compared 7 tables", at=NOW),
            Finished(result=result, at=NOW),
            state="succeeded",
            finished_at=(NOW + timedelta(seconds=31)).isoformat(),
            result=result,
        )
        await driver.press("4", "enter")
        await driver.sees("equal: 7 tables compared", "compared 7 tables")
        app.clear_notifications()

    assert snap_compare(app, terminal_size=(120, 40), run_before=story(app, run))


def restored() -> RestoreResult:
    return RestoreResult(
        id="restore-1",
        backup_id="20261123T085900Z-daily-0001",
        status="succeeded",
        dry_run=False,
        target="crm_restored",
        created_database=True,
        tables=tuple(
            RestoredTable(schema="public", name=name, inserted=31_337 * number, verified="fingerprint")
            for number, name in enumerate(TABLES, 1)
        ),
        validation=RestoreValidation(
            performed=True,
            equal=True,
            tables_compared=len(TABLES),
            constraints_validated=19,
            constraints_not_valid=0,
            sequences_compared=6,
            differences=(),
        ),
        left_out=(),
        warnings=(),
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=31),
        duration_seconds=24.2,
        verification_seconds=6.1,
    )
