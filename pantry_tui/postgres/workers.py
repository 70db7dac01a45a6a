"""A pool of processes that each hold one libpq connection, for work that Python's lock would serialise.

One leader is started (exec, not fork: the caller may run threads), imports what the workers need once, and forks them;
so two workers share nearly all of their memory. Each talks to this side over its own socket pair, in lines: a type byte
and JSON. A handlers module names what workers can do; it offers ``open_session(setup) -> session``, where
``session(command, report)`` does one command and returns its result, all three as bytes of JSON.

Reading 544 MB of rows took 1.86 s with two such processes and 2.35 s with two threads (2 cores).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from pantry_tui.errors import InternalError, WorkerDiedError
from pantry_tui.models import Failure
from pantry_tui.postgres.processes import die_with_parent
from pantry_tui.together import Answer, together

SETUP, COMMAND = b"S", b"C"
REPORT, RESULT, FAILURE = b"R", b"D", b"F"
LINE_LIMIT = 64 * 1024 * 1024
# For glibc: pieces come and go by the thousand; given back to the kernel each time they cost 2 % of a backup in page faults.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(64 * 1024 * 1024), "MALLOC_TRIM_THRESHOLD_": str(128 * 1024 * 1024)}

ReportModel = TypeVar("ReportModel")
ResultModel = TypeVar("ResultModel")


class Answers(Generic[ReportModel, ResultModel]):
    """How the lines that workers send are read: the types (also unions) of their reports and results."""

    def __init__(self, report: Any, result: Any) -> None:
        self.report: msgspec.json.Decoder[ReportModel] = msgspec.json.Decoder(report)
        self.result: msgspec.json.Decoder[ResultModel] = msgspec.json.Decoder(result)


def _no_report(body: bytes) -> None:
    raise InternalError("a worker reported on something that has nothing to report")


class _Worker:
    """This side's end of one worker process."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, kind: bytes, message: bytes) -> None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._socket, limit=LINE_LIMIT)
        self._writer.write(kind + message + b"\n")
        with contextlib.suppress(ConnectionError):  # a dead worker is found when its answer is read
            await self._writer.drain()

    async def receive(self) -> tuple[bytes, bytes]:
        if self._reader is None:
            raise InternalError("a worker was asked for an answer before it was given anything to do")
        try:
            line = await self._reader.readline()
        except ConnectionError:
            line = b""
        if not line.endswith(b"\n"):
            raise WorkerDiedError(
                "a worker process ended in the middle of its work",
                remedy="look for an out-of-memory kill in the system's log, then run the operation again",
            )
        return line[:1], line[1:-1]

    async def ask(self, kind: bytes, message: bytes, on_report: Callable[[bytes], None]) -> bytes:
        """Sends one message and returns its result; reports on the way go to ``on_report``."""
        await self.send(kind, message)
        while True:
            answer, body = await self.receive()
            if answer == REPORT:
                on_report(body)
            elif answer == RESULT:
                return body
            else:
                raise msgspec.json.decode(body, type=Failure).as_error()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        else:
            self._socket.close()


