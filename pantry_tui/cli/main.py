"""`pantry-tui`: finds the command group, and imports nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from pantry_tui.cli import failure
from pantry_tui.cli.parser import Parser, global_defaults
from pantry_tui.errors import TerminalError, error_classes
from pantry_tui.version import __version__


class Group(NamedTuple):
    """A command group: `add_arguments(parser)` and `run(args)` of ``module`` make it."""

    name: str
    module: str
    summary: str


GROUPS = (
    Group(
        "backup", "pantry_tui.cli.backup", "take, import, list, show, export, validate, pin, label and delete backups"
    ),
    Group("recovery", "pantry_tui.cli.recovery", "restore a backup and compare the result"),
    Group("recover", "pantry_tui.cli.recover", "be led through a recovery, step by step"),
    Group("runbook", "pantry_tui.cli.runbook", "what to do when everything is gone, filled in, to be kept on paper"),
    Group("retention", "pantry_tui.cli.retention", "which backups are kept by which rule; delete the others"),
    Group(
        "schedule",
        "pantry_tui.cli.schedule",
        "have backups, drills and validations done again and again: create, list, show, edit, preview",
    ),
    Group(
        "monitor",
        "pantry_tui.cli.monitor",
        "would the databases survive today: health, alerts, what became of the schedules",
    ),
    Group("job", "pantry_tui.cli.job", "list, show, follow and cancel jobs"),
    Group("runner", "pantry_tui.cli.runner", "the process that does the work: run, start, stop, status"),
    Group("catalog", "pantry_tui.cli.catalog", "check the list of backups, or rebuild it from the repositories"),
    Group("key", "pantry_tui.cli.key", "make, show and rotate the keys that backups are encrypted to"),
    Group("notify", "pantry_tui.cli.notify", "tell somebody as a test, and see what waits to be told"),
    Group("config", "pantry_tui.cli.config", "write, check and show the configuration"),
    Group("doctor", "pantry_tui.cli.doctor", "say what is wrong with this machine or database, and the remedy"),
    Group("audit", "pantry_tui.cli.audit", "who did what and when; check that nothing was removed"),
    Group("demo", "pantry_tui.cli.demo", "try it: a private PostgreSQL, sample data, a backup and its restore"),
)

DESCRIPTION = "Keep a PostgreSQL database recoverable: back it up, prove that the backup restores, restore it."

APPLICATION = "pantry_tui.app"  # a name, not an import: the command line must not load the screens


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status (docs/exit-codes.md)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a name must not stop a restore
            stream.reconfigure(errors="backslashreplace")
    return failure.guard(lambda: _run(arguments), as_json="--json" in arguments)


def build_parser() -> Parser:
    """The whole command line; the groups' own arguments are declared when they are needed."""
    parser = Parser(prog="pantry-tui", description=DESCRIPTION, epilog=_epilog())
    parser.add_argument("--version", action="version", version=f"pantry-tui {__version__}", help="print the version")
    parser.add_argument("--no-mouse", action="store_true", help="the application leaves the mouse to the terminal")
    parser.add_argument("--read-only", action="store_true", help="the application shows everything and changes nothing")
    groups = parser.add_subparsers(dest="group", metavar="COMMAND", title="commands")
    for group in GROUPS:
        groups.add_parser(
            group.name,
            help=group.summary,
            description=f"{group.summary[0].upper()}{group.summary[1:]}.",
            module=group.module,
        )
    return parser


def _run(arguments: list[str]) -> int:
    args = build_parser().parse_args(arguments, namespace=global_defaults())
    if args.no_color:
        os.environ["NO_COLOR"] = "1"  # Textual and child processes understand it too
    if args.group is None:
        return _run_application(args)
    module = next(group.module for group in GROUPS if group.name == args.group)
    status: int = import_module(module).run(args)
    return status


def _run_application(args: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError(
            "the application needs a terminal, and there is none here",
            remedy="use a command, for example `pantry-tui backup list`; `pantry-tui --help` shows all of them",
        )
    from pantry_tui.config import load_config

    status: int = import_module(APPLICATION).run(
        load_config(args.config), mouse=not args.no_mouse, read_only=args.read_only
    )
    return status


def _epilog() -> str:
    statuses = "  ".join(f"{cls.exit_status} {cls.code}" for cls in error_classes())
    lines: list[str] = []
    for word in statuses.split("  "):
        if not lines or len(lines[-1]) + len(word) > 74:
            lines.append("   ")
        lines[-1] += f" {word},"
    table = "\n".join(lines).rstrip(",")
    return (
        "Without a command the terminal application starts.\n\n"
        f"exit status: 0 done and verified, 130 interrupted,\n{table}\n(docs/exit-codes.md explains each)"
    )
