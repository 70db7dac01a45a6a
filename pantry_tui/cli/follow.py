"""Follows a job to its end: progress on standard error, and what Ctrl+C means meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from typing import Any, Protocol

from pantry_tui.cli.failure import INTERRUPTED, TERMINATED, Interrupted
from pantry_tui.cli.progress import ProgressPrinter
from pantry_tui.errors import JobError
from pantry_tui.events import Event, Failed, Finished
from pantry_tui.models import Job

SECOND_PRESS_SECONDS = 5.0


class JobSource(Protocol):
    """What following needs of a runner's client."""

    def job_events(self, job_id: str) -> AsyncIterator[Event]:
        """The job's events from its beginning, then live."""

    async def cancel(self, job_id: str) -> Job:
        """Cancels the job."""


class OnInterrupt(Enum):
    """What the first Ctrl+C does to the job."""

    CANCEL = "cancel"  # the runner is in this process: the job ends with it
    ASK = "ask"  # a runner elsewhere holds it: a second press cancels
    LEAVE = "leave"  # we only watch


async def follow(client: JobSource, job_id: str, args: argparse.Namespace, on_interrupt: OnInterrupt) -> dict[str, Any]:
    """Prints the job's progress and returns its result as builtins.

    Raises the job's failure, or `Interrupted`: after the job was cancelled, or because we no longer watch it.
    """
    printer = ProgressPrinter(quiet=args.quiet)
    with _signals() as presses, contextlib.closing(printer):
        reading = asyncio.create_task(_read(client, job_id, printer))
        try:
            received = await _first(reading, presses)
            if received is not None:
                await _interrupt(client, job_id, reading, presses, printer, received, on_interrupt)
            return await reading
        finally:
            reading.cancel()


async def _read(client: JobSource, job_id: str, printer: ProgressPrinter) -> dict[str, Any]:
    async for event in client.job_events(job_id):
        printer(event)
        if isinstance(event, Finished):
            return event.result
        if isinstance(event, Failed):
            raise event.failure.as_error()
    raise JobError(
        f"job {job_id} went silent before it ended",
        remedy=f"the runner may have stopped: see `pantry-tui job show {job_id}`",
    )


async def _interrupt(
    client: JobSource,
    job_id: str,
    reading: asyncio.Task[dict[str, Any]],
    presses: asyncio.Queue[signal.Signals],
    printer: ProgressPrinter,
    received: signal.Signals,
    on_interrupt: OnInterrupt,
) -> None:
    """Returns only when the job ended by itself in the meantime."""
    status = TERMINATED if received is signal.SIGTERM else INTERRUPTED
    left = Interrupted(f"job {job_id} goes on in the runner: `pantry-tui job wait {job_id}` finds it again", status)
    if on_interrupt is OnInterrupt.LEAVE or (on_interrupt is OnInterrupt.ASK and received is signal.SIGTERM):
        raise left
    if on_interrupt is OnInterrupt.ASK:
        printer.remark("cancel the job? press Ctrl+C again; else it goes on in the runner")
        again = await _first(reading, presses, timeout=SECOND_PRESS_SECONDS)
        if reading.done():
            return
        if again is None:
            raise left
    printer.remark("cancelling the job …")
    await client.cancel(job_id)
    if await _first(reading, presses) is None and reading.exception() is None:
        return  # it was faster: the result stands
    raise Interrupted(f"job {job_id} was cancelled; nothing of it is kept", status)


async def _first(
    reading: asyncio.Task[dict[str, Any]], presses: asyncio.Queue[signal.Signals], *, timeout: float | None = None
) -> signal.Signals | None:
    """Waits for a signal or the job's end; None when the job ended or the time is over."""
    press = asyncio.create_task(presses.get())
    try:
        await asyncio.wait({reading, press}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return press.result() if press.done() else None
    finally:
        press.cancel()


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Queue[signal.Signals]]:
    """Collects SIGINT and SIGTERM instead of obeying them."""
    loop = asyncio.get_running_loop()
    presses: asyncio.Queue[signal.Signals] = asyncio.Queue()
    caught = (signal.SIGINT, signal.SIGTERM)
    for number in caught:
        loop.add_signal_handler(number, presses.put_nowait, number)
    try:
        yield presses
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
