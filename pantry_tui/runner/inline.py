"""A runner for the time of one command: for those who have none running and want none to stay."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantry_tui.config import Config
from pantry_tui.errors import RunnerBusyError, RunnerError
from pantry_tui.models import RunnerStay
from pantry_tui.runner.client import RunnerClient, attach, make_way
from pantry_tui.runner.directory import prepare_data_directory
from pantry_tui.runner.service import ServiceSettings
from pantry_tui.runner.start import HAND_OVER_SECONDS, wait_while_silent

if TYPE_CHECKING:
    from pantry_tui.runner.monitoring.observer import Observer

_ATTEMPTS = 3


class Expects(Enum):
    """What a command will ask of a runner for its own time."""

    JOB = auto()
    LOOK = auto()  # at everything
    NOTHING = auto()  # that needs a process


@contextlib.asynccontextmanager
async def inline_runner(config: Config, *, expects: Expects = Expects.JOB) -> AsyncIterator[RunnerClient]:
    """A client of the runner that is there; where none is, of one in this process, its socket included.

    Leaving the context waits for the last job of a runner of our own, whoever submitted it, and leaves nothing behind.
    Cancellation (Ctrl-C, SIGTERM) stops the jobs cleanly instead, and they count as interrupted. SIGHUP is ignored
    meanwhile: a lost terminal stops no job. A process for what it ``expects`` is started while it starts itself. Raises
    what `attach` and the start of a runner raise.
    """
    directory = prepare_data_directory(config.data_directory)
    await make_way(directory)
    for _ in range(_ATTEMPTS):
        async with contextlib.AsyncExitStack() as stack:
            try:
                client = await _enter(stack, config, expects)
            except RunnerBusyError:  # somebody else starts one, or one is just ending
                await asyncio.to_thread(wait_while_silent, directory, HAND_OVER_SECONDS)
                continue
            yield client
            return
    async with await attach(config) as client:
        yield client


async def _enter(stack: contextlib.AsyncExitStack, config: Config, expects: Expects) -> RunnerClient:
    try:
        return await stack.enter_async_context(await attach(config))
    except RunnerError:
        return await stack.enter_async_context(_own_runner(config, expects))


@contextlib.asynccontextmanager
async def _own_runner(config: Config, expects: Expects) -> AsyncIterator[RunnerClient]:
    async with contextlib.AsyncExitStack() as stack:
        observer = await _observer(stack) if expects is Expects.LOOK else None
        from pantry_tui.runner.running import running

        stack.enter_context(_signals())
        settings = ServiceSettings.of(config, keeps_spare=False).executor
        settings = msgspec.structs.replace(settings, prepares=expects is Expects.JOB)
        stay = RunnerStay.COMMAND
        async with running(
            config.data_directory, settings, configuration=lambda: config, observer=observer, stay=stay
        ) as runner:
            told = asyncio.create_task(_end_when_told(runner.stopped, runner.executor.close))
            try:
                async with RunnerClient(Path(runner.status().socket)) as client:
                    try:
                        yield client
                    except Exception:
                        await runner.executor.idle()  # an error of the command is none of the jobs'
                        raise
                    await runner.executor.idle()
            finally:
                told.cancel()


async def _observer(stack: contextlib.AsyncExitStack) -> Observer:
    """One that ends with ``stack``; it imports what it needs (0.3 s) while this process imports its own."""
    from pantry_tui.runner.monitoring.observer import Observer

    observer = await Observer.start()
    stack.push_async_callback(observer.end)
    return observer


async def _end_when_told(stopped: asyncio.Event, close: Callable[[], Awaitable[None]]) -> None:
    """Another client may stop this runner; the command then hears that its job was interrupted."""
    await stopped.wait()
    await close()


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGHUP, hangup)
