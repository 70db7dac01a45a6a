"""`pantry-tui recovery rollback | release`: undo a recovery, or let go of what would."""

from __future__ import annotations

import argparse
from typing import Any

from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.output import count, counted, duration, print_document, print_line
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.question import confirm, require_terminal
from pantry_tui.cli.session import configuration, look_up, run_job, started_by
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError
from pantry_tui.models import DatabaseTarget, ReleaseRequest, ReleaseResult, RollbackRequest, RollbackResult


def add_arguments(commands: Any) -> None:
    """Declares the commands."""
    rollback = command(
        commands,
        "rollback",
        roll_back,
        summary="undo a recovery",
        description="Puts the tables that a recovery changed back to what they were, in one transaction, by what the\n"
        "recovery kept on the server. Where rows have changed since, it is refused (5) unless forced: then the rows\n"
        "that the recovery touched become what they were, and all others stay. A rollback can be rolled back itself;\n"
        "doing it twice changes nothing the second time.",
        examples=("pantry-tui recovery rollback 20261123T020000Z-7f3a12",),
    )
    rollback.add_argument("--force", action="store_true", help="also where rows have changed since the recovery")
    release = command(
        commands,
        "release",
        release_recovery,
        summary="let go of what would undo a recovery",
        description="Drops the rows that a recovery kept on the server. It cannot be undone from then on.",
        examples=("pantry-tui recovery release 20261123T020000Z-7f3a12 --yes",),
    )
    for parser in (rollback, release):
        _add_common(parser)


def roll_back(args: argparse.Namespace) -> int:
    """Undoes a recovery."""
    config = configuration(args)
    target = _target(args, config)
    if not args.yes:
        require_terminal("a rollback", "--yes")
        confirm(f"Undo recovery {args.id} in database {target.name} on {view.place(target)}?")
    request = RollbackRequest(target=target, undo=args.id, force=args.force, started_by=started_by())
    result = RollbackResult.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(result)
    elif result.already:
        print_line(f"Nothing to do: recovery {result.undone} was rolled back by {result.already}")
    else:
        view.print_effects(result.tables)
        for warning in result.warnings:
            print_line(f"warning: {warning}")
        print_line(f"Rolled back: recovery {result.undone} in {result.target}, {duration(result.duration_seconds)}")
        print_line(f"To undo that in turn: pantry-tui recovery rollback {result.id}")
    return 0


def release_recovery(args: argparse.Namespace) -> int:
    """Drops what would undo a recovery."""
    config = configuration(args)
    target = _target(args, config)
    if not args.yes:
        require_terminal("a release", "--yes")
        confirm(f"Drop what would undo recovery {args.id} in database {target.name} on {view.place(target)}?")
    request = ReleaseRequest(target=target, undo=args.id, started_by=started_by())
    result = ReleaseResult.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(result)
    elif result.database is not None:
        print_line(f"Released: recovery {result.released}; database {result.database} is dropped")
    else:
        print_line(
            f"Released: recovery {result.released} of {counted(len(result.tables), 'table')} in {result.target}; "
            f"{count(result.rows)} kept rows are gone"
        )
    return 0


def _add_common(parser: Parser) -> None:
    parser.add_argument("id", metavar="RECOVERY", help="a recovery's id")
    parser.add_argument(
        "--target",
        metavar="DATABASE",
        help="the database it was done to, as it was given then (default: by the history, on the configured server)",
    )
    parser.add_argument("-d", "--database", metavar="DATABASE", help="the configured database whose server is meant")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _target(args: argparse.Namespace, config: Config) -> DatabaseTarget:
    """The database that the recovery changed: as given, or what the history says, on the configured server."""
    if args.target is not None:
        return config.restore_target(args.target, server=args.database)
    try:
        job = look_up(config, lambda reads: reads.job(args.id))
    except NotFoundError:
        return config.database_target(args.database)
    name = (job.result or {}).get("target")
    return config.restore_target(name, server=args.database) if name else config.database_target(args.database)
