"""Rows of a backup as people read them, whatever they hold and however wide the terminal is."""

from __future__ import annotations

import pytest

from pantry_tui.cli import backup_peek, output
from pantry_tui.cli.backup_peek import print_page
from pantry_tui.models import TablePage

ID = "20261123T020000Z-daily-7f3a"


def page(*rows: tuple[str | None, ...], columns: tuple[str, ...] = ("id", "na\nme"), total: int = 9) -> TablePage:
    return TablePage(backup_id=ID, schema="public", table="t\x1b", columns=columns, rows=rows, skip=2, total_rows=total)


def printed(capsys: pytest.CaptureFixture[str], shown: TablePage) -> list[str]:
    print_page(shown)
    return capsys.readouterr().out.splitlines()


def test_null_is_not_an_empty_text(capsys: pytest.CaptureFixture[str]) -> None:
    rows = page(("1", None), ("2", ""), ("3", "NULL"), ("4", '"x"'), ("5", "\x1b[31m\n"))
    assert printed(capsys, rows) == [
        r"id  na\nme",
        "1   NULL",
        '2   ""',
        '3   "NULL"',
        '4   ""x""',
        r"5   \x1b[31m\n",
        "",
        rf"Rows 3 to 7 of 9 of public.t\x1b in {ID}; --skip 7 shows the next",
    ]


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, page(total=2)) == [rf"No rows: public.t\x1b has 2 in {ID}"]
    assert printed(capsys, page((), columns=(), total=3)) == [rf"Rows 3 to 3 of 3 of public.t\x1b in {ID}"]


def test_long_values_are_shortened_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal_columns", lambda: 30)
    first, second, *_ = printed(capsys, page(("1", "x" * 500)))
    assert (first, second) == (r"id  na\nme", f"1   {'x' * 13}…{'x' * 12}")


def test_of_a_huge_value_a_terminal_gets_both_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = printed(capsys, page(("1", "a" * 5000), columns=("id", "value")))
    assert whole[1] == f"1   {'a' * 5000}"
    for module in (output, backup_peek):
        monkeypatch.setattr(module, "terminal_columns", lambda: 9)
    assert printed(capsys, page(("1", "a" * 5000), columns=("id", "value")))[2] == f"  value  {'a' * 1000}…{'a' * 1000}"


def test_where_columns_do_not_fit_rows_stand_upright(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal_columns", lambda: 30)
    columns = tuple(f"column {number}" for number in range(9))
    assert printed(capsys, page(("1", None, *("value",) * 7), columns=columns))[:4] == [
        "row 3",
        "  column 0  1",
        "  column 1  NULL",
        "  column 2  value",
    ]
