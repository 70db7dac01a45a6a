"""Names from outside must not steer the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.cli.text import cut, pad, paint, shorten, width
from pantry_tui.escaping import escape


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("two words", "two words"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("line\nbreak\r\ttab", r"line\nbreak\r\ttab"),
        ("\x9b31mred", r"\x9b31mred"),
        ("right\u202eto left", r"right\u202eto left"),
        ("no\xa0break", r"no\xa0break"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\ud800", r"\ud800"),
        ("line\u2028separator", r"line\u2028separator"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("Küche 台所 🍲", "Küche 台所 🍲"),
    ],
)
def test_escape_shows_what_would_steer(hostile: str, shown: str) -> None:
    assert escape(hostile) == shown


@given(st.text())
def test_escaped_text_holds_nothing_that_steers(text: str) -> None:
    assert escape(text).isprintable()


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("台所", 4), ("e\u0301", 1), ("🍲", 2), ("", 0)])
def test_width_counts_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("台所台所", 4, "台…"), ("abc", 1, "…"), ("abc", 0, "")],
)
def test_cut_fits(text: str, columns: int, shown: str) -> None:
    assert cut(text, columns) == shown
    assert width(cut(text, columns)) <= columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abcdefgh", 8, "abcdefgh"), ("abcdefgh", 6, "abc…gh"), ("abcdefgh", 5, "ab…gh"), ("台所台所", 6, "台…所")],
)
def test_shorten_keeps_both_ends(text: str, columns: int, shown: str) -> None:
    assert shorten(text, columns) == shown


def test_pad_aligns_by_columns() -> None:
    assert pad("台", 4) == "台  "
    assert pad("台", 4, right=True) == "  台"
    assert pad("long", 2) == "long"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("x", "error", Terminal()) == "\x1b[1;31mx\x1b[0m"
    assert paint("x", "error", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "error", Terminal()) == "x"
