"""Results go to standard output, narration to standard error; `--json` is one document."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import humanize
import msgspec

from pantry_tui.cli.streams import narrate, write_line
from pantry_tui.cli.text import pad, shorten, width
from pantry_tui.escaping import escape
from pantry_tui.models import Model, utc_now


class Column(NamedTuple):
    """One column of a table: its title, whether it holds figures (aligned to the right), and whether it can be spared.

    A terminal that is too narrow is shown fewer columns, those with the highest ``spare`` left out first; 0 always stays.
    Before that, cells are shortened in the middle, down to ``least`` columns; 0 stay whole. Files and pipes get
    everything.
    """

    title: str
    right: bool = False
    spare: int = 0
    least: int = 0


def print_document(value: object) -> None:
    """Prints ``value`` (models, dicts, lists, datetimes) as one JSON document, indented."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    write_line(text)


def print_line(text: str = "") -> None:
    """Prints one line of a result, made safe for the terminal."""
    write_line(escape(text))


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows under their titles, aligned; control characters in cells are shown, not obeyed."""
    columns, rows = _fitting(columns, rows)
    for line in table_lines(columns, rows):
        write_line(line)


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Prints names and values, one pair a line, values aligned."""
    room = max((width(name) for name, _ in fields), default=0)
    for name, value in fields:
        write_line(f"{pad(name, room)}  {escape(value)}".rstrip())


def print_wrapped_fields(fields: Sequence[tuple[str, str]]) -> None:
    """As `print_fields`, with long values wrapped where they go to a terminal."""
    columns = terminal_columns()
    room = max((width(name) for name, _ in fields), default=0) + 2
    lines: list[tuple[str, str]] = []
    for name, value in fields:
        parts = [value] if columns is None else textwrap.wrap(escape(value), max(columns - room, 20)) or [""]
        lines.extend((name if place == 0 else "", part) for place, part in enumerate(parts))
    print_fields(lines)


def note(args: argparse.Namespace, text: str) -> None:
    """A remark on standard error; `--quiet` leaves it out."""
    if not args.quiet:
        narrate(escape(text) + "\n")


def print_result(args: argparse.Namespace, value: Model) -> bool:
    """With `--json` prints ``value`` and returns True; else returns False and prints nothing."""
    if args.json:
        print_document(value)
    return bool(args.json)


def fits(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, shortened: bool = False) -> bool:
    """Whether a table can be printed whole: there is no terminal, or it is wide enough.

    ``shortened``: whether it can be printed with all its columns, their cells shortened.
    """
    room = terminal_columns()
    widths = _least_widths if shortened else _widths
    return room is None or _taken(widths(columns, _escaped(rows))) <= room


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, titles first."""
    safe = _escaped(rows)
    rooms = _widths(columns, safe)
    return [
        "  ".join(
            pad(cell, room, right=column.right) for cell, room, column in zip(row, rooms, columns, strict=True)
        ).rstrip()
        for row in ([column.title for column in columns], *safe)
    ]


def _fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[str]]
) -> tuple[Sequence[Column], Sequence[Sequence[str]]]:
    """The columns that the terminal has room for, shortened where need be; everything where there is no terminal."""
    rows, room = _escaped(rows), terminal_columns()
    if room is None:
        return columns, rows
    while _taken(_least_widths(columns, rows)) > room:
        spare = max(columns, key=lambda column: column.spare)
        if not spare.spare:
            break
        index = columns.index(spare)
        columns = [*columns[:index], *columns[index + 1 :]]
        rows = [[*row[:index], *row[index + 1 :]] for row in rows]
    widths, least = _widths(columns, rows), _least_widths(columns, rows)
    while _taken(widths) > room and widths != least:
        widest = max(range(len(widths)), key=lambda index: widths[index] - least[index])
        widths[widest] -= 1
    return columns, [[shorten(cell, most) for cell, most in zip(row, widths, strict=True)] for row in rows]


def terminal_columns() -> int | None:
    """How wide the terminal is that results go to; None where they go to a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _escaped(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[escape(cell) for cell in row] for row in rows]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(width(column.title), *(width(row[index]) for row in rows)) if rows else width(column.title)
        for index, column in enumerate(columns)
    ]


def _least_widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    widths = _widths(columns, rows)
    return [min(whole, column.least or whole) for whole, column in zip(widths, columns, strict=True)]


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def size(amount: int) -> str:
    """Bytes for people: `118.4 MiB`."""
    return humanize.naturalsize(amount, binary=True)


def count(number: int) -> str:
    """A number for people: `1,700,000`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A number of things: `1 table`, `1,200 tables`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago: `42 s`, `5 min`, `3 h`, `12 d`; `in 3 h` where a clock was wrong."""
    seconds = ((now or utc_now()) - moment).total_seconds()
    prefix, seconds = ("in ", -seconds) if seconds < -1 else ("", max(0.0, seconds))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length * (2 if unit == "d" else 1):
            return f"{prefix}{int(seconds // length)} {unit}"
    return f"{prefix}{int(seconds)} s"


def duration(seconds: float) -> str:
    """A duration: `0.84 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment(value: datetime | None) -> str:
    """A point in time in the local zone, to the second; empty for None."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if value is not None else ""
