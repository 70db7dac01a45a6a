"""`pantry-tui backup peek`: rows of a table in a backup, without restoring it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pantry_tui.cli.keys_given import add_identity_options, backup_to_open, unlocking
from pantry_tui.cli.output import (
    Column,
    count,
    fits,
    print_document,
    print_fields,
    print_line,
    print_table,
    terminal_columns,
)
from pantry_tui.cli.parser import Parser, command, not_negative, positive
from pantry_tui.cli.session import add_repository_option, configuration, look_up, repository
from pantry_tui.cli.text import width
from pantry_tui.escaping import escape
from pantry_tui.models import PEEK_ROWS, TablePage, shown_value

_LEAST_COLUMNS = 6  # of the terminal for a value; a row with less room is shown upright
_LONGEST = 2000  # characters of a value on a terminal


def add_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declares the command."""
    peek = command(
        commands,
        "peek",
        peek_table,
        summary="rows of a table in a backup, without restoring it",
        description="Shows rows of a table as the backup holds them, in its order. Needs no server; only the part of the\n"
        "backup that holds these rows is read, and checked before any of them is shown. NULL stands for a null,\n"
        '"" for an empty text. --json prints every value in full.',
        examples=(
            "pantry-tui backup peek latest public.contacts",
            "pantry-tui backup peek latest public.contacts -l 5 --skip 100 --json",
        ),
    )
    peek.add_argument("id", metavar="ID", help="a backup's id, the beginning of one, or `latest`")
    peek.add_argument("table", metavar="TABLE", help="schema.table, as `backup show` lists it")
    peek.add_argument(
        "-l",
        "--limit",
        type=positive,
        default=PEEK_ROWS,
        metavar="N",
        help=f"at most so many rows (default: {PEEK_ROWS})",
    )
    peek.add_argument("--skip", type=not_negative, default=0, metavar="N", help="pass over the first N rows")
    add_identity_options(peek)
    add_repository_option(peek)


def peek_table(args: argparse.Namespace) -> int:
    """Shows rows of a table."""
    config = configuration(args)
    place = repository(args, config)
    keys = unlocking(args, config, backup_to_open(args, config, place))
    page = look_up(
        config,
        lambda reads: reads.peek(place, args.id, args.table, limit=args.limit, skip=args.skip, unlocking=keys),
    )
    if args.json:
        print_document(page)
    else:
        print_page(page)
    return 0


def print_page(page: TablePage) -> None:
    """Prints the rows: as a table, or where the terminal is too narrow for one, each row upright."""
    names = [escape(name) for name in page.columns]
    columns = [Column(name, least=max(_LEAST_COLUMNS, width(name))) for name in names]
    rows = [[_bounded(shown_value(value)) for value in row] for row in page.rows]
    if rows and columns:
        if fits(columns, rows, shortened=True):
            print_table(columns, rows)
        else:
            _print_upright(page.skip, names, rows)
        print_line()
    print_line(_summary(page))


def _bounded(value: str) -> str:
    """Enough of a value for any terminal; files and pipes get all of it."""
    if terminal_columns() is None or len(value) <= _LONGEST:
        return value
    return f"{value[: _LONGEST // 2]}…{value[-_LONGEST // 2 :]}"


def _print_upright(skip: int, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(rows, skip + 1):
        print_line(f"row {count(number)}")
        print_fields([(f"  {name}", value) for name, value in zip(names, row, strict=True)])


def _summary(page: TablePage) -> str:
    table, total = f"{page.schema}.{page.table}", count(page.total_rows)
    if not page.rows:
        return f"No rows: {table} has {total} in {page.backup_id}"
    last = page.skip + len(page.rows)
    more = f"; --skip {last} shows the next" if last < page.total_rows else ""
    return f"Rows {count(page.skip + 1)} to {count(last)} of {total} of {table} in {page.backup_id}{more}"
