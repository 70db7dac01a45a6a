"""What commands share: the configuration, who asks, and having a runner do something."""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pantry_tui.cli.failure import TERMINATED, Interrupted
from pantry_tui.cli.follow import OnInterrupt, follow
from pantry_tui.cli.output import note, print_document, print_line
from pantry_tui.cli.parser import Parser
from pantry_tui.config import Config, load_config
from pantry_tui.models import JobRequest, RepositoryTarget

if TYPE_CHECKING:
    from pantry_tui.runner.client import RunnerClient
    from pantry_tui.runner.inline import Expects
    from pantry_tui.runner.reads import LocalReads

T = TypeVar("T")


def configuration(args: argparse.Namespace) -> Config:
    """The configuration that ``args`` and the environment name. Raises `ConfigError`."""
    return load_config(args.config)


def add_repository_option(parser: Parser) -> None:
    """Declares `--repository`, for those who have several."""
    parser.add_argument(
        "--repository", metavar="NAME", help="a configured repository, an absolute path, or s3://bucket/prefix"
    )


def repository(args: argparse.Namespace, config: Config) -> RepositoryTarget:
    """The repository that ``args`` name. Raises `ConfigError`."""
    return config.repository_target(args.repository)


def started_by() -> str:
    """Who runs this command: `user@host`, and behind sudo the person who typed it."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an account without a name, as containers have
        user = f"uid {os.geteuid()}"
    person = os.environ.get("SUDO_USER")
    return f"{user}@{socket.gethostname()}" + (f" (sudo by {person})" if person and person != user else "")


def look_up(
    config: Config, question: Callable[[LocalReads], Awaitable[T]], args: argparse.Namespace | None = None
) -> T:
    """What backups and jobs there are, without a runner in this process and what it costs to start one.

    With ``args``, what the answer leaves out or cannot vouch for is remarked on standard error.
    """
    from pantry_tui.runner.reads import LocalReads

    reads = LocalReads(config)

    async def ask() -> T:
        return await question(reads)

    answer = asyncio.run(ask())
    if args is not None:
        for remark in reads.remarks:
            note(args, remark)
    return answer


def ask_runner(
    config: Config, question: Callable[[RunnerClient], Awaitable[T]], *, expects: Expects | None = None
) -> T:
    """The answer of the runner that is there, or of one in this process. Raises `Interrupted` on SIGTERM.

    ``expects``: what a runner of this process is prepared for; None: a job.
    """

    from pantry_tui.runner.inline import Expects, inline_runner

    async def ask() -> T:
        async with inline_runner(config, expects=expects or Expects.JOB) as client:
            return await question(client)

    try:
        return asyncio.run(ask())
    except asyncio.CancelledError:  # SIGTERM, while no job was followed
        raise Interrupted("terminated", TERMINATED) from None


def run_job(args: argparse.Namespace, config: Config, request: JobRequest) -> dict[str, Any]:
    """Has a runner do ``request``, shows its progress, and returns the result model as builtins.

    Raises the job's own failure, and `Interrupted` when the person at the keyboard stopped it.
    """
    from pantry_tui.runner.surrounding import surrounded

    async def work(client: RunnerClient) -> dict[str, Any]:
        job = await client.submit(surrounded(request, config))
        ours = (await client.status()).pid == os.getpid()
        return await follow(client, job.id, args, OnInterrupt.CANCEL if ours else OnInterrupt.ASK)

    return ask_runner(config, work)


def leave_job(args: argparse.Namespace, config: Config, request: JobRequest) -> None:
    """Hands ``request`` to a runner in a session of its own and prints the job's id."""

    from pantry_tui.runner.client import attach_or_start
    from pantry_tui.runner.surrounding import surrounded

    async def leave() -> None:
        async with await attach_or_start(config) as client:
            job = await client.submit(surrounded(request, config))
        if args.json:
            print_document({"job": job})
        else:
            print_line(job.id)

    asyncio.run(leave())
