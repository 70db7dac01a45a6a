"""`pantry-tui audit`: who did what and when, and whether the trail is whole."""

from __future__ import annotations

import argparse
from collections import deque
from pathlib import Path

from pantry_tui.cli.output import Column, moment, note, print_document, print_line, print_table
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.config import load_config
from pantry_tui.errors import StorageError
from pantry_tui.models import AuditEntry
from pantry_tui.runner import audit

_LIST = (Column("WHEN"), Column("WHO", least=8), Column("WHAT"), Column("ON", least=14), Column("RESULT", least=9))


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = command(
        commands,
        "list",
        list_entries,
        summary="who did what, newest first",
        description="Lists the operations of this data directory, newest first.",
        examples=("pantry-tui audit list -l 5",),
    )
    listing.add_argument("-l", "--limit", type=positive, default=50, metavar="N", help="at most so many (default: 50)")
    command(
        commands,
        "verify",
        verify,
        summary="check that no line was changed or removed",
        description="Checks the chain of hashes: a line that was changed, removed or inserted shows.",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def list_entries(args: argparse.Namespace) -> int:
    """Lists operations, newest first."""
    last = deque(audit.entries(_directory(args)), maxlen=args.limit)
    found: list[AuditEntry] = list(reversed(last))
    if args.json:
        print_document(found)
    elif found:
        rows = [(moment(entry.at), entry.who, entry.action, entry.object, entry.result) for entry in found]
        print_table(_LIST, rows)
    else:
        note(args, "nothing was done yet")
    return 0


def verify(args: argparse.Namespace) -> int:
    """Tells what is wrong with the trail; `StorageError`'s status when anything is."""
    problems = audit.problems(_directory(args))
    if args.json:
        print_document({"whole": not problems, "problems": problems})
    else:
        for problem in problems:
            print_line(f"problem: {problem}")
        print_line("The trail was changed" if problems else "Whole: every line follows from the one before")
    return StorageError.exit_status if problems else 0


def _directory(args: argparse.Namespace) -> Path:
    return Path(load_config(args.config).data_directory)
