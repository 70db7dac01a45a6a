"""The recovery wizard on a real runner and a real server: damage done for real, judged by the rows that came back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pantry_tui.config import Config
from pantry_tui.models import BackupRequest, DatabaseTarget, WizardStep
from pantry_tui.runner.client import attach
from screens.application import PantryApp
from screens.wizard import WizardScreen
from tests.engine.runner.processes import RunnerProcess
from tests.servers import TestServer
from tests.tui.driver import Driver, driving

ALL = """SELECT (SELECT count(*) FROM organizations), (SELECT count(*) FROM contacts),
                (SELECT sum(hashtext(c::text)) FROM contacts c)"""


@pytest.fixture
async def backed_up(config: Config, runner: RunnerProcess, crm: DatabaseTarget) -> str:
    """The id of a backup of the whole database."""
    async with await attach(config) as client:
        request = BackupRequest(
            database=config.database_target("crm"), repository=config.repository_target(), name="daily"
        )
        job = await client.submit(request)
        async for _ in client.job_events(job.id):
            pass
        return (await client.job(job.id)).backup_id or ""


@asynccontextmanager
async def wizard(config: Config, *, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    """The wizard, opened as a person does."""
    async with driving(PantryApp(config, connect=attach), size=size) as driver:
        await driver.sees("checked")
        await driver.press("R")
        await driver.on("WizardScreen")
        yield driver


async def at(driver: Driver, step: WizardStep, question: str) -> None:
    """The wizard stands there."""

    def there() -> bool:
        screen = driver.app.screen
        course = screen._course if isinstance(screen, WizardScreen) else None
        return course is not None and course.is_begun and course.state.step is step and question in driver.text

    await driver.until(there, f"the wizard asks {question!r} in {step}")


async def pick(driver: Driver, words: str) -> None:
    """Puts the cursor on an answer and takes it."""
    for _ in range(12):
        options = driver.app.screen.query_one("#options")
        row = options.get_row_at(options.cursor_row)[0].plain  # type: ignore[attr-defined]
        if words in row:
            await driver.press("enter")
            return
        await driver.press("down")
    raise AssertionError(f"no answer says {words!r}:\n{driver.text}")


async def test_rows_that_were_deleted_come_back_in_a_few_keys(
    config: Config, backed_up: str, crm: DatabaseTarget, server: TestServer
) -> None:
    before = server.execute(crm, ALL)
    server.execute(crm, "DELETE FROM contacts WHERE id % 50 = 7")
    server.execute(crm, "INSERT INTO contacts VALUES (20001, 1, 'written since')")
    async with wizard(config) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await driver.press("enter")  # rows were deleted
        await at(driver, WizardStep.ASSESS, "Take an emergency backup first")
        await driver.press("enter")
        await at(driver, WizardStep.CHOOSE, "Which backup?")
        await driver.press("enter")  # it is read back first
        await at(driver, WizardStep.SCOPE, "1 table differ")
        await driver.sees("399 fewer now")
        await driver.press("enter")
        await at(driver, WizardStep.PLAN, "It can be done")
        await driver.sees("Nothing is lost")
        await driver.press("enter")
        await at(driver, WizardStep.REHEARSE, "Nothing has been changed")
        assert server.execute(crm, "SELECT count(*) FROM contacts") == [(19_601,)]
        await driver.press("enter")
        await at(driver, WizardStep.CONFIRM, "Type the name of the database")
        await driver.type("cmr")
        await driver.press("enter")
        await driver.sees("type crm to do it")
        await driver.fill("typed", "crm")
        await driver.press("enter")
        await at(driver, WizardStep.VERIFY, "Is it right?")
        await driver.press("enter")
        await at(driver, WizardStep.FINISH, "crm is back")
        assert server.execute(crm, "SELECT count(*) FROM contacts") == [(20_001,)]
        server.execute(crm, "DELETE FROM contacts WHERE id = 20001")
        assert server.execute(crm, ALL) == before
        await driver.press("enter")  # keep it
        await driver.on("HealthScreen")
    async with await attach(config) as client:
        assert await client.wizard() is None
        assert {each.name for each in await client.backups(config.repository_target())} == {"daily", "emergency"}


async def test_a_dropped_table_comes_back_and_is_taken_back_by_one_answer(
    config: Config, backed_up: str, crm: DatabaseTarget, server: TestServer
) -> None:
    before = server.execute(crm, ALL)
    server.execute(crm, "DROP TABLE contacts")
    async with wizard(config, size=(120, 40)) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await pick(driver, "A table is gone")
        await at(driver, WizardStep.ASSESS, "What is left")
        await pick(driver, "Go on without")
        await at(driver, WizardStep.CHOOSE, "Which backup?")
        await driver.press("enter")
        await at(driver, WizardStep.SCOPE, "is not there")
        await driver.press("enter")
        await at(driver, WizardStep.PLAN, "It can be done")
        await pick(driver, "without a rehearsal")
        await at(driver, WizardStep.CONFIRM, "Type the name")
        await driver.fill("typed", "crm")
        await driver.press("enter")
        await at(driver, WizardStep.VERIFY, "Is it right?")
        assert server.execute(crm, ALL) == before
        await driver.press("enter")
        await at(driver, WizardStep.FINISH, "What now?")
        await pick(driver, "Take it back")
        await driver.sees("The recovery was taken back")
        assert server.execute(crm, "SELECT to_regclass('contacts')") == [(None,)]


async def test_the_whole_database_is_exchanged_and_the_old_one_kept(
    config: Config, backed_up: str, crm: DatabaseTarget, server: TestServer
) -> None:
    before = server.execute(crm, ALL)
    server.execute(crm, "UPDATE contacts SET name = 'overwritten'")
    async with wizard(config) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await pick(driver, "A migration went wrong")
        await at(driver, WizardStep.ASSESS, "Stop the application")
        await pick(driver, "Go on without")
        await at(driver, WizardStep.CHOOSE, "Which backup?")
        await driver.press("enter")
        await at(driver, WizardStep.SCOPE, "Where to?")
        await driver.press("enter")
        await at(driver, WizardStep.PLAN, "This is what it would do")
        await driver.sees("You would lose what was written")
        await pick(driver, "without a rehearsal")
        await at(driver, WizardStep.CONFIRM, "is kept under another name")
        await driver.fill("typed", "crm")
        await driver.press("enter")
        await at(driver, WizardStep.VERIFY, "2 tables compared: equal")
        assert server.execute(crm, ALL) == before
        await driver.press("enter")
        await at(driver, WizardStep.FINISH, "Let go of the way back")
        await pick(driver, "Let go of the way back")
        await driver.sees("The way back is gone")


async def test_it_comes_back_where_it_stood(config: Config, backed_up: str) -> None:
    async with wizard(config) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await pick(driver, "A migration went wrong")
        await at(driver, WizardStep.ASSESS, "What is left")
        await pick(driver, "Go on without")
        await at(driver, WizardStep.CHOOSE, "Which backup?")
    async with driving(PantryApp(config, connect=attach)) as driver:  # the first one was killed
        await driver.sees("A recovery of crm is under way, at the step choose")
        await driver.press("R")
        await driver.on("WizardScreen")
        await at(driver, WizardStep.CHOOSE, "Which backup?")
        await driver.sees("It goes on where it stood")
        await driver.press("escape")
        await at(driver, WizardStep.ASSESS, "What is left")
        await driver.press("escape")
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await driver.press("escape")
        await driver.on("HealthScreen")


async def test_two_people_and_one_drives(config: Config, backed_up: str) -> None:
    async with wizard(config) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await pick(driver, "A migration went wrong")
        await at(driver, WizardStep.ASSESS, "What is left")
        async with await attach(config) as client:
            state = await client.wizard()
            assert state is not None
            await client.put_wizard(state)  # somebody else goes on
        await pick(driver, "Go on without")
        await driver.sees("somebody else has gone on with this recovery")
        await driver.press("r")
        await pick(driver, "Go on without")
        await at(driver, WizardStep.CHOOSE, "Which backup?")


async def test_ending_it_asks_and_leaves_nothing_of_it(config: Config, backed_up: str) -> None:
    async with wizard(config) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await driver.press("enter")
        await at(driver, WizardStep.ASSESS, "What is left")
        await driver.press("D")
        await driver.on("Confirm")
        await driver.press("ctrl+o")
        await driver.on("HealthScreen")
        await driver.until(lambda: driver.app.known.wizard is None, "it is over")


async def test_without_a_backup_it_says_so(config: Config, runner: RunnerProcess, crm: DatabaseTarget) -> None:
    async with wizard(config) as driver:
        await at(driver, WizardStep.HAPPENED, "What happened?")
        await pick(driver, "A migration went wrong")
        await at(driver, WizardStep.ASSESS, "What is left")
        await pick(driver, "Go on without")
        await at(driver, WizardStep.CHOOSE, "There is no backup of crm in the configured repositories")
