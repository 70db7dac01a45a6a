"""Drills on the command line, with real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.engine.conftest import SCHEMA
from tests.engine.recovery.restoring import damage, databases
from tests.servers import TestServer

PROMISED = {"id", "ok", "phases", "total_seconds", "rto_seconds", "rto_met", "rows", "tables", "where", "failure"}


@pytest.fixture(autouse=True)
def _nothing_left(server: TestServer, cli: CommandLine) -> Iterator[None]:
    yield
    assert [name for name in databases(server) if "_drill" in name] == []
    assert {path.name for path in cli.data.glob("drills/*")} <= {".lock"}


def back_up(cli: CommandLine, name: str, *options: str) -> tuple[str, Path]:
    created = cli.json("backup", "create", "-n", name, *options)
    return created["id"], Path(created["path"])


def test_the_whole_way(cli: CommandLine, crm: DatabaseTarget) -> None:
    backup_id, _ = back_up(cli, "daily")
    document = cli.json("recovery", "drill", "latest")
    [drill] = document["drills"]
    assert (document["ok"], set(drill) >= PROMISED) == (True, True)
    assert (drill["id"], drill["ok"], drill["where"], drill["tables"]) == (backup_id, True, "private", 2)
    assert (drill["rows"], drill["rto_seconds"], drill["rto_met"]) == (1000, None, None)

    [listed] = cli.json("backup", "list")
    assert (listed["proven_at"], listed["drilled_at"], listed["drilled"]) == (
        drill["finished_at"],
        drill["finished_at"],
        True,
    )
    assert "ago" in cli.succeed("backup", "list").out.splitlines()[1].split("never")[1]
    assert "proven" in cli.succeed("backup", "show", backup_id).out

    [job] = cli.json("recovery", "list")
    assert (job["kind"], job["state"], job["id"]) == ("drill", "succeeded", drill["drill_id"])
    shown = cli.succeed("recovery", "show", drill["drill_id"]).out
    assert "pre-data" in shown
    assert cli.left_behind() == []


def test_what_people_read(cli: CommandLine, crm: DatabaseTarget) -> None:
    backup_id, _ = back_up(cli, "daily")
    config = cli.home / ".config" / "pantry-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[databases.{crm.name}]\nurl = "{_uri(crm)}"\ntier = "critical"\n')
    config.chmod(0o600)
    said = cli.succeed("recovery", "drill", "-d", crm.name, "--on", "server").out.splitlines()
    assert said[0].startswith(f"{backup_id} of database {crm.name}, on its server, PostgreSQL ")
    assert said[1].split() == ["PHASE", "TIME"]
    assert said[-1].startswith(f"Proven: {backup_id} of database {crm.name}: 2 tables, 1,000 rows, 3 constraints,")
    assert said[-1].endswith("within the objective of 2 h 00 min")


def _uri(target: DatabaseTarget) -> str:
    keys = dict(part.split("=", 1) for part in target.conninfo.split())
    return f"postgresql://{keys['user']}@/{keys['dbname']}?host={keys['host']}&port={keys['port']}"


def test_every_database_is_drilled_and_the_first_failure_counts(
    server: TestServer, cli: CommandLine, crm: DatabaseTarget
) -> None:
    other = server.create_database()
    server.execute(other, SCHEMA)
    _, older = back_up(cli, "older", "-d", crm.name)
    broken, directory = back_up(cli, "newer", "-d", crm.name)
    back_up(cli, "structure", "-d", crm.name, "--kind", "schema")
    sound, _ = back_up(cli, "of the other", "-d", other.name)
    damage(directory / "newer.sql.gz", 200)

    outcome = cli.run("recovery", "drill", "--on", "server", "--json")
    assert outcome.status == 22, outcome.err
    document = outcome.json()
    assert document["ok"] is False
    found = {drill["id"]: drill for drill in document["drills"]}
    assert {backup_id: drill["ok"] for backup_id, drill in found.items()} == {broken: False, sound: True}
    assert found[broken]["failure"]["code"] == "backup_damaged"
    assert "newer.sql.gz" in outcome.err

    states = {job["backup_id"]: job["state"] for job in cli.json("recovery", "list")}
    assert states == {broken: "failed", sound: "succeeded"}
    lines = cli.succeed("backup", "list").out.splitlines()
    assert ["FAILED" in line for line in lines if broken in line] == [True]
    assert ["FAILED" in line for line in lines if older.name in line] == [False]
    assert "FAILED" in cli.succeed("backup", "show", broken).out


def test_what_cannot_be_drilled(cli: CommandLine, crm: DatabaseTarget) -> None:
    outcome = cli.run("recovery", "drill")
    assert outcome.status == 4, outcome.err
    rows, _ = back_up(cli, "rows", "--kind", "data")
    outcome = cli.run("recovery", "drill")
    assert outcome.status == 4, outcome.err
    outcome = cli.run("recovery", "drill", rows)
    assert (outcome.status, "rows alone" in outcome.err) == (2, True)
    assert f"Not drilled: {rows}" in outcome.out
    assert cli.json("backup", "show", rows)["drilled"] is None


def test_an_encrypted_backup(cli: CommandLine, crm: DatabaseTarget) -> None:
    made = cli.json("key", "generate", "--output", str(cli.home / "identity.txt"), "--no-passphrase")
    backup_id, _ = back_up(cli, "sealed", "--recipient", made["recipient"])
    outcome = cli.run("recovery", "drill", backup_id)
    assert (outcome.status, "identity" in outcome.err) == (27, True)
    document = cli.json("recovery", "drill", backup_id, "--identity", str(cli.home / "identity.txt"))
    assert document["ok"] is True
