"""Retention of real backups by the command line: chains, proofs, pins, and the step after a backup."""

from __future__ import annotations

import pytest

from tests.engine.command_line import CommandLine
from tests.servers import TestServer


def configured(cli: CommandLine, text: str) -> None:
    """From now on commands read a configuration file too."""
    path = cli.home / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    cli.environment["PANTRY_CONFIG"] = str(path)


def take(cli: CommandLine, *options: str) -> str:
    return str(cli.json("backup", "create", "-n", "daily", *options)["id"])


def listed(cli: CommandLine) -> list[str]:
    return [backup["id"] for backup in cli.json("backup", "list")]


def test_chains_proofs_and_pins(server: TestServer, cli: CommandLine) -> None:
    configured(cli, "[retention]\ncount = 1\nafter_backup = false\n")
    proven, pinned, base = take(cli), take(cli), take(cli)
    middle, last = (take(cli, "--kind", "incremental", "--base", base) for _ in range(2))
    target = server.drop_after_test("proves a backup")
    cli.succeed("recovery", "execute", proven, "--target", target.name, "--yes")
    cli.succeed("backup", "pin", pinned)

    shown = cli.json("retention", "preview")
    rules = {verdict["backup_id"]: verdict["rules"] for verdict in shown["backups"]}
    assert rules == {
        proven: ["last_proven"],
        pinned: ["pinned"],
        base: ["needed"],
        middle: ["expired"],
        last: ["last_valid", "count"],
    }
    assert (shown["applied"], shown["kept"], shown["deleted"]) == (False, 4, 1)

    dry = cli.succeed("retention", "apply")
    assert "4 backups kept, 1 would be deleted" in dry.out
    assert "to delete, add --yes" in dry.err
    assert len(listed(cli)) == 5

    done = cli.succeed("retention", "apply", "--yes")
    assert "4 backups kept, 1 deleted" in done.out
    assert middle not in listed(cli)
    cli.succeed("backup", "unpin", pinned)
    take(cli)
    assert "5 backups kept" not in cli.succeed("retention", "apply", "--yes").out
    assert cli.succeed("catalog", "check").status == 0  # what was deleted has its tombstone
    assert cli.json("backup", "validate", proven)["valid"]
    trail = [entry for entry in cli.json("audit", "list") if entry["action"] == "backup.delete"]
    assert {entry["object"] for entry in trail} == {middle, last, base, pinned}
    assert [entry["object"] for entry in trail].index(base) < [entry["object"] for entry in trail].index(last)


def test_after_a_backup_and_only_after_one_that_succeeded(cli: CommandLine) -> None:
    configured(cli, "[retention]\ncount = 2\n")
    made = [take(cli) for _ in range(3)]
    assert listed(cli) == [made[2], made[1]]
    job = cli.json("job", "list")[0]
    log = cli.succeed("job", "log", job["id"]).out
    assert f"deleted {made[0]}: no rule keeps it: the newest 2" in log

    for _ in range(3):
        failed = cli.run("backup", "create", "-n", "daily", "-d", "no_such_database")
        assert failed.status == 13
    assert listed(cli) == [made[2], made[1]]


def test_damaged_backups_count_for_nothing(cli: CommandLine) -> None:
    configured(cli, "[retention]\ncount = 1\n")
    good = take(cli)
    configured(cli, "[retention]\ncount = 1\nafter_backup = false\n")
    bad = take(cli)
    (cli.repository / bad / "globals.sql").unlink()
    report = cli.json("retention", "apply", "--yes")
    assert (report["deleted"], [verdict["rules"] for verdict in report["backups"]]) == (
        0,
        [["damaged"], ["last_valid", "count"]],
    )
    assert set(listed(cli)) == {good, bad}


def test_backups_of_schedules_that_are_not_known_stay(cli: CommandLine) -> None:
    configured(cli, "[retention]\ncount = 1\n")
    cli.succeed("schedule", "create", "years", "@yearly", "-r", "3650")
    [kept] = cli.json("schedule", "execute", "years")["jobs"]
    take(cli)
    (cli.data / "schedules.json").unlink()
    (cli.data / "schedules.json.previous").unlink(missing_ok=True)

    report = cli.json("retention", "apply", "--yes")

    reasons = {each["backup_id"]: each["reasons"] for each in report["backups"]}
    assert reasons[kept["backup_id"]] == [f"no policy is for backups of the schedule {kept['schedule']}"]
    (cli.data / "schedules.json").write_text("{")
    refused = cli.run("retention", "apply", "--yes")
    assert (refused.status, "not certain that all schedules are known" in refused.err) == (5, True)


def test_backups_of_a_deleted_schedule_are_kept_as_it_said(cli: CommandLine) -> None:
    configured(cli, "[retention]\ncount = 1\n[policies.one]\ncount = 1\n")
    cli.succeed("schedule", "create", "short", "@yearly", "--retention-policy", "one")
    cli.succeed("schedule", "create", "long", "@yearly", "-r", "3650")
    made = {
        name: [cli.json("schedule", "execute", name)["jobs"][0]["backup_id"] for _ in range(2)]
        for name in ("long", "short")
    }
    for name in made:
        cli.succeed("schedule", "delete", name)
    newest = take(cli)

    cli.succeed("retention", "apply", "--yes")

    assert set(listed(cli)) == {*made["long"], made["short"][1], newest}


def test_without_a_policy_nothing_goes_by_itself(cli: CommandLine) -> None:
    made = [take(cli) for _ in range(2)]
    assert set(listed(cli)) == set(made)
    shown = cli.succeed("retention", "preview").out
    assert "0 days older than the newest; 30 are kept" in shown
    assert cli.run("retention", "apply", "--yes", "-d", "elsewhere").status == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[retention]\ntimezone = "Mars/Olympus"\n', "there is no time zone 'Mars/Olympus'"),
        ('[retention]\nmax_size = "much"\n', "retention.max_size is no size: 'much'"),
        ("[retention]\ndays = 0\n", "retention.days must be a whole number"),
        ("[databases.crm.retention]\nday = 3\n", "unknown key 'day' in [databases.crm.retention]"),
    ],
)
def test_a_wrong_policy_is_refused(cli: CommandLine, text: str, words: str) -> None:
    configured(cli, text)
    refused = cli.run("retention", "preview")
    assert (refused.status, words in refused.err) == (3, True), refused.err
