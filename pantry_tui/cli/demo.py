"""`pantry-tui demo`: a private PostgreSQL, sample data, a backup and the proof that it restores; then the application.

The runner lives in this process and the application in a child of it, so that however either ends, this process
stops the server and removes the files.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pantry_tui.cli.demo_story import Story
from pantry_tui.cli.failure import INTERRUPTED, Interrupted
from pantry_tui.cli.parser import Parser
from pantry_tui.cli.session import started_by
from pantry_tui.demo.crm import DEFAULT_SCALE, LARGEST_SCALE
from pantry_tui.demo.session import DATABASE, DemoSession
from pantry_tui.errors import TerminalError, UsageError, VerificationError
from pantry_tui.models import (
    BackupRequest,
    BackupSummary,
    RestoreRequest,
    RestoreResult,
    ValidateRequest,
    ValidationResult,
)
from pantry_tui.runner.client import RunnerClient
from pantry_tui.runner.inline import inline_runner

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SURROUNDINGS = ("PG", "SUPABASE_")
SURROUNDING_NAMES = ("DATABASE_URL", "BACKUP_DIR", "DATA_DIR", "PANTRY_CONFIG")
PANTRY = "import sys; from pantry_tui.cli.main import main; sys.exit(main())"
GRACE_SECONDS = 5.0


def add_arguments(parser: Parser) -> None:
    """Declares the options of the demo."""
    parser.add_argument("--headless", action="store_true", help="print what was done and stop; no application")
    parser.add_argument(
        "--scale",
        type=_scale,
        metavar="X",
        help=f"size of the sample CRM; 1 is 1.7 million rows, 550 MB (default: {DEFAULT_SCALE})",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep server, backups and configuration in this directory; the same command opens it again",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the demonstration; returns 0, or the application's status. Everything is removed whatever happens."""
    if args.config is not None:
        raise UsageError("the demo has a configuration of its own", remedy="leave --config out")
    if not args.headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError(
            "the demo ends in the application, which needs a terminal, and there is none here",
            remedy="use `pantry-tui demo --headless`",
        )
    if args.json and not args.headless:
        raise UsageError("--json prints what --headless did", remedy="add --headless")
    _forget_surroundings()
    story = Story(args)
    with _endings():
        began = time.monotonic()
        with _removed_at_the_end(DemoSession(args.keep), story) as session:
            session.start()
            story.server_started(session, time.monotonic() - began)
            return _demonstrate(session, story, args)


def _demonstrate(session: DemoSession, story: Story, args: argparse.Namespace) -> int:
    received: list[signal.Signals] = []
    try:
        return asyncio.run(_play(session, story, args, received))
    except asyncio.CancelledError:
        raise _interrupted(received[0] if received else signal.SIGINT) from None


async def _play(session: DemoSession, story: Story, args: argparse.Namespace, received: list[signal.Signals]) -> int:
    began = time.monotonic()
    created = await session.provide_crm(scale=args.scale, listener=story.listener)
    async with inline_runner(session.config) as client:
        _cancel_on_endings(received)
        await story.crm_created(session, time.monotonic() - began, created=created)
        await _prove(session, story, client)
        if args.headless:
            return 0
        status = await _show(session)
        await _end_jobs(client)
        return status


async def _prove(session: DemoSession, story: Story, client: RunnerClient) -> None:
    """Backs up, reads back, restores elsewhere, and tells of each."""
    config, who = session.config, started_by()
    repository = config.repository_target()
    backup = BackupSummary.from_builtins(
        await story.follow(
            client,
            BackupRequest(
                database=config.database_target(DATABASE), repository=repository, name="first", started_by=who
            ),
        )
    )
    story.backed_up(backup)
    validation = ValidationResult.from_builtins(
        await story.follow(client, ValidateRequest(repository=repository, backup_id=backup.id, started_by=who))
    )
    story.validated(validation)
    target = await session.provide_rehearsal()
    restored = RestoreResult.from_builtins(
        await story.follow(
            client, RestoreRequest(repository=repository, backup_id=backup.id, target=target, started_by=who)
        )
    )
    story.restored(restored)
    if not (validation.valid and restored.validation.equal):
        raise VerificationError(
            "the demo's restore differs from its backup",
            remedy="please report it, with the output of `pantry-tui doctor`",
            detail="\n".join((*validation.problems, *restored.validation.differences)),
        )


async def _show(session: DemoSession) -> int:
    """The application on the demo's configuration, until it ends."""
    application = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PANTRY, f"--config={session.configuration}", env={**os.environ, "PANTRY_DEMO": "1"}
    )
    try:
        return await application.wait()
    except asyncio.CancelledError:
        if application.returncode is None:
            application.terminate()
        async with asyncio.timeout(GRACE_SECONDS):
            await application.wait()
        raise


async def _end_jobs(client: RunnerClient) -> None:
    """Nobody can wait for what the application left running: its database goes away."""
    for job in await client.jobs():
        if not job.state.is_final:
            await client.cancel(job.id)


@contextmanager
def _removed_at_the_end(session: DemoSession, story: Story) -> Iterator[DemoSession]:
    """Nothing interrupts the removal: it takes less than a second, and what it leaves nobody would find."""
    try:
        yield session
    finally:
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        session.close()
    story.ended(session)


@contextmanager
def _endings() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl+C does: by way of the removal."""

    def end(number: int, frame: object) -> None:
        raise _interrupted(signal.Signals(number))

    previous = {number: signal.signal(number, end) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _cancel_on_endings(received: list[signal.Signals]) -> None:
    """While the loop runs, cancellation stops jobs and runner in good order; the handlers go with the loop."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end(number: signal.Signals) -> None:
        if not received:
            received.append(number)
            task.cancel()

    for number in ENDINGS:
        loop.add_signal_handler(number, end, number)


def _interrupted(number: signal.Signals) -> Interrupted:
    status = INTERRUPTED - signal.SIGINT + number
    return Interrupted("the demo was interrupted; its server is stopped", status)


def _forget_surroundings() -> None:
    """The demo touches no database, repository or configuration but its own."""
    for name in [*os.environ]:
        if name.startswith(SURROUNDINGS) or name in SURROUNDING_NAMES:
            del os.environ[name]


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale <= LARGEST_SCALE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, up to {LARGEST_SCALE:g}")
    return scale
