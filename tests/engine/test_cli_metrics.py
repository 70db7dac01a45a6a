"""`pantry-tui monitor stats | history | metrics` and `audit` after real jobs, as a person or a script calls them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pantry_tui.cli.main import main
from tests.engine.command_line import CommandLine, Outcome

Look = Callable[..., Outcome]


@pytest.fixture
def look(cli: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Look:
    """Runs a command that only looks in this process, which spares starting one for each."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = main(arguments)
        shown = capsys.readouterr()
        return Outcome(status, shown.out, shown.err)

    return run


def document(look: Look, *arguments: str) -> Any:
    outcome = look(*arguments, "--json")
    assert outcome.status == 0, outcome.err
    return json.loads(outcome.out)


def test_what_was_measured_is_shown_without_a_runner(cli: CommandLine, look: Look) -> None:
    assert document(look, "monitor", "history")["days"] == []
    assert document(look, "monitor", "stats")["backups"] == 0
    assert "nothing was measured yet" in look("monitor", "history").err
    backup = cli.json("backup", "create", "-n", "first")
    name = backup["database"]
    assert cli.run("backup", "create", "-n", "second", "-d", "nowhere_at_all").status != 0

    history = document(look, "monitor", "history", "--days", "2")
    [*_, day] = history["databases"][name]
    assert (day["backups"], day["stored_bytes"], day["rows"]) == (1, backup["bytes"], backup["rows"])
    assert sum(each["failures"] for each in history["days"]) == 1
    stats = document(look, "monitor", "stats", "-d", name)
    [crm] = stats["databases"]
    assert (crm["backups"], crm["failures"], crm["stored_backups"]) == (1, 0, 1)
    assert (stats["backups"], stats["failures"], stats["jobs"]) == (1, 1, 2)

    table = look("monitor", "history").out
    assert table.startswith("DAY ")
    assert "median" in table
    assert name in look("monitor", "stats").out
    assert " of CPU time, " in look("job", "show", document(look, "job", "list")[-1]["id"]).out
    families = {family.name for family in text_string_to_metric_families(look("monitor", "metrics").out)}
    assert {"pantry_jobs", "pantry_stored_backups", "pantry_runner_up"} <= families
    for command in ("history", "stats"):
        outcome = look("monitor", command, "-d", "unheard-of")
        assert outcome.status == 4
        assert "unheard-of" in outcome.err

    plain = cli.run("monitor", "history", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert plain.status == 0
    assert "\\u" not in plain.out
    assert plain.out.isascii()
    assert "\nstored  #\n" in plain.out


def test_a_runner_answers_with_its_own(cli: CommandLine, look: Look) -> None:
    assert "pantry_runner_up 0" in look("monitor", "metrics").out
    cli.succeed("runner", "start")

    told = look("monitor", "metrics").out

    assert "pantry_runner_up 1" in told
    assert 'pantry_runner_jobs{state="running"} 0' in told
    assert document(look, "monitor", "metrics") == {"format": "prometheus", "text": look("monitor", "metrics").out}


def test_the_audit_trail_is_searched_and_verified(cli: CommandLine, look: Look) -> None:
    backup = cli.json("backup", "create", "-n", "first")
    cli.succeed("backup", "pin", backup["id"])

    [marked] = document(look, "audit", "list", "--action", "backup.mark", "--since", "1h", "-l", "1")
    assert (marked["object"], marked["result"]) == (backup["id"], "done")
    assert document(look, "audit", "list", "--who", "nobody-of-that-name") == []
    assert document(look, "audit", "list", "--since", "2999-01-01") == []
    titles = [entry["details"]["title"] for entry in document(look, "audit", "list", "--object", "backup of *")]
    assert len(titles) == 2
    assert look("audit", "list", "--since", "yesterday").status == 2

    whole = document(look, "audit", "verify")
    assert (whole["whole"], whole["problems"]) == (True, [])
    trail = cli.data / "audit.jsonl"
    lines = trail.read_bytes().splitlines(keepends=True)
    assert whole["lines"] == len(lines)
    trail.write_bytes(b"".join(lines[:-2]))
    cut = look("audit", "verify", "--json")
    assert cut.status == 20
    assert [problem["line"] for problem in cut.json()["problems"]] == [None]

    cli.succeed("backup", "unpin", backup["id"])  # the next to write keeps it in mind
    assert "2 lines are missing at the end" in look("audit", "verify").out
    kept = look("audit", "verify", "--head", whole["head"], "--json")
    assert [problem["line"] is None for problem in kept.json()["problems"]] == [False, True]
