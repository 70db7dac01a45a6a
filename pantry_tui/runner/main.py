"""The runner as a process of its own: in the foreground, under systemd, or started by a client."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence

from pantry_tui.config import Config
from pantry_tui.errors import PantryError, RunnerError
from pantry_tui.models import LogFormat, RunnerStatus
from pantry_tui.runner.address import answers, runner_address
from pantry_tui.runner.directory import prepare_data_directory
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.service import ServiceSettings, run_service
from pantry_tui.runner.start import HAND_OVER_SECONDS, wait_for_end


def run_foreground(config: Config, on_ready: Callable[[], None]) -> int:
    """Runs a runner in this process until it is told to stop (the API, SIGTERM, SIGINT), and returns 0.

    ``on_ready`` is called when it answers. Raises `RunnerBusyError`, `RefusedError`, `StorageError`.
    """
    os.umask(0o077)
    asyncio.run(run_service(config.data_directory, ServiceSettings.of(config), config.path, on_ready))
    return 0


async def runner_status(config: Config) -> RunnerStatus | None:
    """What the runner of the data directory does, whatever its version; None when none is there."""
    from pantry_tui.runner.client import RunnerClient

    path = runner_address(prepare_data_directory(config.data_directory))
    if not answers(path):
        return None
    async with RunnerClient(path) as client:
        return await client.status()


async def stop_runner(config: Config, *, when_idle: bool = False) -> RunnerStatus | None:
    """Ends the runner, whatever its version, and returns when it is gone what it was; None when none was there.

    At once its running jobs are stopped cleanly and count as interrupted; ``when_idle`` waits for them, however long.
    Raises `RunnerError` when it does not end.
    """
    from pantry_tui.runner.client import RunnerClient

    directory = prepare_data_directory(config.data_directory)
    path = runner_address(directory)
    if not answers(path):
        return None
    async with RunnerClient(path) as client:
        status = await client.status()
        await client.stop(when_idle=when_idle)
    seconds = float("inf") if when_idle else HAND_OVER_SECONDS
    if not await asyncio.to_thread(wait_for_end, directory, seconds):
        raise RunnerError(f"the runner (process {status.pid}) does not end", remedy=f"kill -9 {status.pid}")
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m pantry_tui.runner`: what a client starts. Returns the exit status of the error, or 0."""
    parser = argparse.ArgumentParser(prog="python -m pantry_tui.runner", description="A runner of one data directory.")
    parser.add_argument("--data-directory", required=True, metavar="DIRECTORY")
    parser.add_argument("--max-jobs", type=int, default=3, metavar="N")
    parser.add_argument("--max-scheduled", type=int, default=3, metavar="N")
    parser.add_argument("--config", metavar="FILE", help="what the names in schedules mean")
    parser.add_argument("--history-days", type=int, default=30, metavar="DAYS")
    parser.add_argument("--nice", type=int, default=0, metavar="N")
    parser.add_argument("--log-format", choices=[each.value for each in LogFormat], default=LogFormat.TEXT.value)
    parser.add_argument("--stop-seconds", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--monitoring", action="append", default=[], metavar="KEY=NUMBER", help="instead of the file's")
    parser.add_argument("--announce", action="store_true", help="write a line to standard output when it answers")
    args = parser.parse_args(argv)
    os.umask(0o077)
    os.chdir("/")
    executor = ExecutorSettings(
        max_jobs=args.max_jobs, max_scheduled=args.max_scheduled, history_days=args.history_days, nice=args.nice
    )
    settings = ServiceSettings(executor=executor, log_format=LogFormat(args.log_format), stop_seconds=args.stop_seconds)
    try:
        asyncio.run(
            run_service(
                args.data_directory,
                settings,
                args.config,
                _announce if args.announce else lambda: None,
                monitoring=_numbers(args.monitoring),
            )
        )
    except PantryError as error:
        said = (error.message, error.remedy, error.detail)
        with contextlib.suppress(OSError):  # the log may lie on the disk that is full
            os.write(2, ("\n".join(filter(None, said)) + "\n").encode(errors="backslashreplace"))
        return error.exit_status
    return 0


def _numbers(words: Sequence[str]) -> dict[str, float]:
    return {key: float(value) for key, _, value in (word.partition("=") for word in words)}


def _announce() -> None:
    """Tells the starter, who reads a pipe at standard output, and closes that pipe."""
    os.write(1, b"ready\n")
    os.dup2(2, 1)
