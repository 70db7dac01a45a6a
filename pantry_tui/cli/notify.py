"""`pantry-tui notify`: tell somebody as a test, and see what waits to be told."""

from __future__ import annotations

import argparse
import asyncio
import socket
from pathlib import Path

from pantry_tui.cli.output import Column, age, counted, note, print_document, print_line, print_table
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.session import configuration, started_by
from pantry_tui.config import Config
from pantry_tui.models import Notice, Outcome, Receiver, WaitingNotice, utc_now

_WAITING = (
    Column("WHO"),
    Column("BY", spare=1),
    Column("AGE", right=True),
    Column("TRIED", right=True),
    Column("WHAT", least=20),
    Column("WHY NOT", spare=2, least=20),
)


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    test = command(
        commands,
        "test",
        test_receiver,
        summary="tell somebody that this is a test",
        description="Tells one that is configured as [notifications.NAME], now, and says whether that worked.",
        examples=("pantry-tui notify test ops",),
    )
    test.add_argument("to", metavar="TO", help="a name of [notifications.NAME]")
    command(
        commands,
        "list",
        list_waiting,
        summary="what waits to be told, and why",
        description="Lists what could not be told yet. The runner tries it again, at ever longer intervals, for three days.",
        examples=("pantry-tui notify list",),
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def test_receiver(args: argparse.Namespace) -> int:
    """Tells one receiver, and waits for the answer."""
    from pantry_tui.runner.delivery import deliver

    config = configuration(args)
    [receiver] = config.receivers([args.to])
    asyncio.run(deliver(receiver, _test_notice(receiver)))
    if args.json:
        print_document({"to": receiver.name, "kind": receiver.kind, "told": True})
    else:
        print_line(f"{receiver.name} was told ({receiver.kind})")
    return 0


def list_waiting(args: argparse.Namespace) -> int:
    """Lists what waits to be told."""
    found = _waiting(configuration(args))
    if args.json:
        print_document(found)
    elif found:
        print_table(_WAITING, [_row(waiting) for waiting in found])
        print_line(f"{counted(len(found), 'message')} waiting")
    else:
        note(args, "nothing waits to be told")
    return 0


def _waiting(config: Config) -> list[WaitingNotice]:
    from pantry_tui.notify.queue import NoticeQueue

    return NoticeQueue(Path(config.data_directory)).waiting()


def _row(waiting: WaitingNotice) -> tuple[str, ...]:
    receiver, tried = waiting.receiver, f"{waiting.attempts:,}"
    return receiver.name, str(receiver.kind), age(waiting.at), tried, waiting.notice.subject, waiting.problem or ""


def _test_notice(receiver: Receiver) -> Notice:
    host, now = socket.gethostname(), utc_now()
    return Notice(
        outcome=Outcome.SUCCEEDED,
        subject=f"[pantry-tui] a test from {host}",
        text=f"This is a test of [notifications.{receiver.name}] on {host}, by {started_by()}, at {now:%Y-%m-%d %H:%M:%S} UTC."
        "\n\nWhat to do next:\n  nothing: you will be told like this.\n",
    )
