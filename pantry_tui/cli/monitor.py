"""`pantry-tui monitor`: what was measured."""

from __future__ import annotations

import argparse

from pantry_tui.cli.monitor_metrics import add_metric_commands
from pantry_tui.cli.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    add_metric_commands(commands)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status