class WorkerPool:
    """Worker processes, started at once and given their database later (`open`)."""

    def __init__(self, leader: subprocess.Popen[bytes], workers: list[_Worker]) -> None:
        self._leader = leader
        self._workers = workers

    @property
    def is_alive(self) -> bool:
        """Whether the processes are still there."""
        return self._leader.poll() is None

    @property
    def count(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    @classmethod
    def launch(cls, count: int, *handlers: str) -> Self:
        """Starts ``count`` workers that import the modules named; takes the pool of `prelaunch`, if it has that many."""
        global _spare
        if _spare is not None:
            spare, _spare = _spare, None
            if spare.count == count and isinstance(spare, cls) and spare.is_alive:
                return spare
            spare.kill()
        return cls._start(count, handlers)

    @classmethod
    def _start(cls, count: int, handlers: tuple[str, ...]) -> Self:
        pairs = [socket.socketpair() for _ in range(count)]
        descriptors = [theirs.fileno() for _, theirs in pairs]
        try:
            leader = subprocess.Popen(
                [sys.executable, "-m", "pantry_tui.postgres.worker", ",".join(handlers)]
                + [str(descriptor) for descriptor in descriptors],
                env={**os.environ, **ALLOCATOR},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=descriptors,
                preexec_fn=die_with_parent(),
            )
        finally:
            for _, theirs in pairs:
                theirs.close()
        return cls(leader, [_Worker(ours) for ours, _ in pairs])

    async def open(self, handlers: str, setups: Iterable[bytes]) -> None:
        """Gives each worker its setup message (one each, in order) for the handlers module of that name."""
        module = handlers.encode() + b" "
        await self._all(
            worker.ask(SETUP, module + setup, _no_report) for worker, setup in zip(self._workers, setups, strict=True)
        )

    async def run(
        self,
        commands: Iterable[bytes],
        answers: Answers[ReportModel, ResultModel],
        on_report: Callable[[ReportModel], None],
        on_result: Callable[[ResultModel], None] = lambda result: None,
    ) -> list[ResultModel]:
        """Hands the commands, in their order, to whichever worker is free; results come in the commands' order.

        ``on_report`` hears what workers say on the way, ``on_result`` each result at once. The first failure ends the
        pool and is raised; so does cancellation.
        """
        queue: Iterator[tuple[int, bytes]] = enumerate(commands)
        results: dict[int, ResultModel] = {}

        async def work(worker: _Worker) -> None:
            for number, command in queue:
                body = await worker.ask(COMMAND, command, lambda line: on_report(answers.report.decode(line)))
                result = answers.result.decode(body)
                on_result(result)
                results[number] = result

        await self._all(work(worker) for worker in self._workers)
        return [results[number] for number in sorted(results)]

    async def run_as_ready(
        self,
        take: Callable[[int], Awaitable[tuple[bytes, Callable[[ResultModel], None]] | None]],
        answers: Answers[ReportModel, ResultModel],
        on_report: Callable[[ReportModel], None],
    ) -> None:
        """Does work of which some can only begin when other is done.

        ``take`` waits for the next command that the worker of that number can begin and returns it with what is to be called
        with its result; None when there will be no more. The first failure ends the pool and is raised; so does cancellation.
        """

        async def work(number: int, worker: _Worker) -> None:
            while (taken := await take(number)) is not None:
                command, finish = taken
                body = await worker.ask(COMMAND, command, lambda line: on_report(answers.report.decode(line)))
                finish(answers.result.decode(body))

        await self._all(work(number, worker) for number, worker in enumerate(self._workers))

    async def run_on_each(self, command: bytes, on_report: Callable[[bytes], None] = _no_report) -> list[bytes]:
        """Gives every worker the same command."""
        return await self._all(worker.ask(COMMAND, command, on_report) for worker in self._workers)

    async def _all(self, awaitables: Iterable[Awaitable[Answer]]) -> list[Answer]:
        try:
            return await together(awaitables)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends the workers at once; the server rolls back what they had open."""
        for worker in self._workers:
            worker.close()
        with contextlib.suppress(ProcessLookupError):
            self._leader.send_signal(signal.SIGTERM)
        self._leader.wait()

    async def close(self) -> None:
        """Lets the workers end (their sockets close) and waits for them."""
        for worker in self._workers:
            worker.close()
        await asyncio.to_thread(self._leader.wait)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            self.kill()


_spare: WorkerPool | None = None


def prelaunch(count: int, *handlers: str) -> None:
    """Starts workers before it is known what for, so that the next `WorkerPool.launch` finds them warm."""
    global _spare
    if _spare is None:
        _spare = WorkerPool.launch(count, *handlers)


def discard_prelaunched() -> None:
    """Ends the workers that `prelaunch` started and nobody took."""
    global _spare
    if _spare is not None:
        _spare.kill()
        _spare = None


def default_worker_count() -> int:
    """One worker per core this process may use."""
    return len(os.sched_getaffinity(0))
