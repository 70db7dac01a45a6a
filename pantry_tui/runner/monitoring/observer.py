"""Having everything looked at by a process of its own, which is ended when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

import msgspec

from pantry_tui.errors import RunnerError
from pantry_tui.monitoring.facts import Seen
from pantry_tui.postgres.processes import die_with_parent
from pantry_tui.runner.environment import engine_environment
from pantry_tui.runner.monitoring.observing import Inquiry, decode_seen

DEADLINE_SECONDS = 30.0
SECONDS_PER_DATABASE = 10.0  # of one that does not answer; the next is asked when it was given up
_LONGEST_LINE = 64 * 1024**2
_KILL_SECONDS = 2.0

_ARGV = (sys.executable, "-P", "-m", "pantry_tui.runner.monitoring.observing")


class Observer:
    """One process that looks; started before the inquiry is made, because its imports take a quarter of a second."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> Observer:
        """Starts it. Raises `RunnerError`."""
        try:
            process = await asyncio.create_subprocess_exec(
                *_ARGV,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env=engine_environment(),
                limit=_LONGEST_LINE,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        except OSError as error:
            raise RunnerError(
                f"nothing could be looked at: no process could be started ({error.strerror})",
                remedy="free memory, or raise the limit of processes (ulimit -u)",
            ) from error
        return cls(process)

    async def look(self, inquiry: Inquiry, take: Callable[[Seen], None], *, seconds: float | None = None) -> bool:
        """Hands over what is seen as it comes, until everything is, or the time is over; whether it was everything."""
        limit = DEADLINE_SECONDS + SECONDS_PER_DATABASE * len(inquiry.databases) if seconds is None else seconds
        assert self._process.stdin is not None
        try:
            async with asyncio.timeout(limit):
                with contextlib.suppress(ConnectionError):  # it was killed, which shows by its silence
                    self._process.stdin.write(inquiry.to_json() + b"\n")
                    await self._process.stdin.drain()
                return await self._read(take)
        except TimeoutError:
            return False
        finally:
            await self.end()

    async def end(self) -> None:
        """Ends it, whatever it hangs in; a process that not even the kernel can end is left to it."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_SECONDS):
                await self._process.wait()

    async def _read(self, take: Callable[[Seen], None]) -> bool:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line == b"\n":
                return True
            with contextlib.suppress(msgspec.DecodeError):
                take(decode_seen(line))
        return False
