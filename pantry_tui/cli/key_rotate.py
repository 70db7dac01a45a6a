"""`pantry-tui key rotate`: who can open the backups to come."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pantry_tui.artifact.age import PublicKey, new_file, parse_recipient, parse_recipients
from pantry_tui.artifact.keyring import read_recipients_file, recipients_of_settings
from pantry_tui.artifact.recipients_file import meant_recipient, with_added, with_retired, write_recipients_file
from pantry_tui.cli.output import counted, note, print_document, print_line
from pantry_tui.cli.parser import command
from pantry_tui.cli.session import configuration
from pantry_tui.config import Config
from pantry_tui.errors import ConfigError, RefusedError, UsageError
from pantry_tui.models import utc_now


def add_rotate(commands: argparse._SubParsersAction[Any]) -> None:
    """Declares the command."""
    rotate = command(
        commands,
        "rotate",
        rotate_recipients,
        summary="add and retire recipients of the backups to come",
        description="Changes encryption.recipients_file: from the next backup on, those who are added can open them, and\n"
        "those who are retired cannot. Older backups stay as they are.",
        examples=("pantry-tui key rotate --add age1… --retire age1…",),
    )
    rotate.add_argument("--add", action="append", default=[], metavar="RECIPIENT", help="one more (repeatable)")
    rotate.add_argument(
        "--retire",
        action="append",
        default=[],
        metavar="RECIPIENT",
        help="one less: the whole of it or its beginning (repeatable)",
    )


def rotate_recipients(args: argparse.Namespace) -> int:
    """Adds and retires recipients in the recipients file; all of it or nothing."""
    if not args.add and not args.retire:
        raise UsageError("nothing to add and nothing to retire", remedy="Give --add, --retire or both.")
    config = configuration(args)
    path = _recipients_file(config)
    fixed = recipients_of_settings(config.encryption)
    text = read_recipients_file(path) if path.exists() else ""
    retired = _retired(args.retire, fixed, parse_recipients(text, key=str(path)), config)
    added = [parse_recipient(one, key="--add") for one in args.add]
    today = utc_now().astimezone().date()
    for recipient in retired:
        text = with_retired(text, recipient, today)
    for recipient in added:
        text = with_added(text, recipient, today)
    left = (*fixed, *parse_recipients(text, key=str(path)))
    if not left:
        raise RefusedError(
            "that would retire the last recipient: no backup could be taken any more",
            remedy="Add another in the same command: --add age1…",
        )
    new_file(left)  # whoever cannot be encrypted to shows now, not in the next backup
    write_recipients_file(path, text)
    _report(args, path, added, retired, left)
    return 0


def _recipients_file(config: Config) -> Path:
    if config.encryption.recipients_file is None:
        where = config.path or "a configuration file (pantry-tui config init)"
        raise ConfigError(
            "No recipients file is configured",
            remedy=f'Write into {where}: [encryption] recipients_file = "/etc/pantry-tui/recipients.txt"',
        )
    return Path(config.encryption.recipients_file)


def _retired(
    wanted: Sequence[str], fixed: tuple[PublicKey, ...], in_file: tuple[PublicKey, ...], config: Config
) -> list[PublicKey]:
    found = []
    for beginning in wanted:
        recipient = meant_recipient(beginning, tuple(dict.fromkeys((*fixed, *in_file))))
        if recipient in fixed:
            raise RefusedError(
                f"{recipient} stands in the configuration itself",
                remedy=f"Remove it from encryption.recipients in {config.path}.",
            )
        found.append(recipient)
    return found


def _report(
    args: argparse.Namespace, path: Path, added: list[PublicKey], retired: list[PublicKey], left: tuple[PublicKey, ...]
) -> None:
    if args.json:
        changed = {"added": [str(one) for one in added], "retired": [str(one) for one in retired]}
        print_document({"recipients_file": str(path), **changed, "recipients": [str(one) for one in left]})
        return
    for recipient in added:
        print_line(f"added    {recipient}")
    for recipient in retired:
        print_line(f"retired  {recipient}")
    print_line(f"the next backup is encrypted to {counted(len(left), 'recipient')} ({path})")
    if added:
        note(args, "What was added opens the backups from now on, none of the older ones.")
    if retired:
        note(
            args,
            "What was retired still opens every backup taken until now: keep its identity until the last of them is deleted. "
            "If it was stolen, take a new backup, prove that it restores, and delete the older ones.",
        )
