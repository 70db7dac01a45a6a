"""The restore of somebody's dump, started on the command line, as the screens show it."""

from __future__ import annotations

from datetime import timedelta

from pantry_tui.events import Finished
from pantry_tui.models import ForeignRestoreResult, RestoredTable, RestoreValidation
from screens.application import PantryApp
from tests.tui.driver import driving
from tests.tui.stand_in import NOW, StandIn, make_config

RESULT = ForeignRestoreResult(
    id="restore-1",
    source="/home/op/theirs.sql.gz",
    source_kind="script",
    source_sha256="00" * 32,
    status="unverified",
    dry_run=False,
    target="theirs",
    created_database=True,
    tables=(RestoredTable(schema="public", name="contacts", inserted=31_337),),
    statements=120,
    rows_sent=31_337,
    validation=RestoreValidation(
        performed=False,
        equal=False,
        tables_compared=0,
        constraints_validated=0,
        constraints_not_valid=0,
        sequences_compared=0,
        differences=(),
    ),
    warnings=("privileges of role shop, which is not there, are left out",),
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=31),
    duration_seconds=30.5,
)


async def test_its_result_is_never_called_equal() -> None:
    runner = StandIn([])
    app = PantryApp(
        make_config(), connect=runner.connect, attach=runner.attach, now=lambda: NOW, host="db1", area="backups"
    )
    async with driving(app) as driver:
        job = runner.start_job("foreign_restore", title="restore of /home/op/theirs.sql.gz into theirs")
        result = RESULT.to_builtins()
        await runner.tell(
            job, Finished(result=result, at=NOW), state="succeeded", finished_at=NOW.isoformat(), result=result
        )
        await driver.press("4", "enter")
        await driver.sees(
            "Restored, not verified", "theirs", "31,337 rows", "public.contacts", "privileges of role shop"
        )
        assert "equal" not in driver.text
