"""`pantry-tui key` at a terminal: the passphrase is asked for, twice, and never shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pantry_tui.artifact.age import load_identities
from tests.engine.command_line import PROGRAM
from tests.engine.terminal import Terminal

WORDS = "korrekt pferd batterie"
Asked = Callable[..., Terminal]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """Runs `pantry-tui key` at a terminal."""
    opened: list[Terminal] = []
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATA_DIR": str(tmp_path / "data"),
        "NO_COLOR": "1",
    }

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal([*PROGRAM, "key", *arguments], environment, tmp_path))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def test_the_passphrase_is_asked_twice_and_then_once(asked: Asked, tmp_path: Path) -> None:
    terminal = asked("generate", "-o", "identity.age")
    terminal.answer("Passphrase for the new identity file: ", WORDS)
    terminal.answer("The same again: ", WORDS)
    assert terminal.end() == 0, terminal.shown
    assert WORDS not in terminal.shown
    assert "KEY OF ENCRYPTED DATABASE BACKUPS" in terminal.shown
    (identity,) = load_identities((tmp_path / "identity.age").read_bytes(), WORDS)
    terminal = asked("show", "identity.age")
    terminal.answer("Passphrase of ", WORDS)
    assert terminal.end() == 0, terminal.shown
    assert identity.recipient.text in terminal.shown
    assert WORDS not in terminal.shown


@pytest.mark.parametrize(
    ("first", "second", "said"), [(WORDS, WORDS + "n", "differ"), ("short", None, "protects nothing")]
)
def test_a_passphrase_that_will_not_do_makes_nothing(
    asked: Asked, tmp_path: Path, first: str, second: str | None, said: str
) -> None:
    terminal = asked("generate", "-o", "identity.age")
    terminal.answer("Passphrase for the new identity file: ", first)
    if second is not None:
        terminal.answer("The same again: ", second)
    assert terminal.end() == 5
    assert said in terminal.shown
    assert not (tmp_path / "identity.age").exists()
