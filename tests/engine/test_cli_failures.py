"""What bad input gets on the command line: a message, its own exit status, and nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.servers import TestServer


@pytest.fixture
def crm(server: TestServer) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 100)")
    return target


@pytest.fixture
def cli(tmp_path: Path, crm: DatabaseTarget) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path, crm)
    yield command_line
    assert command_line.left_behind() == []


def backups_in(cli: CommandLine) -> list[str]:
    """What stands for a backup in the repository, finished or not; the deleted ones have a directory of their own."""
    return [path.name for path in cli.repository.glob("*/") if path.is_dir() and path.name != "tombstones"]


def fails(cli: CommandLine, status: int, words: str, *arguments: str, **environment: str) -> None:
    """The command ends with that status, says those words, and both ways of printing agree."""
    outcome = cli.run(*arguments, **environment)
    assert (outcome.status, outcome.out) == (status, ""), outcome.err
    assert words in outcome.err
    document = cli.run(*arguments, "--json", **environment)
    assert document.status == status
    error = document.json()["error"]
    assert error["exit_status"] == status
    assert words in error["message"]
    assert error["remedy"]


CREATE = ("backup", "create", "-n", "daily")


def test_server_that_does_not_answer(cli: CommandLine, tmp_path: Path) -> None:
    fails(cli, 11, "Cannot reach", *CREATE, DATABASE_URL=f"host={tmp_path} dbname=crm")
    assert backups_in(cli) == []


def test_database_that_is_missing(cli: CommandLine) -> None:
    fails(cli, 13, "no such database here", *CREATE, "-d", "no such database here")
    assert backups_in(cli) == []


@pytest.fixture
def picky_role(server: TestServer) -> Iterator[str]:
    """A role that must give its password."""
    server.execute("postgres", "CREATE ROLE picky LOGIN PASSWORD 'right'")
    [(path,)] = server.execute("postgres", "SHOW hba_file")
    rules = ("local all picky scram-sha-256", "local all all trust")
    write_rules(server, path, rules)
    try:
        while can_connect(server, "picky", password="wrong"):
            pass  # the postmaster reads the rules when it gets to it
        yield "picky"
    finally:
        write_rules(server, path, rules[1:])
        server.execute("postgres", "DROP ROLE picky")


def write_rules(server: TestServer, path: str, rules: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{rule}'" for rule in rules)
    server.execute("postgres", f"COPY (SELECT unnest(ARRAY[{listed}])) TO '{path}'")
    server.execute("postgres", "SELECT pg_reload_conf()")


def can_connect(server: TestServer, role: str, *, password: str) -> bool:
    try:
        psycopg.connect(server.target("postgres", role=role).conninfo, password=password).close()
    except psycopg.OperationalError:
        return False
    return True


def test_wrong_password(server: TestServer, cli: CommandLine, crm: DatabaseTarget, picky_role: str) -> None:
    address = server.target(crm.name, role=picky_role).conninfo
    fails(cli, 12, picky_role, *CREATE, DATABASE_URL=address, PGPASSWORD="wr0ng-s3cret")
    everything = "".join(path.read_text(errors="replace") for path in cli.data.rglob("*") if path.is_file())
    assert "wr0ng-s3cret" not in everything


def test_role_that_may_not_read(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    server.execute("postgres", "CREATE ROLE powerless LOGIN")
    try:
        fails(cli, 14, "permission", *CREATE, DATABASE_URL=server.target(crm.name, role="powerless").conninfo)
    finally:
        server.execute("postgres", "DROP ROLE powerless")
    assert backups_in(cli) == []


@pytest.mark.parametrize(
    "command",
    [("backup", "show"), ("backup", "validate"), ("backup", "delete", "--yes"), ("job", "show"), ("job", "wait")],
)
@pytest.mark.parametrize("name", ["nonsense", "../../etc", "latest\x1b[31m"])
def test_unknown_id(cli: CommandLine, command: tuple[str, ...], name: str) -> None:
    fails(cli, 4, "", *command, name)


def test_restore_of_an_unknown_backup_creates_no_database(server: TestServer, cli: CommandLine) -> None:
    fails(cli, 4, "nonsense", "recovery", "execute", "nonsense", "--target", "never_created", "--yes")
    assert server.execute("postgres", "SELECT 1 FROM pg_database WHERE datname = 'never_created'") == []


def test_restore_without_a_target_or_an_answer(server: TestServer, cli: CommandLine) -> None:
    cli.succeed(*CREATE)
    other = server.create_database()
    fails(
        cli,
        5,
        f"{other.name} is the configured one",
        "recovery",
        "execute",
        "latest",
        "--yes",
        DATABASE_URL=other.conninfo,
    )
    fails(cli, 5, "confirmation", "recovery", "execute", "latest", "--target", "x")
    fails(cli, 5, "confirmation", "backup", "delete", "latest")
    assert len(backups_in(cli)) == 1


def test_the_last_good_backup_is_protected(cli: CommandLine) -> None:
    cli.succeed(*CREATE)
    fails(cli, 5, "last", "backup", "delete", "latest", "--yes")
    assert len(backups_in(cli)) == 1
    cli.succeed("backup", "delete", "latest", "--force")
    assert backups_in(cli) == []


def test_a_pinned_backup_is_protected(cli: CommandLine) -> None:
    cli.succeed(*CREATE)
    cli.succeed(*CREATE)
    newest = backups_in(cli)[0]
    cli.succeed("backup", "pin", newest)
    fails(cli, 5, "is pinned", "backup", "delete", newest, "--yes")
    assert len(backups_in(cli)) == 2
    cli.succeed("backup", "unpin", newest)
    cli.succeed("backup", "delete", newest, "--yes")
    assert len(backups_in(cli)) == 1


def test_what_a_label_cannot_be(cli: CommandLine) -> None:
    cli.succeed(*CREATE)
    fails(cli, 2, "the label of a backup", "backup", "label", "latest", "two\nlines")
    fails(cli, 4, "has no backup", "backup", "label", "20200101", "x")


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


def test_a_damaged_backup(server: TestServer, cli: CommandLine) -> None:
    created = cli.json(*CREATE)
    damage(next(Path(created["path"]).glob("*.sql.gz")))
    validated = cli.run("backup", "validate", "latest", "--json")
    assert validated.status == 22
    assert validated.json()["valid"] is False
    assert validated.json()["problems"]
    told = cli.run("backup", "validate", "latest")
    assert told.status == 22
    assert "DAMAGED" in told.out
    fails(cli, 22, "", "recovery", "execute", "latest", "--target", "never_finished", "--yes")
    assert server.execute("postgres", "SELECT 1 FROM pg_database WHERE datname = 'never_finished'") == []


def test_an_unreadable_manifest(cli: CommandLine) -> None:
    created = cli.json(*CREATE)
    manifest = Path(created["path"]) / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_bytes(manifest.read_bytes()[:-100])
    validated = cli.run("backup", "validate", created["id"], "--json")
    assert (validated.status, validated.json()["valid"]) == (22, False)


def test_wrong_configuration(cli: CommandLine) -> None:
    file = cli.home / "config.toml"
    file.write_text("[backup]\njobs = 'many'\n")
    file.chmod(0o600)
    fails(cli, 3, "backup.jobs", "backup", "list", "--config", str(file))


def test_the_application_without_a_terminal(cli: CommandLine) -> None:
    outcome = cli.run()
    assert outcome.status == 60
    assert "pantry-tui backup list" in outcome.err
