"""Asking the person at the keyboard. Without a terminal nothing asks: the answer is an option, or no."""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Sequence

from pantry_tui.cli.streams import narrate
from pantry_tui.errors import RefusedError
from pantry_tui.escaping import escape


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def require_terminal(what: str, *options: str) -> None:
    """Raises `RefusedError` where nobody could be asked; ``options`` are those that answer instead."""
    if not can_ask():
        raise RefusedError(
            f"{what} needs a confirmation, and there is no terminal to ask on",
            remedy=f"say {' or '.join(options)} if you mean it",
        )


def confirm(question: str) -> None:
    """Asks; anything but yes raises `RefusedError`."""
    if _answer(f"{escape(question)} [y/N] ").lower() not in ("y", "yes"):
        raise RefusedError("nothing was done", remedy="answer y to go on, or give --yes")


def confirm_typed(facts: Sequence[str], word: str) -> None:
    """Shows what will be lost and wants ``word`` typed; anything else raises `RefusedError`."""
    for fact in facts:
        narrate(escape(fact) + "\n")
    if _answer(f"Type {escape(word)} to go on: ") != word:
        raise RefusedError("that is not the name: nothing was done", remedy=f"type {word}, or give --yes")


def ask_secret(question: str) -> str:
    """What is typed, without showing it. Raises `RefusedError` when nobody types anything, or it would be shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"{escape(question)}: ", sys.stderr)
    except (EOFError, getpass.GetPassWarning):
        raise RefusedError(
            "nothing was typed, or the terminal would have shown it", remedy="try again, or name a file that holds it"
        ) from None


def _answer(prompt: str) -> str:
    """One line of the terminal; the prompt goes to standard error, because standard output is for results."""
    narrate(prompt)
    return sys.stdin.readline().strip()
