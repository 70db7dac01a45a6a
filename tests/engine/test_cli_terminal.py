"""What the command line asks and shows when somebody sits at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.models import DatabaseTarget
from tests.engine.command_line import PROGRAM, CommandLine
from tests.engine.terminal import Terminal
from tests.servers import TestServer


def at_terminal(cli: CommandLine, *arguments: str) -> Terminal:
    return Terminal([*PROGRAM, *arguments], cli.environment, cli.home)


@pytest.fixture
def cli(tmp_path: Path, server: TestServer) -> CommandLine:
    target: DatabaseTarget = server.create_database()
    server.execute(target, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 100)")
    return CommandLine(tmp_path, target)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def test_one_live_line_that_leaves_no_trace(cli: CommandLine, terminals: list[Terminal]) -> None:
    terminal = at_terminal(cli, "backup", "create", "-n", "daily")
    terminals.append(terminal)
    assert terminal.end() == 0
    progress, _, result = terminal.shown.rpartition("\r\x1b[K")
    assert "\n" not in progress
    assert all(len(line.removesuffix("\x1b[K")) < 60 for line in progress.split("\r"))
    assert result.startswith("id ")
    assert "Backed up and verified: " in result


def test_deleting_wants_the_id_typed(cli: CommandLine, terminals: list[Terminal]) -> None:
    first = cli.json("backup", "create", "-n", "first")["id"]
    cli.succeed("backup", "create", "-n", "second")
    for answer, status, left in (("latest", 5, 2), (first, 0, 1)):
        terminal = at_terminal(cli, "backup", "delete", first)
        terminals.append(terminal)
        said = terminal.read_until("to go on: ")
        assert "100 rows" in said
        assert "cannot be undone" in said
        terminal.type(answer)
        assert terminal.end() == status
        assert len(cli.json("backup", "list")) == left


def test_restoring_asks(server: TestServer, cli: CommandLine, terminals: list[Terminal]) -> None:
    cli.succeed("backup", "create", "-n", "first")
    target = server.drop_after_test("asked_for")
    for answer, status, words in (("", 5, "nothing was done"), ("y", 0, "Restored and verified: 1 table, 100 rows")):
        terminal = at_terminal(cli, "recovery", "execute", "latest", "--target", target.name)
        terminals.append(terminal)
        said = terminal.read_until("[y/N] ")
        assert "into database asked_for on socket /" in said.replace("\r\n", " ")
        terminal.type(answer)
        assert terminal.end() == status
        assert words in terminal.shown


def test_what_is_asked_says_which_way_it_would_go(
    server: TestServer, cli: CommandLine, terminals: list[Terminal]
) -> None:
    cli.succeed("backup", "create", "-n", "first")
    there = server.create_database()
    server.execute(there, "CREATE TABLE something (i int)")
    server.execute("postgres", "CREATE ROLE without_createdb LOGIN")
    try:
        theirs = server.target(there.name, role="without_createdb").conninfo
        for target, words in (
            (there.conninfo, "it is exchanged for the restored one"),
            (theirs, "only the rows of its tables are exchanged"),
        ):
            terminal = at_terminal(cli, "recovery", "execute", "latest", "--target", target)
            terminals.append(terminal)
            assert words in " ".join(terminal.read_until("[y/N] ").split())
            terminal.type("")
            assert terminal.end() == 5
    finally:
        server.execute("postgres", "DROP ROLE without_createdb")


def test_errors_are_red_where_that_is_wanted(cli: CommandLine, terminals: list[Terminal]) -> None:
    del cli.environment["NO_COLOR"]
    for options, start in (((), "\x1b[1;31mpantry-tui:\x1b[0m "), (("--no-color",), "pantry-tui: ")):
        terminal = at_terminal(cli, *options, "job", "show", "nothing")
        terminals.append(terminal)
        assert terminal.end() == 4
        assert terminal.shown.startswith(start)
