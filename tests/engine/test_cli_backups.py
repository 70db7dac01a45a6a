"""Backups on the command line, against a real server, with real processes."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.servers import TestServer

PROMISED = {"id", "kind", "format", "path", "bytes", "raw_bytes", "tables", "rows", "duration_seconds"}


def test_plain_files_the_whole_way(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    created = cli.json("backup", "create", "-n", "daily", "-f", "csv", "--compression", "none")
    directory = Path(created["path"])
    assert {path.name for path in (directory / "csv").iterdir()} == {"public.contacts.csv", "public.notes.csv"}
    files = {file["name"]: file["role"] for file in cli.json("backup", "show", "latest")["file_list"]}
    assert files["csv/public.notes.csv"] == "artifact"
    assert "csv/public.notes.csv" in cli.succeed("backup", "show", "latest").out
    assert cli.json("backup", "validate", "latest")["valid"]
    assert "contact 1" in cli.succeed("backup", "peek", "latest", "public.contacts").out
    assert cli.json("backup", "diff", "latest")["equal"] == 2
    target = server.drop_after_test("restored from plain files")
    assert cli.json("recovery", "execute", "latest", "--target", target.name, "--yes")["validation"]["equal"]
    assert server.fingerprint(target) == server.fingerprint(crm)
    cli.succeed("backup", "pin", "latest")
    assert cli.run("backup", "delete", created["id"], "--yes").status == 5
    cli.succeed("backup", "delete", created["id"], "--yes", "--force")
    assert not directory.exists()
    refused = cli.run("backup", "create", "-n", "daily", "-f", "csv", "--compression", "zstd")
    assert (refused.status, "zstd" in refused.err) == (2, True)
    assert cli.left_behind() == []


def test_database_that_is_there_is_exchanged_and_can_come_back(
    server: TestServer, cli: CommandLine, crm: DatabaseTarget
) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    good = server.fingerprint(crm)
    server.execute(crm, "DELETE FROM notes; UPDATE contacts SET name = 'wrong'")
    bad = server.fingerprint(crm)
    done = cli.json("recovery", "execute", "latest", "--yes")
    assert (done["way"], done["status"]) == ("side by side", "succeeded")
    server.drop_after_test(done["checkpoint"])
    assert server.fingerprint(crm) == good
    undone = cli.json("recovery", "rollback", done["id"], "--yes")
    server.drop_after_test(undone["checkpoint"])
    assert server.fingerprint(crm) == bad
    assert [each["kind"] for each in cli.json("recovery", "list")] == ["rollback", "restore"]
    assert "Rolled back" in cli.succeed("recovery", "rollback", undone["id"], "--yes").out
    shown = cli.succeed("recovery", "show", done["id"]).out
    assert "side by side" in cli.succeed("recovery", "list").out
    assert f"The earlier database is kept as {done['checkpoint']}" in shown


def test_tables_are_exchanged_in_place_and_can_come_back(
    server: TestServer, cli: CommandLine, crm: DatabaseTarget
) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    rows = "SELECT md5(string_agg(n::text, '' ORDER BY id)) FROM notes n"
    good = server.execute(crm, rows)
    server.execute(crm, "DELETE FROM notes WHERE id > 1")
    bad = server.execute(crm, rows)
    dry = cli.json("recovery", "execute", "latest", "-t", "public.notes", "--dry-run")
    assert (dry["dry_run"], dry["way"]) == (True, "in place")
    assert dry["tables"][0]["inserted"] > 0
    assert server.execute(crm, rows) == bad
    done = cli.json("recovery", "execute", "latest", "-t", "public.notes", "--yes")
    assert server.execute(crm, rows) == good
    cli.succeed("recovery", "rollback", done["id"], "--yes")
    assert server.execute(crm, rows) == bad
    assert "Nothing to do" in cli.succeed("recovery", "rollback", done["id"], "--yes").out
    assert "Released" in cli.succeed("recovery", "release", done["id"], "--yes").out
    refused = cli.run("recovery", "rollback", done["id"], "--yes")
    assert (refused.status, "has no checkpoint" in refused.err) == (4, True)


def test_the_whole_way(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    created = cli.json("backup", "create", "-n", "daily", "--compression", "--jobs", "2")
    assert set(created) >= PROMISED
    assert (created["kind"], created["format"], created["tables"], created["rows"]) == ("full", "sql", 2, 1000)
    assert (Path(created["path"]) / "manifest.json").is_file()

    listed = cli.json("backup", "list")
    assert [set(backup) >= PROMISED for backup in listed] == [True]
    assert listed[0]["id"] == created["id"]

    shown = cli.json("backup", "show", "latest")
    assert {key: shown[key] for key in PROMISED} == {key: created[key] for key in PROMISED}
    assert [table["name"] for table in shown["table_list"]] == ["contacts", "notes"]

    validated = cli.json("backup", "validate", created["id"][:16])
    assert (validated["valid"], validated["problems"]) == (True, [])

    target = server.drop_after_test("restored by the command line")
    restored = cli.json("recovery", "execute", "latest", "--target", target.name, "--yes")
    assert (restored["status"], restored["dry_run"]) == ("succeeded", False)
    assert restored["validation"]["equal"] is True
    changed = [(t["name"], t["inserted"], t["updated"], t["deleted"], t["unchanged"]) for t in restored["tables"]]
    assert sorted(changed) == [("contacts", 500, 0, 0, 0), ("notes", 500, 0, 0, 0)]
    assert server.fingerprint(target) == server.fingerprint(crm)

    proven = cli.json("backup", "list")[0]
    assert proven["valid"] is True
    assert proven["proven_at"] is not None

    assert cli.json("backup", "delete", created["id"], "--force") == {"id": created["id"], "deleted": True}
    assert cli.json("backup", "list") == []
    assert not Path(created["path"]).exists()
    assert cli.left_behind() == []


def test_what_people_read(server: TestServer, cli: CommandLine) -> None:
    created = cli.succeed("backup", "create", "-n", "daily")
    assert "Backed up and verified: " in created.out.splitlines()[-1]
    assert created.err  # progress, and none of it on standard output

    listed = cli.succeed("backup", "list").out.splitlines()
    assert listed[0].split() == [
        "ID",
        "NAME",
        "DATABASE",
        "KIND",
        "FORMAT",
        "AGE",
        "SIZE",
        "ROWS",
        "VALIDATED",
        "RESTORED",
    ]
    assert listed[1].split()[-3:] == ["1,000", "never", "never"]

    target = server.drop_after_test("read_by_people")
    restored = cli.succeed("recovery", "execute", "latest", "--target", target.name, "--yes")
    assert restored.out.splitlines()[-1].startswith("Restored and verified: 2 tables, 1,000 rows in new database")


def test_quiet_says_nothing_but_the_result(cli: CommandLine) -> None:
    outcome = cli.succeed("--quiet", "backup", "create", "-n", "daily", "--json")
    assert outcome.err == ""
    assert outcome.json()["rows"] == 1000


def test_one_table_into_another_database(server: TestServer, cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    target = server.drop_after_test("one_table")
    restored = cli.json("recovery", "execute", "latest", "-t", "public.contacts", "--target", target.name, "--yes")
    assert [table["name"] for table in restored["tables"]] == ["contacts"]
    assert server.execute(target, "SELECT count(*) FROM contacts") == [(500,)]


def test_a_restore_that_is_not_compared_says_so(server: TestServer, cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    target = server.drop_after_test("not_compared")
    outcome = cli.succeed("recovery", "execute", "latest", "--target", target.name, "--yes", "--no-validate")
    assert outcome.out.splitlines()[-1].startswith("Restored, not verified: ")


def test_hostile_names(server: TestServer, cli: CommandLine) -> None:
    name = "-f/tmp/x a=b 'quo\"ted' \x1b[31m\n{}"
    target = server.create_database(name)
    server.execute(target, 'CREATE TABLE "dr\x1b[2Jop\n" (a int); INSERT INTO "dr\x1b[2Jop\n" VALUES (1)')
    created = cli.json("backup", "create", "-n", "../../etc/[31mevil \u202e", f"--database={name}")
    assert Path(created["path"]).parent == cli.repository
    for arguments in (("backup", "list"), ("backup", "show", "latest"), ("job", "list"), ("audit", "list")):
        outcome = cli.succeed(*arguments)
        assert "\x1b" not in outcome.out + outcome.err
    assert "dr\\x1b[2Jop\\n" in cli.succeed("backup", "show", "latest").out


def test_jobs_are_remembered(cli: CommandLine) -> None:
    created = cli.json("backup", "create", "-n", "daily")
    assert cli.run("backup", "validate", "nothing").status == 4
    jobs = cli.json("job", "list")
    assert [job["state"] for job in jobs][-1] == "succeeded"
    done = next(job for job in jobs if job["kind"] == "backup")
    assert cli.json("job", "show", done["id"])["backup_id"] == created["id"]
    assert "finished" in cli.succeed("job", "log", done["id"]).out
    assert cli.json("job", "wait", done["id"])["id"] == created["id"]
    assert cli.run("job", "cancel", done["id"]).status == 5
    assert cli.succeed("audit", "verify").out.startswith("Whole")


def test_a_detached_runner_does_the_job_that_nobody_waits_for(cli: CommandLine) -> None:
    job = cli.succeed("backup", "create", "-n", "daily", "--no-wait").out.strip()
    assert cli.json("job", "wait", job)["rows"] == 1000
    status = cli.json("runner", "status")
    assert status["data_directory"] == str(cli.data)
    assert cli.json("backup", "list")[0]["name"] == "daily"  # asked of the runner that is there
    assert cli.json("runner", "stop") == {"stopped": True}
    assert cli.run("runner", "status").status == 40
    assert cli.json("runner", "stop") == {"stopped": False}
    assert cli.left_behind() == []


def test_two_commands_at_once_share_a_runner(cli: CommandLine) -> None:
    first = cli.start("backup", "create", "-n", "one", "--json")
    second = cli.start("backup", "create", "-n", "two", "--json")
    for process in (first, second):
        with process:
            _, err = process.communicate()
        assert process.returncode == 0, err
    assert {backup["name"] for backup in cli.json("backup", "list")} == {"one", "two"}
    assert cli.left_behind() == []


def test_the_catalog_is_a_cache(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    assert cli.json("catalog", "check") == {"sound": True, "problems": []}
    assert cli.json("catalog", "rebuild") == {"backups": 1, "damaged": [], "forgotten": [], "schedules": []}


def test_a_repository_that_is_not_mounted(cli: CommandLine) -> None:
    made = cli.json("backup", "create", "-n", "daily")["id"]
    cli.repository.rename(cli.home / "elsewhere")
    cli.repository.mkdir(mode=0o700)
    listed = cli.succeed("backup", "list", "--json")
    assert [backup["id"] for backup in listed.json()] == [made]
    assert f"the repository local has no backup in it: {cli.repository} (1 backup of it is listed)" in listed.err
    for arguments, status in ((("catalog", "check"), 20), (("catalog", "rebuild"), 20), (("doctor",), 1)):
        outcome = cli.run(*arguments)
        assert outcome.status == status
        assert "Mount its file system or put the directory back" in outcome.out + outcome.err
    assert cli.json("catalog", "rebuild", "--force") == {
        "backups": 0,
        "damaged": [],
        "forgotten": [made],
        "schedules": [],
    }
    assert cli.succeed("backup", "list").err == f"no backups in {cli.repository}\n"


def test_a_backup_that_cannot_be_read(cli: CommandLine) -> None:
    bad, good = (cli.json("backup", "create", "-n", name)["id"] for name in ("bad", "good"))
    manifest = cli.repository / bad / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:100])
    for _ in range(2):
        listed = cli.succeed("backup", "list", "--json")
        assert [backup["id"] for backup in listed.json()] == [good]
        assert listed.err == f"1 backup cannot be read and is not listed: {bad}; see `pantry-tui catalog check`\n"
    for command in ("show", "validate"):
        outcome = cli.run("backup", command, bad)
        assert outcome.status == 22
        assert "is plain SQL" in outcome.err
        assert f"pantry-tui backup delete {bad} --force" in outcome.err
    rebuilt = cli.run("catalog", "rebuild")
    assert rebuilt.status == 22
    assert f"damaged, not listed: {manifest} is not a readable manifest" in rebuilt.out
    assert cli.run("backup", "delete", bad, "--yes").status == 22
    assert cli.succeed("backup", "delete", bad, "--force", "--yes").out == f"Deleted {bad}\n"
    assert cli.succeed("backup", "list", "--json").err == ""


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "\x1b[2J"])
def test_what_a_backup_cannot_be_called(cli: CommandLine, name: str) -> None:
    outcome = cli.run("backup", "create", "-n", name)
    assert outcome.status == 2
    assert "the name of a backup" in outcome.err
    assert not cli.repository.exists()


def test_what_is_left_out_is_shown(cli: CommandLine) -> None:
    made = json.loads(
        cli.succeed(
            "backup", "create", "-n", "some", "-t", "notes", "--compression", "zstd", "--batch-size", "50", "--json"
        ).out
    )
    assert (made["kind"], made["partial"], made["compression"], made["tables"]) == ("full", True, "zstd", 1)
    assert " part " in cli.succeed("backup", "list").out
    shown = cli.succeed("backup", "show", "latest").out
    assert "tables notes" in shown
    assert "left out: fk constraint public.notes " in shown
    document = json.loads(cli.succeed("backup", "show", "latest", "--json").out)
    assert document["selection"]["tables"] == ["notes"]
    assert any("table public.contacts" in line for line in document["left_out"])
    schema = json.loads(cli.succeed("backup", "create", "-n", "ddl", "--kind", "schema", "--json").out)
    assert (schema["kind"], schema["rows"]) == ("schema", 0)


def test_marks(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    assert "MARKS" not in cli.succeed("backup", "list").out
    [made] = json.loads(cli.succeed("backup", "list", "--json").out)
    assert cli.succeed("backup", "pin", "latest").out == f"Pinned {made['id']}\n"
    assert (
        cli.succeed("backup", "label", made["id"], "vor 2.4 \u202e").out == f"Labelled {made['id']}: vor 2.4 \\u202e\n"
    )
    assert "pinned, vor 2.4 \\u202e" in cli.succeed("backup", "list").out
    shown = cli.succeed("backup", "show", "latest").out
    assert "vor 2.4" in shown
    assert "it is deleted only when that is forced" in shown
    marked = json.loads(cli.succeed("backup", "unpin", "latest", "--json").out)
    assert (marked["pinned"], marked["label"]) == (False, "vor 2.4 \u202e")
    assert cli.succeed("backup", "label", "latest", "").out == f"No longer labelled: {made['id']}\n"
    assert "MARKS" not in cli.succeed("backup", "list").out


def wait_for_words(stream: object, words: str) -> None:
    assert any(words in line for line in stream)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_the_command_cancels_its_job(
    server: TestServer, cli: CommandLine, crm: DatabaseTarget, number: signal.Signals, status: int
) -> None:
    blocker = server.connect(crm, autocommit=False)
    blocker.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
    with cli.start("backup", "create", "-n", "daily") as process:
        assert process.stderr is not None
        wait_for_words(process.stderr, "Locking")
        process.send_signal(number)
        assert "cancel" in process.stderr.read()
    assert process.returncode == status
    assert cli.json("backup", "list") == []
    assert [path.name for path in cli.repository.iterdir() if path.is_dir()] == []
    assert cli.left_behind() == []


def test_a_closed_terminal_stops_nothing(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    blocker = server.connect(crm, autocommit=False)
    blocker.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
    with cli.start("backup", "create", "-n", "daily", "--json") as process:
        assert process.stderr is not None
        wait_for_words(process.stderr, "Locking")
        process.send_signal(signal.SIGHUP)
        blocker.rollback()
        process.communicate()
    assert process.returncode == 0
    assert [backup["name"] for backup in cli.json("backup", "list")] == ["daily"]


def test_encryption(server: TestServer, cli: CommandLine, tmp_path: Path) -> None:
    identity = tmp_path / "identity.txt"
    recipient = cli.succeed("key", "generate", "-o", str(identity), "--no-passphrase").out.strip().splitlines()[-1]
    assert recipient.startswith("age1")
    cli.succeed("backup", "create", "-n", "sealed", "--recipient", recipient)
    assert cli.json("backup", "show", "latest")["recipients"] == [recipient]
    assert recipient in cli.succeed("backup", "show", "latest").out
    unread = cli.run("backup", "validate", "latest")
    assert unread.status == 28
    assert "Stored bytes intact, contents unread" in unread.out
    assert "unread" in cli.succeed("backup", "list").out
    assert cli.json("backup", "validate", "latest", "--identity", str(identity))["valid"] is True
    target = server.drop_after_test("opened by the command line")
    locked = cli.run("recovery", "execute", "latest", "--target", target.name, "--yes")
    assert (locked.status, "--identity" in locked.err) == (27, True)
    cli.succeed("recovery", "execute", "latest", "--target", target.name, "--yes", "--identity", str(identity))
    other = tmp_path / "other.txt"
    cli.succeed("key", "generate", "-o", str(other), "--no-passphrase")
    assert cli.run("backup", "validate", "latest", "--identity", str(other)).status == 26
    assert cli.run("backup", "create", "-n", "x", "--encrypt").status == 27
    secret = next(line for line in identity.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))
    for file in tmp_path.rglob("*"):
        if file.is_file() and file != identity:
            assert secret.encode() not in file.read_bytes(), file


def test_rows_are_shown_out_of_a_backup(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")

    shown = cli.succeed("backup", "peek", "latest", "public.contacts", "-l", "2", "--skip", "498").out.splitlines()
    assert [line.split() for line in shown[:3]] == [
        ["id", "name"],
        ["499", "contact", "499"],
        ["500", "contact", "500"],
    ]
    assert shown[-1].startswith("Rows 499 to 500 of 500 of public.contacts in ")
    page = cli.json("backup", "peek", "latest", '"public".contacts', "-l", "1")
    assert {key: page[key] for key in ("schema", "table", "columns", "rows", "total_rows")} == {
        "schema": "public",
        "table": "contacts",
        "columns": ["id", "name"],
        "rows": [["1", "contact 1"]],
        "total_rows": 500,
    }
    unknown = cli.run("backup", "peek", "latest", "contacts")
    assert (unknown.status, "it has public.contacts" in unknown.err) == (4, True)
    assert cli.run("backup", "peek", "latest", "public.contacts", "--skip", "-1").status == 2
    assert not (cli.data / "runner.sock").exists()


def test_a_backup_is_compared_with_the_database_and_with_another(
    server: TestServer, cli: CommandLine, crm: DatabaseTarget
) -> None:
    first = cli.json("backup", "create", "-n", "daily")["id"]
    equal = cli.succeed("backup", "diff", "latest", "--exit-code")
    assert equal.out.splitlines()[0] == "2 tables equal"
    assert "Counting and fingerprinting" in equal.err

    server.execute(crm, "DELETE FROM notes WHERE id <= 3; UPDATE contacts SET name = 'x' WHERE id = 500")
    different = cli.run("backup", "diff", first, "live", "--exit-code")
    lines = different.out.splitlines()
    assert (different.status, lines[0]) == (1, "0 tables equal, 2 differ")
    assert lines[-2].split()[:5] == ["public.contacts", "content", "differs", "500", "500"]
    assert lines[-1].split()[:6] == ["public.notes", "rows", "differ", "500", "497", "-3"]
    assert cli.run("backup", "diff", first).status == 0

    cli.succeed("backup", "create", "-n", "daily")
    found = cli.json("backup", "diff", first, "latest", "--all")
    assert [(table["name"], table["status"]) for table in found["tables"]] == [
        ("contacts", "content differs"),
        ("notes", "rows differ"),
    ]
    assert (found["equal"], found["different"], found["not_comparable"]) == (0, 2, 0)
    misplaced = cli.run("backup", "diff", first, "latest", "-d", "crm")
    assert (misplaced.status, "is a backup" in misplaced.err) == (2, True)
    assert cli.left_behind() == []
