"""The runbook: what it says of this host is so, and its commands do what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pantry_tui.guide.runbook import RunbookFacts, runbook, stock_commands
from pantry_tui.models import BackupSummary, DatabaseTarget
from tests.engine.command_line import CommandLine
from tests.servers import TestServer

ROOT = Path(__file__).parents[2]
ROWS = "SELECT count(*), sum(hashtext(t::text)) FROM t"


@pytest.fixture
def target(server: TestServer) -> DatabaseTarget:
    database = server.create_database()
    server.execute(database, "CREATE TABLE t (a int PRIMARY KEY, b text)")
    server.execute(database, "INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 500) n")
    return database


@pytest.fixture
def cli(tmp_path: Path, target: DatabaseTarget) -> CommandLine:
    return CommandLine(tmp_path, target)


def test_the_one_in_the_root_is_the_one_that_is_made() -> None:
    assert (ROOT / "DISASTER_RECOVERY.md").read_text() == runbook(RunbookFacts())


def test_it_names_what_there_is(cli: CommandLine, target: DatabaseTarget) -> None:
    backup = cli.json("backup", "create", "-n", "daily")
    said = cli.succeed("runbook").out
    assert f"## Database {target.name}" in said
    assert backup["id"] in said
    assert str(cli.repository) in said
    assert "never; `pantry-tui recovery drill` measures it" in said
    assert "back within 4 h, at most 4 h of work lost" in said


def test_before_anything_is_there_it_can_be_printed_too(cli: CommandLine) -> None:
    assert "## Without this program" in cli.succeed("runbook").out


def test_the_commands_to_look_first_work(cli: CommandLine) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    said = cli.succeed("runbook").out
    first = re.search("Look first:\n\n```sh\n(.*?)```", said, re.DOTALL)
    assert first is not None
    commands = [shlex.split(line) for line in first[1].splitlines()]
    assert len(commands) == 3
    for program, *arguments in commands:
        assert program == "pantry-tui"
        cli.succeed(*arguments)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_without_this_program_it_comes_back_too(
    cli: CommandLine, server: TestServer, target: DatabaseTarget, compression: str
) -> None:
    made = cli.json("backup", "create", "-n", "daily", "--compression", compression)
    shown = cli.json("backup", "show", made["id"])
    summary = BackupSummary.from_builtins({**shown.get("summary", shown)})
    restored = server.drop_after_test(f"{target.name}_by_hand")
    place = dict(part.split("=", 1) for part in target.conninfo.split())
    environment = {
        "PATH": f"{target.client_tools}:{os.environ['PATH']}" if target.client_tools else os.environ["PATH"],
        "PGHOST": place["host"],
        "PGPORT": place["port"],
        "PGUSER": place["user"],
        "LC_ALL": "C.UTF-8",
    }
    script = stock_commands(summary, database=restored.name)
    done = subprocess.run(
        ["sh", "-c", script], cwd=made["path"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert server.execute(restored, ROWS) == server.execute(target, ROWS), done.stderr
    assert "pantry-tui: end of backup" in done.stdout
