"""The recovery wizard as plain questions and answers, on a terminal that can do nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import PROGRAM, CommandLine
from tests.engine.terminal import Terminal
from tests.servers import TestServer

ROWS = "SELECT count(*), sum(hashtext(t::text)) FROM t"


@pytest.fixture
def target(server: TestServer) -> DatabaseTarget:
    database = server.create_database()
    server.execute(database, "CREATE TABLE t (a int PRIMARY KEY, b text)")
    server.execute(database, "INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 1000) n")
    return database


@pytest.fixture
def cli(tmp_path: Path, target: DatabaseTarget) -> CommandLine:
    return CommandLine(tmp_path, target)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def plain(cli: CommandLine, terminals: list[Terminal], *arguments: str) -> Terminal:
    environment = {**cli.environment, "TERM": "dumb"}
    terminal = Terminal([*PROGRAM, "recover", "--plain", *arguments], environment, cli.home)
    terminals.append(terminal)
    return terminal


def say(terminal: Terminal, answer: str, question: str) -> str:
    """Answers, and reads on until the next prompt behind that question."""
    seen = len(terminal.shown)
    terminal.type(answer)
    said = terminal.read_behind(seen, question)
    return said + terminal.read_behind(seen + said.index(question), "): ")


def test_rows_come_back_by_pressing_enter(
    cli: CommandLine, terminals: list[Terminal], server: TestServer, target: DatabaseTarget
) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    before = server.execute(target, ROWS)
    server.execute(target, "DELETE FROM t WHERE a % 3 = 0")
    terminal = plain(cli, terminals)
    assert "Rows were deleted or changed by mistake (recommended)" in terminal.read_until("): ")
    assert "Take an emergency backup first (recommended)" in say(terminal, "", "== What is left")
    assert "is none of the answers" in say(terminal, "9", "! ")
    say(terminal, "", "== Which backup?")
    assert "333 fewer now" in say(terminal, "", "== Which tables")
    assert "WRONG" not in say(terminal, "", "== This is what it would do")
    assert "ok: Nothing has been changed." in say(terminal, "", "== This is what it would change")
    said = say(terminal, "", "== Type the name of the database")
    assert target.name in said
    assert "type " in say(terminal, "wrong", "! ")
    say(terminal, target.name, "== Is it right?")
    assert "Within 2 hours" in say(terminal, "", "== What now?")
    assert server.execute(target, ROWS) == before
    terminal.type("")
    assert terminal.end() == 0
    assert "The wizard has ended." in terminal.shown


def test_it_is_left_and_taken_up_again(cli: CommandLine, terminals: list[Terminal]) -> None:
    cli.succeed("backup", "create", "-n", "daily")
    terminal = plain(cli, terminals)
    terminal.read_until("): ")
    say(terminal, "3", "== What is left")
    terminal.type("l")
    assert terminal.end() == 0
    again = plain(cli, terminals)
    assert "it goes on where it stood" in again.read_until("): ")
    assert "What happened?" in say(again, "b", "== What happened?")
    again.type("q")
    assert again.end() == 0


def test_a_bare_machine_with_nothing_but_the_backups(
    cli: CommandLine, terminals: list[Terminal], server: TestServer, target: DatabaseTarget, tmp_path: Path
) -> None:
    backup = cli.json("backup", "create", "-n", "daily")
    before = server.execute(target, ROWS)
    shutil.rmtree(cli.data)
    moved = tmp_path / "found"
    cli.repository.rename(moved)
    del cli.environment["BACKUP_DIR"]
    restored = server.drop_after_test(f"{target.name}_restored")
    terminal = plain(cli, terminals, "--from", str(moved / backup["id"]))
    terminal.read_until("): ")
    say(terminal, "4", "== What is left")
    assert "whom this machine does not know" in say(terminal, "2", "== Is this backup yours?")
    say(terminal, "1", "== Where to?")
    say(terminal, "2", "== This is what it would do")
    say(terminal, "2", "== Type the name of the database")
    say(terminal, restored.name, "== Is it right?")
    assert server.execute(restored, ROWS) == before
    terminal.type("q")
    assert terminal.end() == 0


def test_without_a_terminal_the_commands_are_named(cli: CommandLine) -> None:
    outcome = cli.run("recover")
    assert outcome.status != 0
    assert "pantry-tui recovery plan" in outcome.err


def test_a_path_that_is_none_is_named(cli: CommandLine, terminals: list[Terminal]) -> None:
    terminal = plain(cli, terminals, "--from", "/nonexistent")
    assert terminal.end() == 4
    assert "/nonexistent is no directory" in terminal.shown
