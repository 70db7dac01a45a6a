"""Monitoring on the command line, with a runner and without."""

from __future__ import annotations

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.engine.test_around import web as web
from tests.unit.notify.servers import WebServer

LITTLE = "[monitoring.thresholds]\nmin_disk_space_gb = 0.000001\n"


@pytest.fixture
def watched(cli: CommandLine) -> CommandLine:
    """By thresholds that a test machine meets."""
    return configured(cli, LITTLE)


def configured(cli: CommandLine, text: str) -> CommandLine:
    path = cli.home / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    cli.environment["PANTRY_CONFIG"] = str(path)
    return cli


def test_without_a_runner(watched: CommandLine, crm: DatabaseTarget) -> None:
    nothing = watched.run("monitor", "health")
    assert nothing.status == 66, nothing.err
    first, *rest = nothing.out.splitlines()
    assert first.split(maxsplit=2) == ["critical", crm.name, "No: there is no backup of it."]
    assert any(f"take one now: pantry-tui backup create -n now -d {crm.name}" in line for line in rest)
    assert rest[-1].startswith("critical: ")
    watched.succeed("backup", "create", "-n", "daily")
    probably = watched.run("monitor", "health", "--json")
    document = probably.json()
    assert (probably.status, document["status"]) == (65, "warning")
    assert {check["kind"] for check in document["checks"]} >= {"recent_backup", "server", "disk_space", "catalog"}
    assert watched.run("monitor", "health", "-v").out.count("\nok ") > 5
    own = watched.run("monitor", "health", "-d", crm.name, "--json").json()
    assert {check["database"] for check in own["checks"]} == {crm.name}
    assert watched.run("monitor", "health", "-d", "nope").status == 4
    assert watched.left_behind() == []


def test_alerts_from_the_first_to_the_last(watched: CommandLine, crm: DatabaseTarget) -> None:
    assert "no alert" in watched.run("monitor", "alerts").err
    watched.run("monitor", "health")
    listed = watched.succeed("monitor", "alerts").out
    assert "there is no backup of it" in listed
    [alert] = [each for each in watched.json("monitor", "alerts") if each["type"] == "backup_too_old"]
    assert (alert["severity"], alert["state"], alert["told_at"]) == ("critical", "open", None)
    assert "acknowledged: " in watched.succeed("monitor", "ack", alert["id"]).out
    assert "acknowledged by" in watched.succeed("monitor", "alerts").out
    assert watched.json("monitor", "resolve", alert["id"])["state"] == "resolved"
    assert alert["id"] not in watched.succeed("monitor", "alerts").out
    assert alert["id"] in watched.succeed("monitor", "alerts", "--all").out
    assert watched.run("monitor", "ack", alert["id"]).status == 5
    assert watched.run("monitor", "ack", "nope").status == 4


def test_from_cron_people_are_told_once(cli: CommandLine, crm: DatabaseTarget, web: WebServer) -> None:
    cli.environment["HOOK"] = f"http://127.0.0.1:{web.port}/hook"
    configured(
        cli,
        '[notifications.ops]\nkind = "slack"\nurl = "env:HOOK"\n[monitoring]\ncontacts = ["ops"]\n' + LITTLE,
    )
    cli.run("monitor", "health")
    assert web.requests == []
    for _ in range(2):
        assert cli.run("monitor", "health", "--alert-on-failure").status == 66
    [request] = web.requests
    assert (request.path, "the newest backup is too old" in request.body.decode()) == ("/hook", True)


def test_with_a_runner(watched: CommandLine, crm: DatabaseTarget) -> None:
    watched.succeed("runner", "start")
    assert watched.run("monitor", "health").status == 66
    watched.succeed("schedule", "create", "nightly", "0 2 * * *", "--timezone", "UTC")
    outcome = watched.run("monitor", "health", "--json")
    checks = {check["id"]: check["status"] for check in outcome.json()["checks"]}
    assert (checks["runner:host:alive"], checks[f"tier:{crm.name}"]) == ("ok", "warning")
    assert watched.json("monitor", "compliance", "--days", "3")[-1]["schedule"] == "nightly"
    assert "nightly" in watched.succeed("monitor", "compliance").out


def test_the_objective_is_spoken_of_at_set_up(watched: CommandLine) -> None:
    daily = watched.succeed("schedule", "create", "nightly", "0 2 * * *", "--timezone", "UTC")
    assert "the recovery point objective of 4 h 00 min (standard) cannot be met" in daily.err
    often = watched.succeed("schedule", "create", "often", "15 */4 * * *", "--kind", "incremental", "--timezone", "UTC")
    assert "objective" not in often.err
