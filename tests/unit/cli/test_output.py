"""Tables, figures and documents."""

from __future__ import annotations

import json
from argparse import Namespace
from datetime import UTC, datetime, timedelta

import pytest

from pantry_tui.cli.output import (
    Column,
    age,
    count,
    duration,
    moment,
    note,
    print_document,
    print_fields,
    print_line,
    print_table,
    size,
)
from pantry_tui.models import RepositoryTarget

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def test_table_is_aligned_whatever_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("台所", "1"), ("\x1b[31mred\nline", "1,000"), ("plain", "20")]
    print_table([Column("NAME"), Column("ROWS", right=True)], rows)
    assert capsys.readouterr().out == (
        "NAME                ROWS\n台所                   1\n\\x1b[31mred\\nline  1,000\nplain                 20\n"
    )


@pytest.mark.parametrize(
    ("columns", "titles"), [(30, "ID  NAME  KIND  SIZE"), (17, "ID  NAME  SIZE"), (11, "ID  SIZE"), (3, "ID  SIZE")]
)
def test_a_narrow_terminal_is_shown_fewer_columns(
    columns: int, titles: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    table = [Column("ID"), Column("NAME", spare=1), Column("KIND", spare=2), Column("SIZE", right=True)]
    print_table(table, [("a", "b", "full", "1 B")])
    assert capsys.readouterr().out.splitlines()[0] == titles


def test_long_cells_are_shortened_before_a_narrow_terminal_breaks_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pantry_tui.cli.output.terminal_columns", lambda: 30)
    table = [Column("ID"), Column("WHAT", least=12), Column("DONE", right=True, spare=1)]
    print_table(table, [("20261123", "restore of 20261123T02 into crm", "100%"), ("2", "backup", "1%")])
    written = capsys.readouterr().out.splitlines()
    assert written[1] == "20261123  restore…to crm  100%"
    assert written[2] == "2         backup            1%"


def test_a_pipe_gets_every_column(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "3")
    print_table([Column("ID"), Column("NAME", spare=1)], [("a", "b")])
    assert capsys.readouterr().out == "ID  NAME\na   b\n"


def test_fields_are_aligned_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("id", "a\x07b"), ("database", "crm"), ("empty", "")])
    assert capsys.readouterr().out == "id        a\\x07b\ndatabase  crm\nempty\n"


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("a\nb")
    assert capsys.readouterr().out == "a\\nb\n"


def test_document_is_json_of_models_and_times(capsys: pytest.CaptureFixture[str]) -> None:
    print_document({"at": NOW, "where": RepositoryTarget(name="Küche\x1b", location="/r")})
    written = capsys.readouterr().out
    assert "\x1b" not in written
    assert json.loads(written) == {
        "at": "2026-11-23T02:00:00Z",
        "where": {"name": "Küche\x1b", "location": "/r"},
    }


def test_remarks_go_to_standard_error_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    note(Namespace(quiet=False), "said\x1b")
    note(Namespace(quiet=True), "unsaid")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "said\\x1b\n")


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=5, seconds=50), "5 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=12), "12 d"),
        (timedelta(hours=-3), "in 3 h"),
        (timedelta(milliseconds=-300), "0 s"),
    ],
)
def test_age(ago: timedelta, shown: str) -> None:
    assert age(NOW - ago, NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.844, "0.84 s"), (42.4, "42 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7805, "2 h 10 min")],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_figures() -> None:
    assert size(124_000_000) == "118.3 MiB"
    assert count(1_700_000) == "1,700,000"
    assert moment(None) == ""
    assert moment(NOW) == NOW.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
