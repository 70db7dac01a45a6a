"""`pantry-tui monitor stats | history | metrics` as a person or a script calls them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.engine.command_line import CommandLine


def test_what_was_measured_is_shown_without_a_runner(cli: CommandLine) -> None:
    assert cli.json("monitor", "history")["days"] == []
    assert cli.json("monitor", "stats")["backups"] == 0
    assert "nothing was measured yet" in cli.succeed("monitor", "history").err
    backup = cli.json("backup", "create", "-n", "first")
    name = backup["database"]
    cli.environment["DATABASE_URL"] += " dbname=nowhere_at_all"
    assert cli.run("backup", "create", "-n", "second").status != 0

    history = cli.json("monitor", "history", "--days", "2")
    [day] = history["databases"][name]
    assert (day["backups"], day["stored_bytes"], day["rows"]) == (1, backup["bytes"], backup["rows"])
    assert [each["failures"] for each in history["days"]] == [1]
    stats = cli.json("monitor", "stats", "-d", name)
    [crm] = stats["databases"]
    assert (crm["backups"], crm["failures"], crm["stored_backups"]) == (1, 0, 1)
    assert (stats["backups"], stats["failures"], stats["jobs"]) == (1, 1, 2)

    table = cli.succeed("monitor", "history").out
    assert table.startswith("DAY ")
    assert "median" in table
    assert name in cli.succeed("monitor", "stats").out
    families = {family.name for family in text_string_to_metric_families(cli.succeed("monitor", "metrics").out)}
    assert {"pantry_jobs", "pantry_stored_backups", "pantry_runner_up"} <= families


def test_a_terminal_that_knows_ascii_alone_is_shown_ascii(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "first")

    shown = cli.run("monitor", "history", PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert shown.status == 0
    assert "\\u" not in shown.out
    assert "stored  #" in shown.out


def test_a_runner_answers_with_its_own(cli: CommandLine) -> None:
    assert "pantry_runner_up 0" in cli.succeed("monitor", "metrics").out
    cli.succeed("runner", "start")

    told = cli.succeed("monitor", "metrics").out

    assert "pantry_runner_up 1" in told
    assert 'pantry_runner_jobs{state="running"} 0' in told
    assert cli.json("monitor", "metrics") == {"format": "prometheus", "text": cli.succeed("monitor", "metrics").out}


def test_a_database_that_was_never_measured(cli: CommandLine) -> None:
    for command in ("history", "stats"):
        outcome = cli.run("monitor", command, "-d", "unheard-of")
        assert outcome.status == 4
        assert "unheard-of" in outcome.err


def test_the_audit_trail_is_searched_and_verified(cli: CommandLine) -> None:
    backup = cli.json("backup", "create", "-n", "first")
    cli.succeed("backup", "pin", backup["id"])

    [marked] = cli.json("audit", "list", "--action", "backup.mark", "--since", "1h", "-l", "1")
    assert (marked["object"], marked["result"]) == (backup["id"], "done")
    assert cli.json("audit", "list", "--who", "nobody-of-that-name") == []
    assert cli.json("audit", "list", "--since", "2999-01-01") == []
    titles = [entry["details"]["title"] for entry in cli.json("audit", "list", "--object", "backup of *")]
    assert len(titles) == 2
    assert cli.run("audit", "list", "--since", "yesterday").status == 2

    whole = cli.json("audit", "verify")
    assert (whole["whole"], whole["problems"]) == (True, [])
    trail = cli.data / "audit.jsonl"
    lines = trail.read_bytes().splitlines(keepends=True)
    assert whole["lines"] == len(lines)
    trail.write_bytes(b"".join(lines[:-2]))
    cut = cli.run("audit", "verify", "--json")
    assert cut.status == 20
    assert [problem["line"] for problem in cut.json()["problems"]] == [None]

    cli.succeed("backup", "unpin", backup["id"])  # the next to write keeps it in mind
    assert "2 lines are missing at the end" in cli.run("audit", "verify").out
    kept = cli.run("audit", "verify", "--head", whole["head"], "--json")
    assert [problem["line"] is None for problem in kept.json()["problems"]] == [False, True]
