"""`backup import`, and what becomes of a dump in a repository."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.engine.recovery.foreign import ROLE, dumped, make_role, written
from tests.servers import TestServer


@pytest.fixture
def crm(server: TestServer, crm: DatabaseTarget) -> DatabaseTarget:
    make_role(server)
    return crm


def brought(server: TestServer, crm: DatabaseTarget, cli: CommandLine, name: str) -> Path:
    """A dump under a name that says what it is, which nothing heeds."""
    path = dumped(server, crm, cli.home / name, {".dump": "-Fc", ".tar": "-Ft"}.get(Path(name).suffix, "-Fp"))
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    elif name.endswith(".zst"):
        path.write_bytes(zstandard.compress(path.read_bytes()))
    return path


def address(server: TestServer, name: str) -> str:
    server.drop_after_test(name)
    return server.target(name, role=ROLE).conninfo


@pytest.mark.parametrize(
    ("name", "stored", "dump", "compression"),
    [
        ("theirs.sql", "dump.sql", "script", "none"),
        ("theirs.sql.gz", "dump.sql.gz", "script", "gzip"),
        ("theirs.zst", "dump.sql.zst", "script", "zstd"),
        ("theirs.dump", "dump.archive", "archive", "none"),
        ("theirs.tar", "dump.tar", "tar", "none"),
    ],
)
def test_from_the_file_to_the_database(
    server: TestServer, cli: CommandLine, crm: DatabaseTarget, name: str, stored: str, dump: str, compression: str
) -> None:
    path = brought(server, crm, cli, name)
    made = cli.json("backup", "import", f"./{name}", "-n", "Handover", "-d", "their shop")
    assert (made["kind"], made["format"], made["compression"], made["database"]) == (
        "foreign",
        "sql",
        compression,
        "their shop",
    )
    assert (made["tables"], made["rows"], made["fingerprints"]) == (2, 1000, False)
    assert made["server_version"].startswith(f"{server.version_num // 10_000}.{server.version_num % 10_000}")
    assert (Path(made["path"]) / stored).read_bytes() == path.read_bytes()
    assert [backup["id"] for backup in cli.json("backup", "list")] == [made["id"]]

    details = cli.json("backup", "show", made["id"])
    assert [(table["schema"], table["name"], table["rows"]) for table in details["table_list"]] == [
        ("public", "contacts", 500),
        ("public", "notes", 500),
    ]
    assert (details["foreign"]["dump"], details["foreign"]["file_name"]) == (dump, name)
    assert f'{dump} "{name}", UTF8, ' in cli.succeed("backup", "show", made["id"]).out

    valid = cli.json("backup", "validate", made["id"])
    assert (valid["valid"], valid["rows"], valid["problems"]) == (True, 1000, [])

    path.unlink()
    restored = cli.json("recovery", "execute", made["id"], "--target", address(server, "handed over"), "--yes")
    assert (restored["status"], restored["backup_id"], restored["source"]) == (
        "unverified",
        made["id"],
        str(Path(made["path"]) / stored),
    )
    server.execute("handed over", f"REASSIGN OWNED BY {ROLE} TO postgres")
    assert server.fingerprint("handed over") == server.fingerprint(crm)
    (recovery,) = cli.json("recovery", "list")
    assert (recovery["id"], recovery["kind"], recovery["backup_id"]) == (
        restored["id"],
        "foreign_restore",
        made["id"],
    )
    assert "Restored, not verified: " in cli.succeed("recovery", "show", restored["id"]).out
    assert cli.left_behind() == []


def test_marks_deletion_and_what_it_cannot(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    brought(server, crm, cli, "theirs.sql")
    own = cli.json("backup", "create", "-n", "daily")["id"]
    theirs = cli.json("backup", "import", "theirs.sql", "-n", "theirs", "-d", crm.name)["id"]
    assert cli.json("backup", "show", "latest")["id"] == own, "somebody else's dump is nobody's latest backup"

    for refused in (
        ("peek", theirs, "public.contacts"),
        ("diff", theirs, own),
        ("diff", own, theirs),
        ("diff", theirs, "live"),
        ("export", theirs, "-o", "out.sql"),
    ):
        done = cli.run("backup", *refused)
        assert (done.status, f"{theirs} is a dump that others made" in done.err) == (5, True), refused
    drill = cli.run("recovery", "drill", theirs)
    assert (drill.status, "it cannot be drilled" in drill.err) == (5, True)
    partly = cli.run("recovery", "execute", theirs, "-t", "public.contacts", "--target", "x", "--yes")
    assert (partly.status, "-t means nothing for a dump" in partly.err) == (2, True)
    nowhere = cli.run("recovery", "execute", theirs, "--yes")
    assert (nowhere.status, "nobody said where the dump goes" in nowhere.err) == (5, True)

    cli.succeed("backup", "pin", theirs)
    assert cli.run("backup", "delete", theirs, "--yes").status == 5
    cli.succeed("backup", "unpin", theirs)
    cli.succeed("backup", "label", theirs, "of the agency")
    assert [each["label"] for each in cli.json("backup", "list") if each["id"] == theirs] == ["of the agency"]
    cli.succeed("catalog", "rebuild")
    protected = cli.run("backup", "delete", own, "--yes")
    assert (protected.status, "the last valid backup" in protected.err) == (5, True), "a dump replaces no backup"
    cli.succeed("backup", "delete", theirs, "--yes")
    assert [each["id"] for each in cli.json("backup", "list")] == [own]
    assert cli.succeed("catalog", "check").status == 0


def test_what_is_not_taken_in(cli: CommandLine) -> None:
    written(cli.home, "SELECT 1;\n\\! touch /tmp/never\n", "evil.sql")
    (cli.home / "cut.sql").write_text("CREATE TABLE t (a int);\n")
    options = ("-n", "theirs", "-d", "shop")
    evil = cli.run("backup", "import", "evil.sql", *options)
    assert (evil.status, "evil.sql, line 2: psql would take this" in evil.err) == (5, True)
    cut = cli.run("backup", "import", "cut.sql", *options, "--json")
    assert (cut.status, json.loads(cut.out)["error"]["code"]) == (22, "backup_damaged")
    assert cli.run("backup", "import", "nowhere.sql", *options).status == 4
    assert cli.run("backup", "import", "cut.sql", "-n", "theirs", "-d", "a\nb").status == 2
    assert cli.run("backup", "import", "cut.sql", "-n", "theirs").status == 2
    assert cli.json("backup", "list") == []
    assert cli.left_behind() == []


def test_a_changed_dump_is_damaged(server: TestServer, cli: CommandLine) -> None:
    make_role(server)
    written(cli.home, "CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n2\n\\.\n", "theirs.sql")
    made = cli.json("backup", "import", "theirs.sql", "-n", "theirs", "-d", "shop")
    stored = Path(made["path"]) / "dump.sql"
    stored.write_bytes(stored.read_bytes().replace(b"\n2\n", b"\n3\n"))
    found = cli.run("backup", "validate", made["id"], "--json")
    assert found.status == 22
    problems = json.loads(found.out)["problems"]
    assert any("dump.sql is another script than that which was taken in" in problem for problem in problems)
    restored = cli.run("recovery", "execute", made["id"], "--target", address(server, "never made"), "--yes")
    assert (restored.status, "is not the dump that was taken in" in restored.err) == (22, True)


def test_encrypted(server: TestServer, cli: CommandLine) -> None:
    make_role(server)
    identity = X25519Identity.generate()
    (cli.home / "key.txt").write_text(identity.secret_text + "\n")
    (cli.home / "key.txt").chmod(0o600)
    written(cli.home, "CREATE TABLE t (a text);\nCOPY t FROM stdin;\ncanary-7f\n\\.\n", "theirs.sql")
    to = ("--recipient", identity.recipient.text)
    made = cli.json("backup", "import", "theirs.sql", "-n", "theirs", "-d", "shop", *to)
    assert made["encrypted"]
    assert all(b"canary-7f" not in file.read_bytes() for file in Path(made["path"]).iterdir())
    assert cli.run("backup", "validate", made["id"]).status == 28
    assert cli.json("backup", "validate", made["id"], "--identity", "key.txt")["valid"]
    target = address(server, "opened")
    assert cli.run("recovery", "execute", made["id"], "--target", target, "--yes").status == 27
    cli.succeed("recovery", "execute", made["id"], "--target", target, "--yes", "--identity", "key.txt")
    assert server.execute("opened", "SELECT a FROM t") == [("canary-7f",)]

    sealed = next(Path(made["path"]).glob("*.age"))
    (cli.home / "again.sql.age").write_bytes(sealed.read_bytes())
    again = ("backup", "import", "again.sql.age", "-n", "again", "-d", "shop", "--identity", "key.txt")
    assert cli.run(*again).status == 27, "it would lie there in the clear"
    assert cli.json(*again, *to)["rows"] == 1
