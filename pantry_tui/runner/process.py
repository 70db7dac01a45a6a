"""The runner's side of a job's process: start it, give it its request, read its events, see it gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Self

import msgspec

from pantry_tui.errors import InternalError, PantryError, RunnerError, WorkerDiedError
from pantry_tui.events import Event, Failed, Finished, decode_event
from pantry_tui.models import Failure, JobRequest, JobUsage
from pantry_tui.runner.environment import engine_environment
from pantry_tui.runner.job import GRACE_SECONDS
from pantry_tui.runner.leftovers import with_leftovers

_LINE_LIMIT = 256 * 1024 * 1024  # a result names every table; the limit guards against a child gone mad
_STDERR_BYTES = 16 * 1024
_DRAIN_SECONDS = 5.0
_BLOCK_BYTES = 512  # of getrusage(2), whatever the file system's are


class JobProcess:
    """One child process, in a session and process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)
        self._kill_timer: asyncio.TimerHandle | None = None
        self.usage: JobUsage | None = None  # known when it has ended

    @classmethod
    def start(cls, niceness: int) -> Self:
        """Starts a child that prepares itself and waits for its request. Raises `RunnerError`."""
        argv = [sys.executable, "-P", "-X", "faulthandler", "-m", "pantry_tui.runner.job", str(niceness)]
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=engine_environment(),
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise RunnerError(
                f"a process for the job cannot be started: {error.strerror}",
                remedy="free memory, or raise the limits of processes and open files (ulimit -u, ulimit -n)",
            ) from error
        return cls(process)

    @property
    def pid(self) -> int:
        """The child's process id, and its process group's."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the child is still there."""
        return self._process.poll() is None

    async def carry_out(self, request: JobRequest, on_event: Callable[[Event], None]) -> Finished | Failed:
        """Hands over the request, passes on every event but the last, and returns that one.

        A child that ends without one is reported as `WorkerDiedError` or `InternalError`. When this returns nothing of
        the child's process group is left.
        """
        stdin, stdout, stderr = self._pipes()
        errors, errors_transport = await _reader(stderr)
        events, events_transport = await _reader(stdout)
        tail = asyncio.create_task(_tail(errors))
        ending = asyncio.create_task(self._end())
        try:
            with contextlib.suppress(BrokenPipeError):  # a child that died says so below
                await asyncio.to_thread(stdin.write, msgspec.json.encode(request) + b"\n")
            last = await self._pass_on(events, on_event)
            await ending
            await asyncio.wait([tail], timeout=_DRAIN_SECONDS)
            said = tail.result() if tail.done() else ""
            return last or Failed(failure=with_leftovers(Failure.of(self._death(said)), request))
        finally:
            stdin.close()
            tail.cancel()
            events_transport.close()
            errors_transport.close()

    def ask_to_stop(self) -> None:
        """SIGTERM now, and SIGKILL for the whole group where that does not help in `GRACE_SECONDS`."""
        if self._kill_timer is None and self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
            self._kill_timer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._kill_group)

    async def dismiss(self) -> None:
        """Ends a child that was given no request."""
        stdin, stdout, stderr = self._pipes()
        stdin.close()
        self._kill_timer = asyncio.get_running_loop().call_later(_DRAIN_SECONDS, self._kill_group)
        await self._end()
        stdout.close()
        stderr.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise InternalError("a job process was started without its pipes")
        return process.stdin, process.stdout, process.stderr

    async def _pass_on(
        self, events: asyncio.StreamReader, on_event: Callable[[Event], None]
    ) -> Finished | Failed | None:
        last: Finished | Failed | None = None
        async for line in events:
            try:
                event = decode_event(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # a line cut by the child's death
            if isinstance(event, Finished | Failed):
                last = event
            else:
                on_event(event)
        return last

    async def _end(self) -> None:
        """Waits for the child, kills what is left of its group, and only then lets go of its process id."""
        if self._process.returncode is None:
            await self._exited()
            self._kill_group()  # before the wait below: until then nothing else can have this group's number
            self._reap()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        os.close(self._pidfd)
        self._pidfd = -1

    def _reap(self) -> None:
        """Takes its exit status, as `Popen.wait` would, and with it what it and all that it waited for have used."""
        _, status, used = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = JobUsage(
            user_seconds=used.ru_utime,
            system_seconds=used.ru_stime,
            peak_bytes=used.ru_maxrss * 1024,
            read_bytes=used.ru_inblock * _BLOCK_BYTES,
            written_bytes=used.ru_oublock * _BLOCK_BYTES,
        )

    async def _exited(self) -> None:
        loop = asyncio.get_running_loop()
        exited = asyncio.Event()
        loop.add_reader(self._pidfd, exited.set)
        try:
            await exited.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _death(self, said: str) -> PantryError:
        status = self._process.returncode
        if status < 0:
            name = signal.Signals(-status).name
            return WorkerDiedError(
                f"the job's process was killed by {name}",
                remedy="look for an out-of-memory kill in the system's log (dmesg), then run the operation again",
                detail=said or None,
            )
        return InternalError(
            f"the job's process ended with status {status} and no result",
            remedy="please report it, with the text below",
            detail=said or None,
        )


async def _reader(pipe: IO[bytes]) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader(limit=_LINE_LIMIT)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    return reader, transport


async def _tail(reader: asyncio.StreamReader) -> str:
    kept = b""
    while piece := await reader.read(65536):
        kept = (kept + piece)[-_STDERR_BYTES:]
    return kept.decode(errors="backslashreplace").strip()
