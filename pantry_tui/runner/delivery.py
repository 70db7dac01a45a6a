"""Having one notice sent by a process of its own, which is ended when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import msgspec

from pantry_tui.errors import NotificationError
from pantry_tui.models import Failure, Notice, Receiver
from pantry_tui.notify.sending import Order
from pantry_tui.postgres.processes import die_with_parent
from pantry_tui.runner.environment import engine_environment

DEADLINE_SECONDS = 45.0

_ARGV = (sys.executable, "-P", "-m", "pantry_tui.notify.sending")


async def deliver(receiver: Receiver, notice: Notice, *, seconds: float = DEADLINE_SECONDS) -> None:
    """Tells one receiver. Raises `NotificationError`, `ConfigError`: what kept it from being told."""
    try:
        process = await asyncio.create_subprocess_exec(
            *_ARGV,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env=engine_environment(),
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    except OSError as error:
        raise NotificationError(
            f"{receiver.name} could not be told: no process could be started", detail=str(error)
        ) from None
    try:
        async with asyncio.timeout(seconds):
            answered, _ = await process.communicate(Order(receiver=receiver, notice=notice).to_json() + b"\n")
    except TimeoutError:
        raise NotificationError(
            f"{receiver.name} could not be told within {seconds:g} s", remedy="check the network and the address"
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    _raise_failure(receiver, answered)


def _raise_failure(receiver: Receiver, answered: bytes) -> None:
    try:
        failure = msgspec.json.decode(answered, type=Failure | None)
    except msgspec.DecodeError:
        raise NotificationError(f"{receiver.name} could not be told: the process that sends was ended") from None
    if failure is not None:
        raise failure.as_error()
