"""Exporting a backup on the screen: the form, the job, and what came of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pantry_tui.events import Finished
from pantry_tui.models import BackupExport, BackupFormat, BackupKind, ExportedTable, ExportRequest
from tests.tui.driver import driving
from tests.tui.stand_in import HOSTILE, SHOWN, StandIn, application, make_backup

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.fixture
def runner() -> StandIn:
    return StandIn([make_backup(1)])


async def test_a_backup_is_exported_by_a_job(runner: StandIn, tmp_path: Path) -> None:
    backup = runner.kept[0]
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("X")
        await driver.on("ExportBackup")
        assert driver.field("file") == str(Path.home() / f"{backup.id}.sql.gz")
        await driver.sees(f"backup export {backup.id} -o", "Reads the backup alone")
        await driver.fill("file", str(tmp_path / "some.sql.gz"))
        driver.app.screen.query_one("#format").focus()
        await driver.press("right")
        await driver.until(lambda: driver.field("file") == str(tmp_path / "some.zip"), "the ending follows the format")
        await driver.fill("recipients", RECIPIENT)
        await driver.until(
            lambda: driver.field("file").endswith("some.zip.age"), "the ending says that it is encrypted"
        )
        await driver.fill("tables", "public.users sales.*")
        await driver.sees("-f csv", "-t public.users", "'sales.*'", "rows alone")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, ExportRequest)
        assert (request.backup_id, request.output) == (backup.id, str(tmp_path / "some.zip.age"))
        assert (request.format, request.tables) == (BackupFormat.CSV, ("public.users", "sales.*"))
        assert request.recipients == (RECIPIENT,)

        done = BackupExport(
            backup_id=backup.id,
            path=f"/exports/{HOSTILE}.sql",
            format=BackupFormat.SQL,
            tables=1,
            rows=1000,
            bytes=2_000_000,
            raw_bytes=9_000_000,
            encrypted=False,
            table_list=(ExportedTable(schema="public", name="users", rows=1000),),
            left_out=("fk constraint public.users users_fkey (refers to table public.teams)",),
            warnings=("the file is not encrypted, though its backup is",),
            duration_seconds=2.0,
        ).to_builtins()
        await runner.tell(runner.known_jobs["job-001"], Finished(result=done), state="succeeded", result=done)
        await driver.sees(
            "1 table, 1,000 rows as sql, not encrypted", "though its backup is", "left out: fk constraint"
        )
        await driver.sees(SHOWN)


async def test_what_the_form_offers_depends_on_the_backup(runner: StandIn) -> None:
    runner.kept = [
        msgspec.structs.replace(make_backup(1), format=BackupFormat.JSON),
        msgspec.structs.replace(make_backup(2), kind=BackupKind.SCHEMA),
        msgspec.structs.replace(make_backup(3), encrypted=True),
    ]
    wanted = (
        ("[json]", ("sql", "csv"), ".json.gz"),
        ("[sql]", ("csv", "json"), ".sql.gz"),
        ("[sql]", ("json",), ".sql.gz"),
    )
    async with driving(application(runner)) as driver:
        await driver.sees("3 backups")
        for position, (taken, missing, ending) in enumerate(wanted):
            await driver.press("g", *["j"] * position, "X")
            await driver.on("ExportBackup")
            await driver.sees(taken)
            line = next(line for line in driver.lines if taken in line)
            assert not any(word in line for word in missing), line
            assert driver.field("file").endswith(ending)
            assert bool(driver.app.screen.query("#identity")) == runner.kept[position].encrypted
            if runner.kept[position].encrypted:
                await driver.sees("The backup is encrypted; the file will not be")
            await driver.press("escape")
            await driver.on("BackupsScreen")


async def test_without_a_name_nothing_is_written(runner: StandIn) -> None:
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.press("X")
        await driver.on("ExportBackup")
        await driver.fill("file", "")
        await driver.press("ctrl+o")
        await driver.sees("name the file to write")
        assert runner.submitted == []
