"""`pantry-tui audit`: who did what and when, and whether the trail is whole."""

from __future__ import annotations

import argparse
from collections import deque
from pathlib import Path

from pantry_tui.cli.moments import since
from pantry_tui.cli.output import Column, counted, moment, note, print_document, print_line, print_table
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.config import load_config
from pantry_tui.errors import StorageError
from pantry_tui.models import AuditEntry
from pantry_tui.runner import audit
from pantry_tui.runner.audit_choice import AuditChoice
from pantry_tui.runner.audit_witness import Witness, read_witness, spelled_witness

_LIST = (Column("WHEN"), Column("WHO", least=8), Column("WHAT"), Column("ON", least=14), Column("RESULT", least=9))


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = command(
        commands,
        "list",
        list_entries,
        summary="who did what, newest first",
        description="Lists the operations of this data directory, newest first.\n"
        "WHO is the user by the kernel's word; behind it, in parentheses, what the client said: sudo, ssh.\n"
        "WORDS are a part of what is looked for, or a pattern with * and ?.",
        examples=(
            "pantry-tui audit list -l 5",
            "pantry-tui audit list --since 2d --action 'backup.*'",
            "pantry-tui audit list --who alice --object crm --json",
        ),
    )
    listing.add_argument("-l", "--limit", type=positive, default=50, metavar="N", help="at most so many (default: 50)")
    listing.add_argument(
        "--since", type=since, metavar="WHEN", help="since 2026-11-20, 2026-11-20T02:00 or 12h, 2d ago"
    )
    listing.add_argument("--who", metavar="WORDS", help="by whom, also as claimed")
    listing.add_argument("--action", dest="what", metavar="WORDS", help="what was done")
    listing.add_argument("--object", metavar="WORDS", help="on what: an id, a title, a database, a repository")
    verify_command = command(
        commands,
        "verify",
        verify,
        summary="check that no line was changed, removed or cut off",
        description="Checks the chain of hashes: a line that was changed, removed or inserted shows, and by what was noted\n"
        "of its end, lines that were cut off there. Prints that end: kept somewhere else, it proves later that\n"
        "nothing before it was changed, whoever could write here.",
        examples=("pantry-tui audit verify", "pantry-tui audit verify --head 1234:9f86d08…"),
    )
    verify_command.add_argument(
        "--head", type=_witness, metavar="NUMBER:HASH", help="what an earlier check printed: it must be there still"
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def list_entries(args: argparse.Namespace) -> int:
    """Lists operations, newest first."""
    choice = AuditChoice(since=args.since, who=args.who, action=args.what, object=args.object)
    chosen = (entry for entry in audit.entries(_directory(args)) if choice.takes(entry))
    last = deque(chosen, maxlen=args.limit)
    found: list[AuditEntry] = list(reversed(last))
    if args.json:
        print_document(found)
    elif found:
        print_table(_LIST, [_row(entry) for entry in found])
    else:
        note(args, "nothing was done yet" if choice == AuditChoice() else "nothing of that kind was done")
    return 0


def verify(args: argparse.Namespace) -> int:
    """Tells what is wrong with the trail; `StorageError`'s status when anything is."""
    directory = _directory(args)
    given: tuple[Witness, ...] = (args.head,) if args.head is not None else ()
    state = audit.examine(directory, read_witness(directory), *given)
    if args.json:
        print_document(
            {
                "whole": not state.problems,
                "lines": state.end.lines,
                "head": str(state.end),
                "problems": state.problems,
            }
        )
    else:
        for problem in state.problems:
            print_line(f"problem: {problem}")
        whole = f"Whole: {counted(state.end.lines, 'line')}, and every one follows from the one before"
        print_line("The trail was changed" if state.problems else whole)
        print_line(f"head: {state.end}")
    return StorageError.exit_status if state.problems else 0


def _row(entry: AuditEntry) -> tuple[str, ...]:
    title = entry.details.get("title")
    return moment(entry.at), entry.who, entry.action, str(title or entry.object), entry.result


def _witness(text: str) -> Witness:
    try:
        return spelled_witness(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not NUMBER:HASH, as `audit verify` prints it") from None


def _directory(args: argparse.Namespace) -> Path:
    return Path(load_config(args.config).data_directory)
