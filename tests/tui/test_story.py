"""The main story on a real runner and a real server: back up, look, validate, restore elsewhere, delete."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

from pantry_tui.config import Config
from pantry_tui.config.targets import connection_parameters
from pantry_tui.models import DatabaseTarget
from pantry_tui.runner.client import attach, attach_or_start
from screens.application import PantryApp
from tests.engine.runner.processes import RunnerProcess, eventually, marked_processes
from tests.servers import TestServer
from tests.tui.driver import Driver, driving


async def take_backup(driver: Driver, name: str) -> None:
    await driver.press("B")
    await driver.on("NewBackup")
    await driver.fill("name", name)
    await driver.sees(f"pantry-tui backup create -n {name} -d crm")
    await driver.press("enter")
    await driver.on("JobScreen")
    await driver.sees("succeeded", "2 tables, 20,050 rows")


async def test_a_backup_is_taken_proven_and_deleted(
    config: Config, runner: RunnerProcess, crm: DatabaseTarget, server: TestServer
) -> None:
    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("There is no backup yet", "B takes the first one", "idle", "safe to close")

        await take_backup(driver, "daily")
        await driver.sees("public.contacts", "20,000", "done", "This job is over")
        await driver.press("escape")
        await driver.on("BackupsScreen")
        await driver.sees("1 backup", "daily", "crm", "full sql", "unchecked")

        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("public.contacts", "public.organizations", "20,000", "unchecked")
        await driver.press("escape")

        await driver.press("V")
        await driver.on("JobScreen")
        await driver.sees("succeeded", "valid", "20,050 rows of 2 tables counted")
        await driver.press("escape")
        await driver.sees("✓ valid")

        restored = server.drop_after_test(f"{crm.name}_restored")
        await driver.press("R")
        await driver.on("RestoreBackup")
        await driver.fill("target", restored.name)
        await driver.sees("pantry-tui recovery execute", f"--target {restored.name}")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.sees("✓ equal: 2 tables compared", "equal: content fingerprint")
        assert server.execute(restored, "SELECT count(*) FROM contacts") == [(20_000,)]
        await driver.press("escape")
        await driver.sees("✓ proven")

        await driver.press("4")
        await driver.on("JobsScreen")
        await driver.sees("0 running, 0 queued, 3 past", "succeeded")
        await driver.press("2")

        await delete_the_last(driver)


async def delete_the_last(driver: Driver) -> None:
    await driver.press("D")
    await driver.on("DeleteBackup")
    await driver.sees("It is the only backup of crm", "This cannot be undone")
    await driver.press("enter")
    await driver.sees("type daily to delete it")
    await driver.type("daily")
    await driver.press("enter")
    await driver.sees("--force; written to the audit trail")
    assert len(driver.app.known.backups or ()) == 1
    await driver.press("tab", "space")
    await driver.sees("--force")
    await driver.fill("typed", "daily")
    await driver.press("enter")
    await driver.on("BackupsScreen")
    await driver.sees("There is no backup yet")


async def test_some_tables_are_restored(
    config: Config, runner: RunnerProcess, crm: DatabaseTarget, server: TestServer
) -> None:
    restored = server.drop_after_test(f"{crm.name}_some")
    async with driving(PantryApp(config, connect=attach, area="backups"), size=(200, 50)) as driver:
        await driver.sees("There is no backup yet")
        await take_backup(driver, "daily")
        await driver.press("escape", "R")
        await driver.on("RestoreBackup")
        await driver.fill("target", restored.name)
        await driver.press("tab", "space", "tab")
        await driver.sees("public.organizations")
        await driver.press("j", "space")
        await driver.sees("-t public.organizations")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        await driver.sees("✓ equal: 1 table compared")
        assert server.execute(restored, "SELECT count(*) FROM organizations") == [(50,)]


async def test_a_backup_is_looked_into_and_compared_with_its_database(
    config: Config, runner: RunnerProcess, crm: DatabaseTarget, server: TestServer
) -> None:
    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("There is no backup yet")
        await take_backup(driver, "daily")
        await driver.press("escape", "enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees("public.contacts")
        await driver.press("enter")
        await driver.on("BackupRowsScreen")
        await driver.sees("rows 1 to 100 of 20,000", "contact 1")
        await driver.press("G", "l")
        await driver.sees("rows 19,901 to 20,000 of 20,000", "organization   row 20,000, column 2 of 3")
        await driver.press("escape")
        await driver.on("BackupDetailsScreen")

        server.execute(crm, "DELETE FROM contacts WHERE id = 1")
        await driver.press("d")
        await driver.on("CompareBackup")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.sees("1 table equal, 1 differs", "rows differ", "20,000", "19,999", "This job is over")


async def test_an_existing_database_is_not_touched(config: Config, runner: RunnerProcess, crm: DatabaseTarget) -> None:
    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("There is no backup yet")
        await take_backup(driver, "daily")
        await driver.press("escape", "R")
        await driver.on("RestoreBackup")
        await driver.fill("target", "crm")
        await driver.press("enter")
        await driver.sees("crm is a database of yours")
        await driver.fill("target", crm.name)
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.sees("failed", "What to do")


async def test_a_job_goes_on_while_the_screen_is_away(
    config: Config, runner: RunnerProcess, crm: DatabaseTarget, server: TestServer
) -> None:
    blocking = server.connect(crm, autocommit=False)
    blocking.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("There is no backup yet")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        await driver.sees("You can close this terminal: the job goes on.", "1 running")
    blocking.rollback()

    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("1 backup", "manual")


async def test_a_job_is_cancelled_after_a_question(
    config: Config, runner: RunnerProcess, crm: DatabaseTarget, server: TestServer
) -> None:
    blocking = server.connect(crm, autocommit=False)
    blocking.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("There is no backup yet")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        await driver.sees("● running")
        await driver.press("C")
        await driver.on("Confirm")
        await driver.sees("Cancel this job?", "Let it go on")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.sees("● running")
        await driver.press("C")
        await driver.on("Confirm")
        await driver.press("tab", "enter")
        await driver.on("JobScreen")
        await driver.sees("cancelled")
    blocking.rollback()


async def test_a_backup_is_restored_to_an_address(
    config: Config, runner: RunnerProcess, crm: DatabaseTarget, server: TestServer
) -> None:
    restored = server.drop_after_test(f"{crm.name}_elsewhere")
    parameters = connection_parameters(restored.conninfo, key="the test's database")
    names = {key: quote(parameters[key], safe="") for key in ("user", "host", "port", "dbname")}
    address = "postgresql://{user}:s3cret-canary@/{dbname}?host={host}&port={port}".format(**names)
    async with driving(PantryApp(config, connect=attach, area="backups")) as driver:
        await driver.sees("There is no backup yet")
        await take_backup(driver, "daily")
        await driver.press("escape", "R")
        await driver.on("RestoreBackup")
        await driver.fill("target", address)
        await driver.sees("***", "The password goes by PGPASSWORD")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        await driver.sees("✓ equal: 2 tables compared", f"into {restored.name}")
        assert server.execute(restored, "SELECT count(*) FROM contacts") == [(20_000,)]
    written = [file for file in Path(config.data_directory).rglob("*") if file.is_file()]
    assert written
    assert not [file for file in written if b"s3cret-canary" in file.read_bytes()]


async def test_a_runner_that_was_stopped_stays_so_until_r_is_pressed(config: Config, mark: str) -> None:
    async with driving(PantryApp(config, connect=attach_or_start, attach=attach, area="backups")) as driver:
        await driver.sees("idle")
        async with await attach(config) as client:
            await client.stop()
        await driver.sees("runner stopped", "press r to start it")
        await asyncio.to_thread(eventually, lambda: not marked_processes(mark), "the end of the runner")
        await driver.press("r")
        await driver.sees("idle")
        async with await attach(config) as client:
            await client.stop()
        await driver.sees("runner stopped")
