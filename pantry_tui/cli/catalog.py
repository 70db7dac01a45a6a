"""`pantry-tui catalog`: the list of backups is a cache of what the repositories hold."""

from __future__ import annotations

import argparse

from pantry_tui.cli.output import counted, print_document, print_line
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.session import ask_runner, configuration
from pantry_tui.config import Config
from pantry_tui.errors import BackupDamagedError, StorageError
from pantry_tui.models import RepositoryTarget


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    command(
        commands,
        "check",
        check_catalog,
        summary="compare the list of backups with the repositories",
        description="Compares the list of backups with what every configured repository holds, checks all signatures,\n"
        "and tells of backups that were removed by other means than this program. Changes nothing.",
    )
    rebuild = command(
        commands,
        "rebuild",
        rebuild_catalog,
        summary="make the list of backups anew from the repositories",
        description="Reads every manifest of every configured repository and makes the list of backups anew.\n"
        "The history of jobs is kept. Refuses where backups are listed and the repository is missing or empty.\n"
        "Exit status 22 means that a backup cannot be read, and is not listed.",
    )
    rebuild.add_argument(
        "--force",
        action="store_true",
        help="forget what missing or empty repositories had, and backups that were removed by other means",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def check_catalog(args: argparse.Namespace) -> int:
    """Tells what disagrees; `StorageError`'s status when anything does."""
    config = configuration(args)
    problems = ask_runner(config, lambda runner: runner.catalog_check(_repositories(config)))
    if args.json:
        print_document({"sound": not problems, "problems": problems})
    else:
        for problem in problems:
            print_line(f"problem: {problem}")
        mended = "; where only the list is wrong, `pantry-tui catalog rebuild` mends it"
        print_line(f"{counted(len(problems), 'problem')}{mended}" if problems else "Sound")
    return StorageError.exit_status if problems else 0


def rebuild_catalog(args: argparse.Namespace) -> int:
    """Makes the list anew; `BackupDamagedError`'s status when a backup cannot be read."""
    config = configuration(args)
    made = ask_runner(config, lambda runner: runner.catalog_rebuild(_repositories(config), force=args.force))
    if args.json:
        print_document(made)
    else:
        for backup_id in made.forgotten:
            print_line(f"forgotten: {backup_id}")
        for problem in made.damaged:
            print_line(f"damaged, not listed: {problem}")
        for name in made.schedules:
            print_line(f"schedule brought back: {name}")
        print_line(f"Rebuilt: {counted(made.backups, 'backup')}")
    return BackupDamagedError.exit_status if made.damaged else 0


def _repositories(config: Config) -> list[RepositoryTarget]:
    return [config.repository_target(name) for name in config.repositories]
