"""What the terminal can show, and text that is safe on it: no application needed."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pantry_tui.app import run
from pantry_tui.errors import TerminalError
from screens.passwords import password_note, without_password
from screens.terminal import TerminalTraits, require_terminal, traits_of
from screens.widgets import figures
from screens.widgets.filter_line import passes
from screens.widgets.summary import details_lines
from screens.widgets.text import shortened, squeezed, visible, visible_lines
from tests.tui.stand_in import make_backup, make_config, make_details

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def be_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stderr", Terminal())


def test_without_a_terminal_the_command_to_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(TerminalError) as caught:
        run(make_config())
    assert "pantry-tui backup list" in (caught.value.remedy or "")


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_position_text_is_refused(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    be_on_a_terminal(monkeypatch)
    with pytest.raises(TerminalError, match="TERM="):
        require_terminal({"TERM": term})


def test_others_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    be_on_a_terminal(monkeypatch)
    require_terminal({"TERM": "tmux-256color"})


@pytest.mark.parametrize(
    ("environment", "encoding", "traits"),
    [
        ({"TERM": "xterm-256color"}, "UTF-8", TerminalTraits()),
        ({"TERM": "tmux-256color"}, "ISO-8859-1", TerminalTraits(plain=True)),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "utf8", TerminalTraits(few_colours=True)),
        ({"TERM": "xterm"}, "UTF-8", TerminalTraits(few_colours=True)),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "UTF-8", TerminalTraits()),
        ({"TERM": "linux"}, "UTF-8", TerminalTraits(plain=True, few_colours=True)),
        ({"TERM": "vt100"}, "UTF-8", TerminalTraits(plain=True, few_colours=True)),
    ],
)
def test_what_terminals_can_show(environment: dict[str, str], encoding: str, traits: TerminalTraits) -> None:
    assert traits_of(environment, encoding) == traits


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("crm", "crm"),
        ("Überblick 日本", "Überblick 日本"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202egnp", r"\u202egnp"),
        ("a\u200bb", r"a\u200bb"),
        ("\x9b31m", r"\x9b31m"),
        ("\udcff", r"\udcff"),
        ("[red]x[/red]", "[red]x[/red]"),
    ],
)
def test_names_are_shown_as_what_they_are(name: str, shown: str) -> None:
    assert visible(name) == shown


def test_lines_stay_lines_and_long_names_end() -> None:
    assert visible_lines("a\x07\n\tb") == [r"a\x07", "        b"]
    assert shortened("organizations", 6) == "organ…"
    assert shortened("organizations", 6, "...") == "org..."


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("restore of daily into crm", 25, "restore of daily into crm"),
        ("restore of daily into crm", 14, "restor…nto crm"),
        ("restore of daily into 日本", 13, "restor…o 日本"),
        ("restore", 1, "…"),
    ],
)
def test_what_is_cut_in_the_middle_keeps_its_ends(text: str, width: int, shown: str) -> None:
    assert squeezed(text, width) == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("crm", "crm"),
        ("postgresql://db1:5432/crm", "postgresql://db1:5432/crm"),
        ("postgresql://u:canary@db1:5432/crm", "postgresql://u:***@db1:5432/crm"),
        ("postgresql://u:c@n/a:r y@db1/crm", "postgresql://u:***@db1/crm"),
        ("postgresql://u:cana", "postgresql://u:***"),
        ("postgresql://u@db1/crm?password=canary&port=1", "postgresql://u@db1/crm?password=***&port=1"),
        ("host=db1 password=canary dbname=crm", "host=db1 password=*** dbname=crm"),
        (r"password='can \' ary' dbname=crm", "password=*** dbname=crm"),
        ("dbname=crm password='can ar", "dbname=crm password=***"),
    ],
)
def test_a_password_is_not_shown_again(typed: str, shown: str) -> None:
    assert without_password(typed) == shown
    assert bool(password_note(typed)) == (typed != shown)


@pytest.mark.parametrize(
    ("typed", "stays"),
    [("", True), ("DAILY crm", True), ("daily billing", False), ("!billing", True), ("!crm", False), ("!", True)],
)
def test_the_filter(typed: str, stays: bool) -> None:
    assert passes(typed, "daily crm full sql") is stays


@pytest.mark.parametrize(
    ("ago", "words", "within"),
    [
        (timedelta(0), "now", "just now"),
        (timedelta(seconds=-30), "now", "just now"),
        (timedelta(hours=-2), "future", "in the future"),
        (timedelta(minutes=31), "31 minutes", "31 minutes ago"),
        (timedelta(days=400), "1 year", "1 year ago"),
    ],
)
def test_ages(ago: timedelta, words: str, within: str) -> None:
    assert figures.age(NOW - ago, NOW) == words
    assert figures.ago(NOW - ago, NOW) == within


def test_figures() -> None:
    assert [figures.duration(each) for each in (0.42, 12.4, 59.7, 200, 7500)] == [
        "0.4 s",
        "12 s",
        "1 min 00 s",
        "3 min 20 s",
        "2 h 05 min",
    ]
    assert [figures.count(each) for each in (1_234_567, 12_345_678, 3_000_000_000)] == ["1,234,567", "12.3 M", "3.0 G"]
    assert [figures.short_count(each) for each in (999_999, 1_234_567, 2_500_000_000)] == ["999,999", "1.2 M", "2.5 G"]
    assert [figures.size(each) for each in (1, 12, 124_400_000)] == ["1 B", "12 B", "118.6 MiB"]
    assert [figures.size(each) for each in (1023 * 1024 + 900, 5 << 40)] == ["1 MiB", "5.0 TiB"]
    assert figures.bar(0.42, 10, "#", ".") == "####......"
    assert figures.time_left(None) == "time left not known yet"


def test_details_name_what_surrounded_the_database() -> None:
    lines = details_lines(make_details(make_backup()))
    start = lines.index(("Around it", "", "bold")) + 1
    assert [line[:2] for line in lines[start:]] == [
        ("settings", "search_path = app,\\npublic"),
        ("roles", "clerk (LOGIN)"),
        ("server settings", "max_connections = 60"),
    ]
