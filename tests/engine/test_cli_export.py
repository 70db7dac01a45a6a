"""Exports on the command line, with real processes."""

from __future__ import annotations

import csv
import io
import zipfile

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import PROGRAM, CommandLine
from tests.engine.terminal import Terminal
from tests.servers import TestServer

IDENTITY = X25519Identity.generate()


def test_files_and_pipes(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    created = cli.json("backup", "create", "-n", "daily")
    done = cli.json("backup", "export", "latest", "-o", "some.zip", "-f", "csv", "-t", "public.con*")
    path = cli.home / "some.zip"
    assert (done["path"], done["bytes"], done["rows"]) == (str(path), path.stat().st_size, 500)
    assert (done["backup_id"], done["table_list"][0]["file"]) == (created["id"], "public.contacts.csv")
    with zipfile.ZipFile(path) as opened:
        rows = list(csv.reader(io.StringIO(opened.read("public.contacts.csv").decode())))
    assert (rows[0], len(rows)) == (["id", "name"], 501)

    piped = cli.succeed("backup", "export", "latest", "-o", "-")
    assert "Exported as sql: 2 tables, 1,000 rows" in piped.err
    new = server.create_database(template="template0")
    server.psql(new, piped.out.encode())
    assert server.fingerprint(new) == server.fingerprint(crm)

    told = cli.succeed("backup", "export", "latest", "-o", "notes.sql", "-t", "public.notes")
    assert told.out.startswith("Exported as sql: 1 table, 500 rows")
    assert "left out: fk constraint" in told.err
    [job] = [job for job in cli.json("job", "list") if job["title"].endswith("notes.sql")]
    assert (job["kind"], job["state"], job["backup_id"]) == ("export", "succeeded", created["id"])
    assert cli.left_behind() == []


def test_what_is_refused(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    (cli.home / "mine.sql").write_text("mine")
    refused = {
        ("-o", "mine.sql"): 5,
        ("-o", "x.sql", "-t", "public.nothing*"): 4,
        ("-o", "x.json", "-f", "json"): 2,
        ("-o", "x.sql.age"): 2,
        ("-o", "-", "--json"): 2,
        ("-o", "x.sql.age", "--recipient", "nonsense"): 3,
    }
    for arguments, status in refused.items():
        outcome = cli.run("backup", "export", "latest", *arguments)
        assert outcome.status == status, (arguments, outcome.err)
    assert (cli.home / "mine.sql").read_text() == "mine"
    assert [path.name for path in cli.home.iterdir() if path.is_file()] == ["mine.sql"]


def test_a_terminal_gets_no_zip_file(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    arguments = (*PROGRAM, "backup", "export", "latest", "-o", "-", "-f", "csv")
    terminal = Terminal(arguments, cli.environment, cli.home)
    terminal.read_until("a terminal cannot show")
    assert terminal.end() == 2
    terminal.close()


def test_encrypted_backups_say_that_the_file_is_not(cli: CommandLine) -> None:
    identity = cli.home / "identity.txt"
    identity.write_text(IDENTITY.secret_text + "\n")
    identity.chmod(0o600)
    cli.succeed("backup", "create", "-n", "daily", "--recipient", IDENTITY.recipient.text)
    assert cli.run("backup", "export", "latest", "-o", "x.sql").status == 27
    outcome = cli.succeed("backup", "export", "latest", "-o", "x.sql", "--identity", str(identity))
    assert "not encrypted" in outcome.err
    sealed = ("-o", "x.sql.age", "--recipient", IDENTITY.recipient.text)
    outcome = cli.succeed("backup", "export", "latest", *sealed, "--identity", str(identity))
    assert "not encrypted" not in outcome.err
    assert (cli.home / "x.sql.age").read_bytes().startswith(b"age-encryption.org/v1\n")
