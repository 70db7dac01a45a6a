"""`pantry-tui schedule execute`: have what a schedule does done now."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import TYPE_CHECKING, Any

from pantry_tui.cli.failure import describe
from pantry_tui.cli.follow import OnInterrupt, follow
from pantry_tui.cli.output import print_document, print_line
from pantry_tui.cli.parser import command
from pantry_tui.cli.session import ask_runner, configuration
from pantry_tui.cli.streams import narrate
from pantry_tui.errors import PantryError
from pantry_tui.models import Job

if TYPE_CHECKING:
    from pantry_tui.runner.client import RunnerClient


def add_command(commands: Any) -> None:
    """Declares the command."""
    execute = command(
        commands,
        "execute",
        execute_schedule,
        summary="do now what a schedule does, whatever the time",
        description="Has the jobs of a schedule done at once, before those that wait for their turn, and follows them. The\n"
        "schedule's next run stays when it is; a disabled one can be executed too. The exit status is that of the first job\n"
        "that failed.",
        examples=("pantry-tui schedule execute nightly", "pantry-tui schedule execute nightly --no-wait"),
    )
    execute.add_argument("schedule", metavar="SCHEDULE", help="a schedule's name or id")
    execute.add_argument("--no-wait", action="store_true", help="leave the jobs to a runner and print their ids")


def execute_schedule(args: argparse.Namespace) -> int:
    """Executes a schedule."""
    config = configuration(args)
    if args.no_wait:
        jobs = asyncio.run(_left(args))
        failure = None
    else:
        jobs, failure = ask_runner(config, lambda runner: _followed(args, runner))
    if args.json:
        print_document({"jobs": jobs})
    else:
        for job in jobs:
            print_line(job.id if args.no_wait else f"{job.state}: {job.title} ({job.backup_id or job.id})")
    return failure.exit_status if failure is not None else 0


async def _left(args: argparse.Namespace) -> list[Job]:
    from pantry_tui.runner.client import attach_or_start

    async with await attach_or_start(configuration(args)) as client:
        return await client.execute_schedule(args.schedule)


async def _followed(args: argparse.Namespace, client: RunnerClient) -> tuple[list[Job], PantryError | None]:
    """The jobs when all are over, and the failure of the first that failed."""
    ours = (await client.status()).pid == os.getpid()
    first: PantryError | None = None
    jobs = await client.execute_schedule(args.schedule)
    for job in jobs:
        try:
            await follow(client, job.id, args, OnInterrupt.CANCEL if ours else OnInterrupt.ASK)
        except PantryError as error:
            narrate(describe(error))
            first = first or error
    return [await client.job(job.id) for job in jobs], first
