"""`pantry-tui catalog`: the list of backups is a cache of what the repositories hold."""

from __future__ import annotations

import argparse

from pantry_tui.cli.output import counted, print_document, print_line
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.session import ask_runner, configuration
from pantry_tui.config import Config
from pantry_tui.errors import StorageError
from pantry_tui.models import RepositoryTarget


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    command(
        commands,
        "check",
        check_catalog,
        summary="compare the list of backups with the repositories",
        description="Compares the list of backups with what every configured repository holds. Changes nothing.",
    )
    command(
        commands,
        "rebuild",
        rebuild_catalog,
        summary="make the list of backups anew from the repositories",
        description="Reads every manifest of every configured repository and makes the list of backups anew.\n"
        "The history of jobs is kept.",
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
        print_line(
            f"{counted(len(problems), 'problem')}: `pantry-tui catalog rebuild` mends them" if problems else "Sound"
        )
    return StorageError.exit_status if problems else 0


def rebuild_catalog(args: argparse.Namespace) -> int:
    """Makes the list anew."""
    config = configuration(args)
    found = ask_runner(config, lambda runner: runner.catalog_rebuild(_repositories(config)))
    if args.json:
        print_document({"backups": found})
    else:
        print_line(f"Rebuilt: {counted(found, 'backup')}")
    return 0


def _repositories(config: Config) -> list[RepositoryTarget]:
    return [config.repository_target(name) for name in config.repositories]
