"""Schedules on the command line, with nothing set but DATABASE_URL, BACKUP_DIR and DATA_DIR."""

from __future__ import annotations

from pathlib import Path

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.engine.runner.processes import eventually
from tests.servers import TestServer

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"  # of age's own documentation


def test_from_creation_to_deletion(cli: CommandLine, crm: DatabaseTarget) -> None:
    created = cli.json(
        "schedule", "create", "nightly", "0 2 * * *", "-r", "30", "--timezone", "Europe/Vienna", "--tag", "a"
    )
    assert created["id"].startswith("nightly-")
    assert (created["words"], created["retention_days"], created["enabled"]) == ("every day at 02:00", 30, True)
    assert len(created["next_runs"]) == 5
    assert [each["name"] for each in cli.json("schedule", "list", "--tag", "a")] == ["nightly"]
    assert cli.json("schedule", "list", "--tag", "b") == []
    assert "every day at 02:00" in cli.succeed("schedule", "list").out
    edited = cli.json("schedule", "edit", "nightly", "--cron", "30 3 * * mon-fri", "--tag", "", "-T", "audit.*")
    assert (edited["id"], edited["tags"], edited["retention_days"]) == (created["id"], [], 30)
    assert edited["selection"]["exclude_tables"] == ["audit.*"]
    assert cli.json("schedule", "disable", "nightly")["next_runs"] == []
    assert "disabled" in cli.succeed("schedule", "list").out
    assert cli.json("schedule", "enable", created["id"])["enabled"]
    shown = cli.succeed("schedule", "show", "nightly").out
    assert "on Monday to Friday at 03:30 (Europe/Vienna)" in shown
    assert "without tables audit.*" in shown
    assert cli.json("schedule", "show", "nightly")["runs"][0]["state"] == "expected"
    assert "Deleted" in cli.succeed("schedule", "delete", "nightly").out
    assert cli.json("schedule", "list") == []
    assert cli.left_behind() == []


def test_recipients_and_hooks_of_its_own(cli: CommandLine, tmp_path: Path) -> None:
    hook, note = tmp_path / "hook", tmp_path / "note"
    hook.write_text(f'#!/bin/sh\necho "$PANTRY_MOMENT" >> {note}\n')
    hook.chmod(0o700)
    file = tmp_path / "pantry.toml"
    file.write_text(
        f'[hooks]\nbefore_backup = ["/bin/false"]\n[hook_sets.own]\nafter_backup = ["{hook}"]\n'
        '[backup]\nmax_rate = "500 MB"\n'
    )
    with_file = ("--config", str(file))
    created = cli.json(
        *(*with_file, "schedule", "create", "nightly", "@daily"), *("--recipient", RECIPIENT, "--hooks", "own")
    )
    assert (created["recipients"], created["hooks"]) == ([RECIPIENT], "own")
    refused = cli.run(*with_file, "schedule", "create", "other", "@daily", "--recipient", "AGE-SECRET-KEY-1XYZ")
    assert (refused.status, "XYZ" in refused.err) == (3, False)
    assert cli.run(*with_file, "schedule", "create", "other", "@daily", "--hooks", "none").status == 4
    assert cli.run("schedule", "create", "d", "@daily", "--kind", "drill", "--hooks", "own").status == 2

    cli.succeed(*with_file, "schedule", "execute", "nightly")

    [backup] = cli.json("backup", "list")
    assert backup["encrypted"]
    assert note.read_text() == "after\n"
    file.write_text("")
    cli.succeed(*with_file, "schedule", "execute", "nightly")
    assert cli.json("job", "list")[0]["warnings"] == 1
    assert cli.json(*with_file, "schedule", "edit", "nightly", "--hooks", "", "--recipient", "")["hooks"] is None


def test_doctor_tells_of_names_that_are_gone(cli: CommandLine, crm: DatabaseTarget, tmp_path: Path) -> None:
    file = tmp_path / "pantry.toml"
    file.write_text('[notifications.ops]\nkind = "slack"\nurl = "env:HOOK"\n')
    cli.succeed("--config", str(file), "schedule", "create", "nightly", "@daily", "--on-failure", "ops")
    file.write_text("")

    findings = cli.json("--config", str(file), "doctor")["findings"]

    [finding] = [each for each in findings if each["check"] == "schedules"]
    assert (finding["subject"], finding["status"]) == ("nightly", "warning")
    assert "nobody is configured as 'ops' any more" in finding["message"]


