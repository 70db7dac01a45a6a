"""Forms and questions about backups: what they ask, refuse and request."""

from __future__ import annotations

import msgspec
import pytest
from textual.events import Key

from pantry_tui.errors import RefusedError, UsageError
from pantry_tui.models import (
    BackupKind,
    BackupRequest,
    BackupSelection,
    BackupSummary,
    Compression,
    ForeignRestoreRequest,
    RestoreRequest,
    ValidateRequest,
)
from tests.tui.driver import driving
from tests.tui.stand_in import NOW, StandIn, application, make_backup


async def test_what_a_backup_is_to_hold_can_be_chosen() -> None:
    runner = StandIn([])
    async with driving(application(runner)) as driver:
        await driver.press("B")
        await driver.on("NewBackup")
        for field, text in (("tables", "sales.* crm"), ("exclude", 'sales."Log"')):
            driver.app.screen.query_one(f"#{field}").focus()
            await driver.type(text)
        driver.app.screen.query_one("#kind").focus()
        await driver.press("right", "space", "right", "left")
        driver.app.screen.query_one("#compression").focus()
        await driver.press("left")
        await driver.sees(
            "incremental  [schema]", "zstd  [none]", "--kind schema", "-t 'sales.*' -t crm -T 'sales.\"Log\"'"
        )
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, BackupRequest)
        assert (request.kind, request.compression) == (BackupKind.SCHEMA, Compression.NONE)
        assert request.selection == BackupSelection(tables=("sales.*", "crm"), exclude_tables=('sales."Log"',))


