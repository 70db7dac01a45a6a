"""`recovery execute PATH`, as somebody uses it who was handed a dump."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.engine.recovery.foreign import ROLE, dumped, make_role, written
from tests.engine.recovery.restoring import databases
from tests.servers import TestServer


@pytest.fixture
def crm(server: TestServer, crm: DatabaseTarget) -> DatabaseTarget:
    make_role(server)
    return crm


def address(server: TestServer, name: str) -> str:
    """The target as somebody writes it who has made a role for the dump."""
    server.drop_after_test(name)
    return server.target(name, role=ROLE).conninfo


@pytest.mark.parametrize("name", ["theirs.sql", "theirs.sql.gz", "theirs.dump"])
def test_a_dump_by_its_path(server: TestServer, cli: CommandLine, crm: DatabaseTarget, name: str) -> None:
    path = dumped(server, crm, cli.home / name, *(["-Fc"] if name == "theirs.dump" else ["-Fp"]))
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    done = cli.succeed("recovery", "execute", f"./{name}", "--target", address(server, "handed to us"), "--yes")
    lines = done.out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["TABLE", "ROWS"],
        ["public.contacts", "500"],
        ["public.notes", "500"],
    ]
    assert any(
        line.startswith("warning: nothing was there to compare the result with: a dump has no fing") for line in lines
    )
    assert lines[-1].startswith("Restored, not verified: ")
    assert "1,000 rows in 2 tables of new database handed to us" in lines[-1]
    assert "Looking through the dump" in done.err
    server.execute("handed to us", f"REASSIGN OWNED BY {ROLE} TO postgres")
    assert server.fingerprint("handed to us") == server.fingerprint(crm)
    assert cli.left_behind() == []


def test_as_json_and_in_the_history(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    path = dumped(server, crm, cli.home / "theirs.sql")
    result = cli.json("recovery", "execute", "theirs.sql", "--target", address(server, "theirs"), "--yes")
    assert {"id", "status", "dry_run", "tables", "validation"} <= result.keys()
    assert (result["status"], result["dry_run"], result["validation"]["performed"]) == ("unverified", False, False)
    assert [(table["name"], table["inserted"], table["verified"]) for table in result["tables"]] == [
        ("contacts", 500, "unverified"),
        ("notes", 500, "unverified"),
    ]
    (job,) = cli.json("job", "list")
    assert (job["kind"], job["title"], job["backup_id"]) == ("foreign_restore", f"restore of {path} into theirs", None)
    assert cli.json("backup", "list") == []


def test_what_is_refused(server: TestServer, cli: CommandLine) -> None:
    written(cli.home, "SELECT 1;\n\\! touch /tmp/never\n", "evil.sql")
    refused = cli.run("recovery", "execute", "evil.sql", "--target", address(server, "never made"), "--yes")
    assert refused.status == 5
    assert "evil.sql, line 2: psql would take this for a meta-command: \\! touch /tmp/never" in refused.err

    (cli.home / "cut.sql").write_text("CREATE TABLE t (a int);\n")
    cut = cli.run("recovery", "execute", "cut.sql", "--target", address(server, "never made"), "--yes", "--json")
    assert cut.status == 22
    assert json.loads(cut.out)["error"]["code"] == "backup_damaged"

    superuser = cli.run("recovery", "execute", "evil.sql", "--target", "never made", "--yes")
    assert superuser.status == 14
    assert "role postgres is a superuser" in superuser.err
    assert "CREATE ROLE dump_reader LOGIN" in superuser.err

    missing = cli.run("recovery", "execute", "./nowhere.sql", "--target", "never made", "--yes")
    assert (missing.status, "there is nothing at" in missing.err) == (4, True)
    silent = cli.run("recovery", "execute", "cut.sql", "--target", "never made")
    assert (silent.status, "--yes" in silent.err) == (5, True)
    for option in (
        ["-t", "x"],
        ["--rename-schema", "a=b"],
        ["--jobs", "2"],
        ["--trust", "unsigned"],
        ["--repository", "/x"],
    ):
        meaningless = cli.run("recovery", "execute", "cut.sql", "--target", "never made", "--yes", *option)
        assert (meaningless.status, f"{option[0]} means nothing" in meaningless.err) == (2, True)
    assert "never made" not in databases(server)


def test_an_encrypted_export(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    own, other = X25519Identity.generate(), X25519Identity.generate()
    for name, identity in (("own.txt", own), ("other.txt", other)):
        (cli.home / name).write_text(identity.secret_text + "\n")
        (cli.home / name).chmod(0o600)
    cli.succeed("backup", "create", "-n", "daily")
    cli.succeed("backup", "export", "latest", "-o", "ours.sql.gz.age", "--recipient", own.recipient.text)
    execute = ("recovery", "execute", "ours.sql.gz.age", "--target", address(server, "opened"), "--yes")
    assert cli.run(*execute).status == 27
    assert cli.run(*execute, "--identity", "other.txt").status == 26
    assert "Restored, not verified: " in cli.succeed(*execute, "--identity", "own.txt").out
    server.execute("opened", f"REASSIGN OWNED BY {ROLE} TO postgres")
    assert server.fingerprint("opened") == server.fingerprint(crm)


def test_a_backup_of_ours_by_its_path(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    """Its directory, or a file in it: it is the backup, with its signature and its fingerprints, and no mere dump."""
    created = cli.json("backup", "create", "-n", "daily")
    elsewhere = cli.home / "carried" / "there"
    elsewhere.parent.mkdir()
    Path(created["path"]).parent.rename(elsewhere)
    directory = elsewhere / created["id"]
    artifact = next(file for file in directory.iterdir() if file.name.endswith(".sql.gz"))
    for number, path in enumerate((directory, artifact)):
        target = server.drop_after_test(f"carried {number}")
        restored = cli.json("recovery", "execute", str(path), "--target", target.name, "--yes")
        assert (restored["status"], restored["backup_id"]) == ("succeeded", created["id"])
        assert server.fingerprint(target) == server.fingerprint(crm)
