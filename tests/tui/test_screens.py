"""The screens in states that a real runner shows only for a moment, or never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual.events import Key

from pantry_tui.errors import BackupDamagedError, RefusedError, RunnerError, UsageError
from pantry_tui.events import Failed, Finished, Logged, PhaseStarted, Progress, TableProgress, Warned
from pantry_tui.models import (
    BackupKind,
    BackupRequest,
    BackupSelection,
    BackupSummary,
    Compression,
    Failure,
    JobState,
    RestoreRequest,
    ValidateRequest,
)
from screens.application import PantryApp
from screens.command import BACKUPS, DETAILS, JOB, JOBS, TABLE
from screens.commands import commands_of
from screens.terminal import TerminalTraits
from tests.tui.driver import driving
from tests.tui.stand_in import NOW, StandIn, make_backup, make_config

HOSTILE = "db[/b][red]\x1b[31m\x1b]52;c;eA==\x07\u202ex\u200b'; DROP\n--"
SHOWN = r"db[/b][red]\x1b[31m"


def application(
    runner: StandIn, *, traits: TerminalTraits | None = None, databases: tuple[str, ...] = ("crm", "billing")
) -> PantryApp:
    config = make_config(databases=databases)
    return PantryApp(
        config, connect=runner.connect, attach=runner.attach, now=lambda: NOW, host="db1.example.org", traits=traits
    )


@pytest.fixture
def backups() -> list[BackupSummary]:
    """Five backups of two databases."""
    return [
        make_backup(1, valid=True, proven=True, ago=timedelta(minutes=31)),
        make_backup(2, valid=True),
        make_backup(3, ago=timedelta(days=1)),
        make_backup(4, name="before-migration", database="billing", ago=timedelta(days=40), valid=False),
        make_backup(5, name="yearly", ago=timedelta(days=400)),
    ]


async def test_the_list_says_what_each_backup_is_worth(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups, newest 31 minutes ago")

        assert driver.rows[0] == ["daily", "crm", "full sql", "31 minutes", "118.6 MiB", "1.2 M", "✓ proven"]
        assert [row[-1] for row in driver.rows[1:4]] == ["✓ valid", "· unchecked", "✗ damaged"]
        assert backups[0].id in driver.text


async def test_with_room_the_details_stand_beside_the_list(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups)), size=(200, 50)) as driver:
        await driver.sees(
            "restored equal", "sha256", "archive.dump", "system identifier", "sequence public.orders_id_seq"
        )
        assert len(driver.rows[0]) == 8
        await driver.resize(140, 40)
        await driver.until(lambda: len(driver.rows[0]) == 9, "the id has a column")
        assert driver.rows[0][-1] == backups[0].id


async def test_the_filter_keeps_what_contains_the_words(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("slash")
        await driver.type("bill")
        await driver.sees("1 of 5 shown")
        assert [row[0] for row in driver.rows] == ["before-migration"]
        await driver.press("home")
        await driver.type("!")
        await driver.sees("4 of 5 shown")
        await driver.press("enter", "j")
        assert driver.app.screen.query_one("#list").has_focus
        await driver.press("escape")
        await driver.until(lambda: len(driver.rows) == 5, "all are shown again")
        await driver.press("slash")
        await driver.type("nothing")
        await driver.sees("Nothing here contains nothing", "esc shows all again")


async def test_the_list_is_sorted_by_the_next_column_and_back(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("Age ▼")
        await driver.press("s")
        await driver.sees("Size ▼")
        assert driver.rows[0][4] == "122.5 MiB"
        await driver.press("o")
        await driver.sees("Size ▲")
        assert driver.rows[0][4] == "118.6 MiB"


async def test_keys_move_as_in_other_programs(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        for keys, line in (("j", 1), ("G", 4), ("k", 3), ("g", 0), ("ctrl+d", 4), ("ctrl+u", 0)):
            await driver.press(keys)
            assert driver.app.screen.query_one("#list").cursor_row == line, keys  # type: ignore[attr-defined]


async def test_pausing_holds_the_list_still(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups[:1])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("space")
        await driver.sees("paused")
        runner.kept = backups
        driver.app.reload()
        await driver.until(lambda: len(driver.app.known.backups or ()) == 5, "the list was read again")
        await driver.pilot.pause()
        assert len(driver.rows) == 1
        await driver.sees("Backups   paused, space goes on  ·  1 backup, newest 31 minutes ago")
        await driver.press("space")
        await driver.until(lambda: len(driver.rows) == 5, "the list follows again")
        assert "paused" not in driver.text


async def test_what_is_done_here_is_seen_in_a_list_that_was_paused(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups[:1])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        await driver.press("space")
        await driver.sees("paused")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        runner.kept = backups
        done = backups[0].to_builtins()
        await runner.tell(runner.known_jobs["job-001"], Finished(result=done), state="succeeded", result=done)
        await driver.sees("✓ succeeded")
        await driver.press("escape")
        await driver.until(lambda: len(driver.rows) == 5, "the list follows again")
        assert "paused" not in driver.text


async def test_what_a_backup_is_to_hold_can_be_chosen() -> None:
    runner = StandIn([])
    async with driving(application(runner)) as driver:
        await driver.press("B")
        await driver.on("NewBackup")
        for field, text in (("tables", "sales.* crm"), ("exclude", 'sales."Log"')):
            driver.app.screen.query_one(f"#{field}").focus()
            await driver.type(text)
        driver.app.screen.query_one("#kind").focus()
        await driver.press("right", "space", "left")
        driver.app.screen.query_one("#compression").focus()
        await driver.press("left")
        await driver.sees("full  [schema]", "zstd  [none]", "--kind schema", "-t 'sales.*' -t crm -T 'sales.\"Log\"'")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        [request] = runner.submitted
        assert isinstance(request, BackupRequest)
        assert (request.kind, request.compression) == (BackupKind.SCHEMA, Compression.NONE)
        assert request.selection == BackupSelection(tables=("sales.*", "crm"), exclude_tables=('sales."Log"',))


async def test_hostile_names_are_shown_and_do_nothing() -> None:
    backup = make_backup(1, name=HOSTILE, database=HOSTILE)
    runner = StandIn([backup])
    async with driving(application(runner, databases=("crm",)), size=(200, 50)) as driver:
        await driver.sees(SHOWN)
        await driver.press("enter")
        await driver.on("BackupDetailsScreen")
        await driver.sees(SHOWN, "public.contacts")
        for key, screen in (("R", "RestoreBackup"), ("D", "DeleteBackup")):
            await driver.press(key)
            await driver.on(screen)
            await driver.sees(SHOWN)
            await driver.press("escape")
        job = runner.start_job("backup", title=f"backup of {HOSTILE}")
        failure = Failure.of(BackupDamagedError(f"{HOSTILE} is bad", remedy=f"look at {HOSTILE}", detail=HOSTILE))
        await runner.tell(
            job,
            PhaseStarted(phase="rows", title=HOSTILE),
            TableProgress(table=HOSTILE, rows=1, raw_bytes=1, share=0.5),
            Warned(message=HOSTILE),
            Logged(message=HOSTILE),
            Failed(failure=failure),
            state="failed",
            failure=failure.to_builtins(),
        )
        await driver.press("2")
        await driver.on("JobsScreen")
        await driver.sees(f"backup of {SHOWN}")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.sees(f"{SHOWN}", "is bad", "What to do")
        assert not any(ord(character) < 32 for line in driver.lines for character in line)
        assert "\u202e" not in driver.text


async def test_too_small_a_terminal_says_what_it_needs_and_comes_back(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.resize(60, 20)
        await driver.on("TooSmall")
        await driver.sees("This terminal is 60x20", "needs 80x24")
        await driver.press("2", "escape", "colon")
        await driver.on("TooSmall")
        await driver.resize(40, 10)
        await driver.sees("40x10")
        await driver.resize(100, 30)
        await driver.on("NewBackup")


async def test_a_terminal_that_is_too_small_from_the_start(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups)), size=(79, 24)) as driver:
        await driver.on("TooSmall")
        await driver.resize(80, 24)
        await driver.on("BackupsScreen")
        await driver.sees("5 backups")


async def test_a_runner_that_goes_is_said_and_found_again(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("runner idle", "5 backups")
        runner.vanish()
        await driver.sees("runner stopped", "press r to start it")
        runner.reachable = True
        await driver.sees("runner idle")
        assert runner.starts == 0


async def test_a_runner_that_was_stopped_is_started_by_a_person_only(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    runner.reachable = False
    async with driving(application(runner)) as driver:
        await driver.sees("runner idle", "5 backups")
        assert runner.starts == 1
        runner.vanish()
        await driver.sees("runner stopped", "press r to start it")
        for _ in range(3):
            attempts = runner.attempts
            await driver.until(lambda attempts=attempts: runner.attempts > attempts, "it looks for a runner")  # type: ignore[misc]
        assert runner.starts == 1
        await driver.press("r")
        await driver.sees("runner idle")
        assert runner.starts == 2
        runner.vanish()
        await driver.sees("runner stopped")
        await driver.press("V")
        await driver.on("JobScreen")
        await driver.sees("1 running")
        assert (runner.starts, len(runner.submitted)) == (3, 1)


async def test_a_runner_that_cannot_be_started_is_explained(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("runner idle", "5 backups")
        runner.startable = False
        runner.vanish()
        await driver.sees("runner stopped")
        for key, words in (("r", "The runner was not started"), ("V", "The job was not started")):
            await driver.press(key)
            await driver.on("Explain")
            await driver.sees(words, "no runner answers")
            await driver.press("escape")
        assert runner.submitted == []


async def test_a_runner_that_never_came_is_said(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    runner.reachable = runner.startable = False
    async with driving(application(runner)) as driver:
        await driver.sees("No runner answers. Press r to start it", "pantry-tui runner start")
        runner.reachable = True
        await driver.sees("5 backups")


async def test_backups_that_cannot_be_read_are_said() -> None:
    runner = StandIn()
    runner.refusal = RunnerError("/var/backups/pantry cannot be read", remedy="mount it")
    async with driving(application(runner)) as driver:
        await driver.sees("The backups could not be read", "/var/backups/pantry cannot be read", "mount it")
        runner.refusal = None
        runner.kept = [make_backup()]
        await driver.press("r")
        await driver.sees("1 backup, newest")
        runner.refusal = RunnerError("/var/backups/pantry cannot be read")
        await driver.press("r")
        await driver.sees("1 backup, newest", "could not be read again")


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
        await driver.sees("This removes 118.6 MiB", "3 other backups stay, none of them proven")
        runner.refusal = RefusedError("it is the last valid backup of crm", remedy="take another one first")
        await driver.type("daily")
        await driver.press("enter")
        await driver.sees("it is the last valid backup of crm", "take another one first", "[ ] delete it all the same")
        assert len(runner.kept) == 5
        await driver.press("tab", "space", "ctrl+o")
        await driver.on("BackupsScreen")
        await driver.until(lambda: len(runner.kept) == 4, "it is deleted")


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


@pytest.mark.parametrize(("plain", "sign"), [(False, "…"), (True, "~")])
async def test_what_is_cut_says_so_and_a_job_keeps_its_target(plain: bool, sign: str) -> None:
    runner = StandIn([make_backup(each, name="a-backup-with-a-long-name") for each in range(1, 19)])
    runner.start_job("restore", title="restore of 20261123T085900Z-daily-0001 into crm_restored")
    async with driving(application(runner, traits=TerminalTraits(plain=plain))) as driver:
        await driver.sees("18 backups", f"{sign}  crm")
        await driver.press("slash")
        await driver.type("crm")
        await driver.sees("18 of 18 shown")
        lines = [line for line in driver.lines if f"{sign}  crm" in line]
        assert lines
        assert all("unchecked" in line for line in lines), driver.text
        await driver.press("escape", "2")
        await driver.on("JobsScreen")
        await driver.sees("restore of 20", f"{sign}", "crm_restored", "running")
        await driver.resize(120, 30)
        await driver.sees(f"restore of 20261123T08{sign}-0001 into crm_restored")


async def test_a_job_that_is_over_does_not_offer_to_be_cancelled() -> None:
    runner = StandIn([make_backup()])
    job = runner.start_job("backup", title="backup of crm into local")
    async with driving(application(runner)) as driver:
        await driver.sees("1 running")
        await driver.press("2", "enter")
        await driver.on("JobScreen")
        await driver.sees("C Cancel job")
        await runner.tell(job, Failed(failure=Failure.of(RunnerError("it broke"))), state="failed")
        await driver.sees("✗ failed")
        await driver.until(lambda: "Cancel job" not in driver.text, "it is not offered any more")


async def test_progress_is_shown_per_table_with_time_left() -> None:
    runner = StandIn()
    async with driving(application(runner)) as driver:
        await driver.sees("There is no backup yet")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.press("ctrl+o")
        await driver.on("JobScreen")
        job = runner.known_jobs["job-001"]
        await runner.tell(
            job,
            PhaseStarted(phase="rows", title="copying rows"),
            TableProgress(table="public.contacts", rows=123_456, raw_bytes=34_000_000, share=0.4),
            TableProgress(table="public.users", rows=1_200, raw_bytes=340_000, share=1, done=True),
            Logged(message="locked 41 tables in 0.2 s"),
            Progress(share=0.42, bytes_per_second=38e6, seconds_left=21),
        )
        await driver.sees(
            "copying rows", "42%", "36.2 MiB/s", "about 21 s left", "123,456", "✓ done", "locked 41 tables"
        )
        await driver.sees("You can close this terminal: the job goes on.")
        runner.vanish()
        await driver.sees("No runner is attached: r starts it", "123,456")
        runner.reachable = True
        await driver.sees("You can close this terminal: the job goes on.")
        done = make_backup(7)
        await runner.tell(job, Finished(result=done.to_builtins()), state="succeeded", result=done.to_builtins())
        await driver.sees("✓ succeeded", done.id, "505.4 MiB")


async def test_a_job_that_fails_elsewhere_is_announced_and_explained() -> None:
    runner = StandIn([make_backup()])
    async with driving(application(runner)) as driver:
        await driver.sees("1 backup")
        job = runner.start_job("backup", title="backup of crm into local")
        await driver.sees("1 running")
        failure = Failure.of(
            BackupDamagedError("segment 12 is not what was written", remedy="use another", detail="5f")
        )
        await runner.tell(job, Failed(failure=failure), state="failed", failure=failure.to_builtins())
        await driver.until(lambda: "backup of crm into local" in driver.notices, "a notice says so")
        await driver.press("2", "enter")
        await driver.on("JobScreen")
        await driver.sees("✗ failed", "segment 12 is not what was written", "use another", "5f")


async def test_what_is_copied_is_sent_without_a_claim(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("y")
        assert driver.app.clipboard == backups[0].id
        await driver.press("c")
        assert driver.app.clipboard == f"pantry-tui backup show {backups[0].id}"
        assert all("not every terminal takes it" in notice.title for notice in driver.app._notifications)


async def test_palette_line_and_help_come_from_the_table(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups")
        await driver.press("ctrl+p")
        await driver.on("Palette")
        await driver.type("validate")
        await driver.press("enter")
        await driver.on("JobScreen")
        await driver.press("colon")
        await driver.on("Palette")
        await driver.type("jobs")
        await driver.press("enter")
        await driver.on("JobsScreen")
        await driver.press("colon")
        await driver.type("cancel")
        await driver.press("enter")
        await driver.on("Confirm")
        await driver.press("escape", "question_mark")
        await driver.on("Help")
        await driver.sees("Keys: Jobs", "pantry-tui job show JOB")
        await driver.press("escape")
        await driver.press("1")
        await driver.on("BackupsScreen")


async def test_the_reason_is_said_when_something_cannot_be_done() -> None:
    async with driving(application(StandIn())) as driver:
        await driver.sees("There is no backup yet")
        await driver.press("R")
        assert driver.notices == ["Restore: no backup is selected; B takes one"]


PLACES = {
    BACKUPS: ("backups", False, "BackupsScreen"),
    DETAILS: ("backups", True, "BackupDetailsScreen"),
    JOBS: ("jobs", False, "JobsScreen"),
    JOB: ("jobs", True, "JobScreen"),
}


@pytest.mark.parametrize("pane", list(PLACES))
async def test_every_key_of_every_pane_can_be_pressed(pane: str, backups: list[BackupSummary]) -> None:
    area, opened, screen = PLACES[pane]
    runner = StandIn(backups)
    runner.start_job("backup", title="backup of crm into local")
    commands = [each for each in (*commands_of(pane), *commands_of(TABLE)) if each.id != "app.quit"]
    async with driving(application(runner)) as driver:
        await driver.sees("5 backups", "1 running")
        for key in [key for each in commands for key in each.keys.split(",")]:
            driver.app.go(area)
            await driver.pilot.pause()
            if opened:
                await driver.press("enter")
            await driver.on(screen)
            await driver.press(key)
            assert driver.app.is_running, key


async def test_leaving_is_one_key_everywhere(backups: list[BackupSummary]) -> None:
    for opening in ((), ("enter",), ("2",), ("B",), ("ctrl+p",), ("question_mark",)):
        async with driving(application(StandIn(backups))) as driver:
            await driver.sees("5 backups")
            await driver.press(*opening, "ctrl+q")
            await driver.until(lambda driver=driver: driver.app._exit, f"it leaves after {opening}")  # type: ignore[misc]
            assert driver.app.return_code == 0


async def test_escape_never_leaves(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press(*["escape"] * 5)
        await driver.on("BackupsScreen")
        assert driver.app.is_running


async def test_a_plain_terminal_gets_ascii_only(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    runner.start_job("backup", title="backup of crm into local", state=JobState.RUNNING)
    traits = TerminalTraits(plain=True, few_colours=True)
    async with driving(application(runner, traits=traits), size=(160, 40)) as driver:
        await driver.sees("5 backups", "+ valid", "1 running")
        for keys in (
            (),
            ("enter",),
            ("escape", "B"),
            ("escape", "R", "tab", "space"),
            ("escape", "D"),
            ("escape", "2"),
        ):
            await driver.press(*keys)
            assert driver.text.isascii(), (keys, [line.strip() for line in driver.lines if not line.isascii()])
        for keys in (("enter",), ("C",), ("escape", "question_mark"), ("escape", "ctrl+p")):
            await driver.press(*keys)
            assert driver.text.isascii(), (keys, [line.strip() for line in driver.lines if not line.isascii()])


async def test_the_theme_changes_and_the_list_with_it(backups: list[BackupSummary]) -> None:
    async with driving(application(StandIn(backups))) as driver:
        await driver.sees("5 backups")
        await driver.press("t")
        assert driver.app.theme == "pantry-light"
        await driver.press("t")
        assert driver.app.theme == "pantry-dark"


async def test_a_job_that_cannot_be_started_is_explained(backups: list[BackupSummary]) -> None:
    runner = StandIn(backups)
    async with driving(application(runner, databases=())) as driver:
        await driver.sees("5 backups")
        await driver.press("B")
        await driver.on("NewBackup")
        await driver.fill("database", "postgresql://user:secret-canary@db1/crm?sslmode=nonsense%zz")
        await driver.press("ctrl+o")
        await driver.on("Explain")
        await driver.sees("The job was not started", "What to do")
        assert "secret-canary" not in driver.text
        await driver.press("enter")
        await driver.on("BackupsScreen")
        assert runner.submitted == []