async def test_forms_make_the_request_that_they_show(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.fill("database", "billing")
        await driver.fill("name", "")
        await driver.press("ctrl+o")
        await driver.sees("give the backup a name")
        await driver.fill("name", "before upgrade")
        await driver.fill("jobs", "0")
        await driver.press("ctrl+o")
        await driver.sees("at least one process")
        await driver.fill("jobs", "3")
        await driver.press("tab", "space")
        await driver.sees("-n 'before upgrade' -d billing --jobs 3")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        request = runner.submitted[0]
        assert isinstance(request, BackupRequest)
        assert (request.name, request.database.name, request.jobs, request.fingerprints) == (
            "before upgrade",
            "billing",
            3,
            False,
        )
        await driver.press("escape", "V")
        await driver.on("JobScreen")
        assert isinstance(runner.submitted[1], ValidateRequest)
        assert runner.submitted[1].backup_id == backups[0].id


async def test_a_restore_goes_to_the_server_of_the_backup(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("R")
        await driver.on("RestoreBackup")
        await driver.press("tab", "space")
        await driver.press("ctrl+o")
        await driver.sees("! choose at least one table")
        await driver.press("tab", "enter", "j", "j", "space")
        await driver.sees("-t public.contacts -t", "public.organizations", "chosen: 2 of 7")
        await driver.press("space")
        await driver.sees("chosen: 1 of 7")
        await driver.press("k", "k", "space")
        await driver.sees("-t TABLE", "choose at least one table", "chosen: 0 of 7")
        await driver.press("space", "j", "j", "space")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        request = runner.submitted[0]
        assert isinstance(request, RestoreRequest)
        assert request.tables == ("public.contacts", "public.organizations")
        assert (request.target.name, "host='db1'" in request.target.conninfo) == ("crm_restored", True)


async def test_a_dump_of_others_is_restored_whole_and_as_a_dump(backups: list[BackupSummary]) -> None:
    dump = msgspec.structs.replace(backups[0], kind=BackupKind.FOREIGN)
    runner = StandIn([dump, *backups[1:]])
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("R")
        await driver.on("RestoreBackup")
        await driver.press("tab", "space", "tab", "enter", "ctrl+o")
        await driver.sees("! a dump that others made is restored whole")
        await driver.press("shift+tab", "space", "ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, ForeignRestoreRequest)
        assert (request.backup_id, request.path, request.target.name) == (dump.id, None, "crm_restored")


async def test_a_restore_to_an_address_goes_to_that_server(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        for typed in ("postgresql://admin:s3cret-canary@standby/crm2", "host=standby user=admin dbname=crm2"):
            await driver.press("R")
            await driver.on("RestoreBackup")
            await driver.fill("target", typed)
            assert "-d crm" not in driver.text
            await driver.sees("The password goes by PGPASSWORD" if "canary" in typed else "--target")
            assert "'postgresql://admin:***@standby/crm2'" in driver.text or "canary" not in typed
            await driver.press("ctrl+o")
            await driver.on("JobScreen")
            assert "canary" not in driver.text
            request = runner.submitted[-1]
            assert isinstance(request, RestoreRequest)
            assert request.target.name == "crm2"
            assert "standby" in request.target.conninfo
            assert "canary" not in request.target.conninfo
            await driver.press("escape")
        assert isinstance(runner.submitted[0], RestoreRequest)
        assert runner.submitted[0].target.environment["PGPASSWORD"] == "s3cret-canary"


async def test_an_address_that_names_no_database_is_refused_in_the_form(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("R")
        await driver.on("RestoreBackup")
        for typed in ("postgresql://standby", "mysql://standby/crm", "template1", "host=standby"):
            await driver.fill("target", typed)
            await driver.press("ctrl+o")
            await driver.until(lambda: "! " in driver.text, f"{typed} is refused")
        assert runner.submitted == []


async def test_the_password_of_a_database_to_back_up_is_not_shown(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.fill("database", "postgresql://admin:s3cret-canary@standby/crm2")
        await driver.sees("'postgresql://admin:***@standby/crm2'", "The password goes by PGPASSWORD")


async def test_what_is_typed_ahead_after_tab_goes_into_the_next_field(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        for key in ("x", "tab", "y"):
            driver.app.post_message(Key(key, key if len(key) == 1 else None))
        await driver.until(lambda: driver.field("name") == "y", "the second field has its letter")
        assert driver.field("database") == "x"


@pytest.mark.parametrize("name", ["", " "])
async def test_a_backup_without_a_name_is_deleted_by_its_id(name: str) -> None:
    runner = StandIn([make_backup(1, name=name)])
    backup_id = runner.kept[0].id
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("D")
        await driver.on("DeleteBackup")
        await driver.sees("Type the backup's id to go on")
        assert driver.hint("typed") == "type the id"
        await driver.press("enter")
        await driver.sees(f"type {backup_id} to delete it")
        assert len(runner.kept) == 1
        await driver.fill("typed", backup_id)
        await driver.press("enter")
        await driver.until(lambda: not runner.kept, "it is deleted")


async def test_the_answer_does_not_stand_in_the_field_already(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("D")
        await driver.on("DeleteBackup")
        assert driver.hint("typed") == "type the name"


async def test_a_refused_deletion_needs_an_explicit_force(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("D")
        await driver.on("DeleteBackup")
        await driver.sees("This removes 118.6 MiB", "3 other whole backups stay, none of them proven")
        runner.refusal = RefusedError("it is the last valid backup of crm", remedy="take another one first")
        await driver.type("daily")
        await driver.press("enter")
        await driver.sees("it is the last valid backup of crm", "take another one first", "[ ] delete it all the same")
        assert len(runner.kept) == 5
        await driver.press("tab", "space", "ctrl+o")
        await driver.on("BackupsScreen")
        await driver.until(lambda: len(runner.kept) == 4, "it is deleted")


async def test_what_stays_is_what_the_database_can_be_made_whole_from(backups: list[BackupSummary]) -> None:
    schema = msgspec.structs.replace(backups[1], kind=BackupKind.SCHEMA)
    part = msgspec.structs.replace(backups[2], partial=True, proven_at=NOW)
    async with driving(application(StandIn([backups[0], schema, part]))) as driver:
        await driver.sees("3 backups")
        await driver.press("D")
        await driver.on("DeleteBackup")
        await driver.sees("No other whole backup of crm is there")


async def test_a_pinned_backup_says_so_before_its_name_is_typed(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn([msgspec.structs.replace(backups[0], pinned=True)]))) as driver:
        await driver.sees("1 backup")
        await driver.press("D")
        await driver.on("DeleteBackup")
        await driver.sees("It is pinned", "P in the list takes the pin out", "Delete", "Cancel", "pantry-tui backup")


async def test_a_backup_is_pinned_and_labelled() -> None:
    runner = StandIn([make_backup()])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("P")
        await driver.sees("◆ daily", "◆ pinned")
        await driver.press("L")
        await driver.on("LabelBackup")
        await driver.type("before [b]2.4")
        await driver.sees("backup label", "'before [b]2.4'")
        runner.refusal = UsageError("the label of a backup has 201 characters", remedy="use at most 200 of them")
        await driver.press("enter")
        await driver.sees("the label of a backup has 201 characters")
        runner.refusal = None
        await driver.press("enter")
        await driver.on("BackupsScreen")
        await driver.sees("◆ pinned   before [b]2.4")
        await driver.press("P")
        await driver.until(lambda: "◆" not in driver.text, "the pin is gone")
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("label", "before [b]2.4")
        runner.refusal = RefusedError("the repository is read-only")
        await driver.press("P")
        await driver.sees("the repository is read-only")
