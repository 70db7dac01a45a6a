"""Plans and reports on the command line, with real processes: what a person reads before and after."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.command_line import CommandLine
from tests.engine.recovery.foreign import ROLE, make_role, written
from tests.engine.recovery.planning import state
from tests.engine.test_cli_drill import _uri
from tests.servers import TestServer

ASSERTIONS = {"contacts are there": "SELECT count(*) = 500 FROM contacts"}
PROMISED = {
    "executable", "way", "why", "tables", "cycles", "dependents", "locks", "room", "loss", "estimate", "assertions", "risks",
    "warnings", "refusals", "command", "dry_run_command",
}  # fmt: skip


def configure(cli: CommandLine, crm: DatabaseTarget, assertions: dict[str, str]) -> None:
    file = cli.home / ".config" / "pantry-tui" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'"{name}" = "{query}"' for name, query in assertions.items()]
    head = f'[databases.{crm.name}]\nurl = "{_uri(crm)}"\ntier = "critical"\n[databases.{crm.name}.assertions]\n'
    file.write_text(head + "\n".join(lines) + "\n")
    file.chmod(0o600)
    cli.environment["DATABASE_URL"] = ""


def test_from_the_plan_to_the_report(server: TestServer, cli: CommandLine, crm: DatabaseTarget, tmp_path: Path) -> None:
    configure(cli, crm, ASSERTIONS)
    cli.succeed("backup", "create", "-n", "daily")
    server.execute(crm, "DELETE FROM notes; INSERT INTO contacts VALUES (501, 'new')")

    planned = cli.json("recovery", "plan", "latest", "--no-probe")
    assert planned.keys() >= PROMISED
    assert (planned["executable"], planned["way"], planned["refusals"]) == (True, "side by side", [])
    assert planned["assertions"] == list(ASSERTIONS)
    assert (planned["estimate"]["source"], planned["estimate"]["rto_seconds"]) == ("backup", 7200)
    # Exactly the command that it tells is what does it.
    words = shlex.split(planned["command"])
    done = cli.json(*words[1:], "--yes")
    assert [each["holds"] for each in done["assertions"]] == [True]

    refused = cli.run("recovery", "plan", "latest", "--target", f"{crm.name}_new", "--batch-size", "10")
    assert (refused.status, refused.out.splitlines()[1]) == (2, "It can NOT be executed now, for 1 reason:")
    text = cli.succeed("recovery", "plan", "latest", "-t", "public.notes", "-s", "merge").out
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("  pantry-tui"))
    assert "in place: merge puts rows into tables" in text
    again = cli.json("recovery", "plan", "latest", "--no-probe")
    assert again["estimate"]["source"] == "history"
    assert again["estimate"]["least"] < sum(done["measured"]["phases"].values()) < again["estimate"]["most"]

    file = tmp_path / "incident.md"
    cli.succeed("recovery", "report", done["id"], "-o", str(file))
    report = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"pantry-tui recovery rollback {done['id']}" in report
    assert "| `public.contacts` | 500 |" in report
    assert cli.left_behind() == []


def test_what_refuses_it_is_the_exit_status(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    configure(cli, crm, {"nobody is there": "SELECT count(*) = 0 FROM contacts"})
    created = cli.json("backup", "create", "-n", "daily")
    before = state_of(server, crm, created)
    outcome = cli.run("recovery", "plan", "latest", "--target", f"{crm.name}_new", "--batch-size", "10")
    assert outcome.status == 2
    assert "It can NOT be executed now, for 1 reason:" in outcome.out
    assert "1. a batch size has no meaning here" in outcome.out
    assert "2 tables, those that others refer to first:" in outcome.out
    assert state_of(server, crm, created) == before

    failed = cli.run("recovery", "execute", "latest", "-t", "public.notes", "--yes")
    assert failed.status == 31
    assert "assertion nobody is there: it returned false" in failed.err
    [job] = cli.json("recovery", "list")
    tried = cli.run("recovery", "execute", "latest", "-t", "public.notes", "--dry-run")
    assert tried.status == 31
    assert "Would fail" in tried.out
    file = cli.home / "incident.md"
    report = cli.succeed("recovery", "report", job["id"]).out
    cli.succeed("recovery", "report", job["id"], "-o", str(file))
    assert file.read_text() == report
    assert cli.run("recovery", "report", job["id"], "-o", str(file)).status == 5
    assert "| outcome | **failed** |" in report
    assert "| Exchanging rows, in one transaction |" in report.replace("\\", "")


def state_of(server: TestServer, crm: DatabaseTarget, created: dict[str, str]) -> tuple[object, ...]:
    return state(server, crm, RepositoryTarget(name="local", location=str(Path(created["path"]).parent)))


def test_elsewhere_and_of_dumps(server: TestServer, cli: CommandLine, crm: DatabaseTarget) -> None:
    """Exactly the commands that plans tell are what does it."""
    cli.succeed("backup", "create", "-n", "daily")
    planned = cli.json("recovery", "plan", "latest", "--rename-schema", "public=yesterday", "--no-probe")
    assert (planned["way"], planned["executable"]) == ("beside", True)
    done = cli.json(*shlex.split(planned["command"])[1:], "--yes")
    assert {table["schema"] for table in done["tables"]} == {"yesterday"}
    again = cli.run("recovery", "plan", "latest", "--rename-schema", "public=yesterday")
    assert (again.status, "has a schema yesterday already" in again.out) == (5, True)

    make_role(server)
    written(cli.home, "CREATE TABLE t (a int);\nCOPY t (a) FROM stdin;\n1\n\\.\n")
    name = server.drop_after_test(f"{crm.name}_theirs").name
    address = server.target(name, role=ROLE).conninfo
    plan = cli.json("recovery", "plan", "./theirs.sql", "--target", address)
    assert (plan["executable"], plan["rows"], plan["backup_id"]) == (True, 1, None)
    made = cli.json("backup", "import", "./theirs.sql", "-n", "theirs", "-d", "theirs")
    text = cli.succeed("recovery", "plan", made["id"], "--target", address).out
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith(("  pantry-tui", "Plan: ")))
    assert "Not known beforehand:" in text
    for command in (plan["command"], text.splitlines()[-1]):
        assert cli.json(*shlex.split(command)[1:], "--yes")["status"] == "unverified"
        server.drop_database(name)
    assert cli.run("recovery", "plan", "./theirs.sql", "--target", address, "-t", "t").status == 2
    assert cli.left_behind() == []
