"""`pantry-tui runner`: the process that does the work."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from pantry_tui.cli.output import moment, note, print_document, print_fields, print_line
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.session import configuration
from pantry_tui.cli.streams import write_line
from pantry_tui.cli.unit import unit_path, unit_text, write_unit
from pantry_tui.models import RunnerStatus, RunnerStay
from pantry_tui.runner.address import no_runner
from pantry_tui.runner.client import attach_or_start
from pantry_tui.runner.main import run_foreground, runner_status, stop_runner


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    parser.description = (
        "The runner takes backups, validates and restores them. There is one per data directory; commands start one\n"
        "for themselves where none is there. Without a command below, this one becomes the runner."
    )
    parser.add_argument("--foreground", action="store_true", help="be the runner until stopped (the default)")
    parser.set_defaults(action=foreground)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    command(
        commands,
        "start",
        start,
        summary="start a runner in the background",
        description="Starts a runner in a session of its own, where none is there; it outlives this terminal.",
    )
    stopping = command(
        commands,
        "stop",
        stop,
        summary="stop the runner",
        description="Stops the runner and waits until it is gone. Jobs at work are stopped cleanly; nothing of them is\n"
        "kept.",
    )
    stopping.add_argument("--when-idle", action="store_true", help="let the jobs end first; no new ones are taken")
    command(
        commands,
        "status",
        show_status,
        summary="who the runner is and what it does",
        description="Shows the runner of this data directory. Exit status 40 means that none is there.",
    )
    install = command(
        commands,
        "install-unit",
        install_unit,
        summary="write the systemd unit for a runner",
        description="Writes a systemd unit: the system's for root, else the user's own. It is not started.",
        examples=("pantry-tui runner install-unit --print",),
    )
    install.add_argument("--print", action="store_true", dest="only_print", help="print the unit, write nothing")
    install.add_argument("--force", action="store_true", help="replace a unit that is there")


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def foreground(args: argparse.Namespace) -> int:
    """Is the runner until it is told to stop."""
    config = configuration(args)
    return run_foreground(config, lambda: note(args, f"runner of {config.data_directory}; Ctrl+C stops it"))


def show_status(args: argparse.Namespace) -> int:
    """Shows the runner. Raises `RunnerError` when none is there."""
    config = configuration(args)
    status = asyncio.run(runner_status(config))
    if status is None:
        raise no_runner(Path(config.data_directory))
    _print_status(args, status)
    return 0


def start(args: argparse.Namespace) -> int:
    """Starts a runner where none is there."""

    async def ask() -> RunnerStatus:
        async with await attach_or_start(configuration(args)) as client:
            return await client.status()

    _print_status(args, asyncio.run(ask()))
    return 0


def stop(args: argparse.Namespace) -> int:
    """Stops the runner and waits until it is gone."""
    stopped = asyncio.run(stop_runner(configuration(args), when_idle=args.when_idle))
    if args.json:
        print_document({"stopped": stopped is not None})
    else:
        print_line("Stopped" if stopped is not None else "No runner was there")
    if stopped is not None and stopped.stay is RunnerStay.SERVICE:
        note(args, "its service manager starts another one; to have none: systemctl stop pantry-tui")
    return 0


def install_unit(args: argparse.Namespace) -> int:
    """Writes or prints the unit."""
    config = configuration(args)
    system = os.geteuid() == 0
    text = unit_text(
        config=config.path,
        data_directory=config.data_directory,
        system=system,
        stop_seconds=config.runner.stop_seconds,
        hook_seconds=config.longest_hook_seconds,
    )
    if args.only_print:
        write_line(text.rstrip("\n"))
        return 0
    path = unit_path()
    write_unit(path, text, force=args.force)
    if args.json:
        print_document({"path": str(path)})
    else:
        print_line(str(path))
    systemctl = "systemctl" if system else "systemctl --user"
    note(args, f"start it with: {systemctl} daemon-reload && {systemctl} enable --now pantry-tui")
    if not system:
        note(args, "let it run without a login: loginctl enable-linger")
    return 0


def _print_status(args: argparse.Namespace, status: RunnerStatus) -> None:
    if args.json:
        print_document(status)
        return
    print_fields(
        (
            ("process", f"{status.pid}, version {status.version}"),
            ("since", moment(status.started_at)),
            ("data", status.data_directory),
            ("socket", status.socket),
            ("jobs", f"{status.running} running, {status.queued} queued"),
            *([("not told", f"{status.untold:,}: pantry-tui notify list")] if status.untold else []),
            ("state", "ends with its last job" if status.stopping else "ready"),
        )
    )