def test_lost_schedules_come_back_from_the_repository(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "first")
    cli.succeed("schedule", "create", "nightly", "@daily", "-r", "90")
    cli.succeed("schedule", "create", "gone", "@daily")
    cli.succeed("schedule", "delete", "gone")
    for path in cli.data.glob("schedules.json*"):
        path.unlink()
    assert cli.json("schedule", "list") == []
    cli.succeed("schedule", "create", "other", "@hourly")

    assert "schedule brought back: nightly" in cli.succeed("catalog", "rebuild").out

    found = {each["name"]: each for each in cli.json("schedule", "list")}
    assert set(found) == {"nightly", "other"}
    assert (found["nightly"]["retention_days"], len(found["nightly"]["next_runs"])) == (90, 5)
    assert cli.json("catalog", "rebuild")["schedules"] == []


def test_execute(cli: CommandLine, crm: DatabaseTarget, server: TestServer) -> None:
    cli.succeed("schedule", "create", "nightly", "@daily", "-f", "csv")
    [job] = cli.json("schedule", "execute", "nightly")["jobs"]
    assert (job["state"], job["due_at"]) == ("succeeded", None)
    [backup] = cli.json("backup", "list")
    assert (backup["id"], backup["name"], backup["format"]) == (job["backup_id"], "nightly", "csv")
    cli.succeed("schedule", "create", "check", "@weekly", "--kind", "validate")
    cli.succeed("schedule", "execute", "check")
    assert cli.json("backup", "list")[0]["valid"]
    server.drop_database(crm.name)
    gone = cli.run("schedule", "execute", "nightly")
    assert (gone.status, crm.name in gone.err) == (13, True)


def test_what_is_refused(cli: CommandLine) -> None:
    for arguments, status, words in (
        (("create", "x", "R 2 * * *"), 2, "drawn by lot"),
        (("create", "x", "0 0 31 2 *"), 2, "never run"),
        (("create", "x", "0 2 * * *", "--timezone", "Mars"), 2, "no time zone"),
        (("create", "x", "0 2 * * *", "--kind", "copy"), 3, "nothing says where the backups"),
        (("create", "x", "0 2 * * *", "-d", "postgresql://u:hidden@h/d"), 2, "an address is none"),
        (("create", "x", "0 2 * * *", "--kind", "drill", "-f", "csv"), 2, "takes none"),
        (("create", "x", "0 2 * * *", "--missed-limit", "6h"), 2, "--missed-limit is of the policy if-younger"),
        (("create", "x", "0 2 * * *", "--timeout", "soon"), 2, "no duration"),
        (("create", "x", "0 2 * * *", "--on-failure", "https://h/hidden"), 2, "a URL is none"),
        (("show", "nope"), 4, "no schedule 'nope'"),
        (("edit", "nope", "--retries", "1"), 4, "no schedule 'nope'"),
        (("execute", "nope"), 4, "no schedule 'nope'"),
        (("preview", "* * * * * *"), 2, "six fields"),
    ):
        outcome = cli.run("schedule", *arguments)
        assert (outcome.status, words in outcome.err, "hidden" in outcome.err) == (status, True, False), outcome
    assert cli.json("schedule", "list") == []


def test_preview_and_defaults(cli: CommandLine) -> None:
    seen = cli.json("schedule", "preview", "0 12 29 2 *", "--timezone", "UTC", "-n", "2")
    assert seen["words"] == "on the 29th of the month in February at 12:00"
    assert seen["next_runs"] == ["2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"]
    made = cli.json("schedule", "defaults")
    assert [(each["name"], each["kind"]) for each in made] == [
        ("daily", "full"),
        ("four-hourly", "incremental"),
        ("monthly-drill", "drill"),
    ]
    assert cli.json("schedule", "defaults") == []


def test_a_runner_in_the_background_works_them_off(cli: CommandLine, crm: DatabaseTarget) -> None:
    cli.succeed("schedule", "create", "each-second", "* * * * * *", "--seconds", "--kind", "schema", "-d", "*")
    cli.succeed("runner", "start")

    def has_run() -> bool:
        return any(job["state"] == "succeeded" and job["due_at"] for job in cli.json("job", "list"))

    eventually(has_run, "a run of the schedule")
    cli.succeed("schedule", "disable", "each-second")
    assert crm.name in {backup["database"] for backup in cli.json("backup", "list")}
    shown = cli.succeed("schedule", "show", "each-second").out
    assert "every second" in shown
    assert "schedule each-second" in cli.succeed("job", "show", cli.json("job", "list")[0]["id"]).out


def test_another_database_by_the_same_name_is_not_backed_up(cli: CommandLine, server: TestServer) -> None:
    cli.succeed("schedule", "create", "nightly", "@daily")
    other = server.create_database()

    outcome = cli.run("schedule", "execute", "nightly", DATABASE_URL=other.conninfo)

    assert outcome.status == 3
    assert "here its name means" in outcome.err
    assert cli.json("backup", "list") == []
