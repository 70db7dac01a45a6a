"""`recovery execute --rename-schema OLD=NEW`: schemas under other names."""

from __future__ import annotations

import argparse

from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.output import counted
from pantry_tui.cli.parser import Parser
from pantry_tui.errors import UsageError
from pantry_tui.models import DatabaseTarget


def add_rename_option(parser: Parser) -> None:
    """Declares `--rename-schema`."""
    parser.add_argument(
        "--rename-schema",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="restore this schema of the backup under another name, beside what is there; repeatable",
    )


def rename_schemas(args: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    """The names of schemas, before and after. Raises `UsageError` for what is no pair of names."""
    pairs = [text.partition("=") for text in args.rename_schema]
    for text, (old, sign, new) in zip(args.rename_schema, pairs, strict=True):
        if not (old and sign and new):
            raise UsageError(f"--rename-schema {text}: not two names", remedy="write --rename-schema public=yesterday")
    return tuple((old, new) for old, _, new in pairs)


def renaming_question(args: argparse.Namespace, facts: str, backup_id: str, target: DatabaseTarget) -> str:
    """What is asked before it is done."""
    tables = f"{counted(len(args.table), 'table')} of " if args.table else ""
    names = ", ".join(f"{old} as {new}" for old, new in rename_schemas(args))
    return (
        f"Restore {tables}backup {backup_id} ({facts}), schema {names}, into database {target.name} on"
        f" {view.place(target)}? It is created if it does not exist; nothing that is there is touched."
    )
