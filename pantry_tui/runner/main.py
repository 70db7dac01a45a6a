"""The runner as a process of its own: in the foreground, under systemd, or started by a client."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from pantry_tui.config import Config, load_config
from pantry_tui.errors import PantryError, RunnerError
from pantry_tui.models import RunnerStatus
from pantry_tui.runner.address import answers, runner_address
from pantry_tui.runner.directory import prepare_data_directory
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.start import HAND_OVER_SECONDS, wait_for_end


def settings_of(config: Config, *, keeps_spare: bool = True) -> ExecutorSettings:
    """A runner's settings, as configured."""
    return ExecutorSettings(
        max_jobs=config.runner.max_jobs,
        max_scheduled=config.scheduler.max_concurrent_jobs,
        history_days=config.runner.history_days,
        nice=config.backup.nice,
        keeps_spare=keeps_spare,
    )


def run_foreground(config: Config, on_ready: Callable[[], None]) -> int:
    """Runs a runner in this process until it is told to stop (the API, SIGTERM, SIGINT), and returns 0.

    ``on_ready`` is called when it answers. Raises `RunnerBusyError`, `RefusedError`, `StorageError`.
    """
    os.umask(0o077)
    asyncio.run(_run(config.data_directory, settings_of(config), on_ready, config.path))
    return 0


async def runner_status(config: Config) -> RunnerStatus | None:
    """What the runner of the data directory does, whatever its version; None when none is there."""
    from pantry_tui.runner.client import RunnerClient

    path = runner_address(prepare_data_directory(config.data_directory))
    if not answers(path):
        return None
    async with RunnerClient(path) as client:
        return await client.status()


async def stop_runner(config: Config, *, when_idle: bool = False) -> bool:
    """Ends the runner, whatever its version, and returns when it is gone; False when none was there.

    At once its running jobs are stopped cleanly and count as interrupted; ``when_idle`` waits for them, however long.
    Raises `RunnerError` when it does not end.
    """
    from pantry_tui.runner.client import RunnerClient

    directory = prepare_data_directory(config.data_directory)
    path = runner_address(directory)
    if not answers(path):
        return False
    async with RunnerClient(path) as client:
        status = await client.status()
        await client.stop(when_idle=when_idle)
    seconds = float("inf") if when_idle else HAND_OVER_SECONDS
    if not await asyncio.to_thread(wait_for_end, directory, seconds):
        raise RunnerError(f"the runner (process {status.pid}) does not end", remedy=f"kill -9 {status.pid}")
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m pantry_tui.runner`: what a client starts. Returns the exit status of the error, or 0."""
    parser = argparse.ArgumentParser(prog="python -m pantry_tui.runner", description="A runner of one data directory.")
    parser.add_argument("--data-directory", required=True, metavar="DIRECTORY")
    parser.add_argument("--max-jobs", type=int, default=3, metavar="N")
    parser.add_argument("--max-scheduled", type=int, default=3, metavar="N")
    parser.add_argument("--config", metavar="FILE", help="what the names in schedules mean")
    parser.add_argument("--history-days", type=int, default=30, metavar="DAYS")
    parser.add_argument("--nice", type=int, default=0, metavar="N")
    parser.add_argument("--announce", action="store_true", help="write a line to standard output when it answers")
    args = parser.parse_args(argv)
    os.umask(0o077)
    os.chdir("/")
    settings = ExecutorSettings(
        max_jobs=args.max_jobs, max_scheduled=args.max_scheduled, history_days=args.history_days, nice=args.nice
    )
    try:
        asyncio.run(_run(args.data_directory, settings, _announce if args.announce else lambda: None, args.config))
    except PantryError as error:
        said = (error.message, error.remedy, error.detail)
        with contextlib.suppress(OSError):  # the log may lie on the disk that is full
            os.write(2, ("\n".join(filter(None, said)) + "\n").encode(errors="backslashreplace"))
        return error.exit_status
    return 0


def _announce() -> None:
    """Tells the starter, who reads a pipe at standard output, and closes that pipe."""
    os.write(1, b"ready\n")
    os.dup2(2, 1)


async def _run(
    data_directory: str | Path, settings: ExecutorSettings, on_ready: Callable[[], None], file: str | None
) -> None:
    from pantry_tui.runner.running import running
    from pantry_tui.runner.scheduling.clock import SystemClock

    environment = dict(os.environ)  # as it is now: connections change it for moments
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal it was started from may go
    async with running(
        str(data_directory), settings, configuration=lambda: load_config(file, environment), clock=SystemClock()
    ) as runner:
        on_ready()
        told = asyncio.create_task(runner.stopped.wait())
        signalled = asyncio.create_task(stop.wait())
        await asyncio.wait((told, signalled), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        signalled.cancel()
