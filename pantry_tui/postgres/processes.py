"""Running a client tool: in a group of its own, never outliving us, its errors explained."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Container, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pantry_tui.config.references import redact
from pantry_tui.errors import ClientToolError, PantryError, WorkerDiedError
from pantry_tui.models import Model
from pantry_tui.postgres.messages import Meaning, meaning_of_text
from pantry_tui.together import together

STDERR_LIMIT = 64 * 1024
_SECONDS_TO_STOP = 3.0
_PR_SET_PDEATHSIG = 1

# Loaded now: between fork and exec nothing may be imported or allocated at length.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]


class ToolOutput(Model, frozen=True, kw_only=True):
    """What a tool wrote, and its exit status. ``stdout`` is empty when a function took it."""

    stdout: bytes
    stderr: str
    status: int = 0

    @property
    def complaint(self) -> str:
        """The line that says what went wrong, of at most 500 characters."""
        lines = self.stderr.splitlines()
        return next((line for line in lines if "error:" in line or "ERROR:" in line), f"status {self.status}")[:500]


async def run_tool(
    argv: Sequence[str | bytes],
    *,
    environment: Mapping[str, str],
    doing: str,
    stdout_to: Callable[[bytes], None] | None = None,
    stdin_from: Iterator[bytes] | None = None,
    answers: Container[int] = (),
    descriptors: Sequence[int] = (),
) -> ToolOutput:
    """Runs ``argv`` and waits. ``stdout_to`` takes the output in pieces as it comes, ``stdin_from`` gives the input.

    ``descriptors`` are open in it too, under their numbers; it reads ``stdin_from`` in a thread.

    ``answers`` are exit statuses that say something about what was examined: they are returned, others than 0 raised.

    Cancelling kills the whole process group and waits for it. Raises `WorkerDiedError` when a signal ended the tool,
    else what its messages mean (`DiskFullError`, `PrivilegeError` …) or `ClientToolError`, with stderr in ``detail``.
    """
    process = await _whole(
        _start(argv, environment=environment, doing=doing, stdin=stdin_from is not None, descriptors=descriptors)
    )
    try:
        stdout, stderr = await _communicate(process, stdin_from, stdout_to)
    except BaseException:
        await _stop_group(process)
        raise
    text = redact(stderr.decode(errors="replace").strip(), [environment.get("PGPASSWORD", "")])
    done = ToolOutput(stdout=stdout, stderr=text, status=process.returncode or 0)
    if done.status and done.status not in answers:
        raise _tool_error(os.fsdecode(argv[0]), process.pid, done, doing=doing)
    return done


def die_with_parent() -> Callable[[], None]:
    """What a child does before exec, so that the kernel kills it when this process dies."""
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # died between fork and prctl
            os._exit(1)

    return arrange


async def _start(
    argv: Sequence[str | bytes],
    *,
    environment: Mapping[str, str],
    doing: str,
    stdin: bool,
    descriptors: Sequence[int],
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent(),
            pass_fds=descriptors,
        )
    except OSError as error:
        raise ClientToolError(
            f"{doing[:1].upper()}{doing[1:]} failed: cannot run {os.fsdecode(argv[0])}: {error.strerror}",
            remedy="Install PostgreSQL's client tools, or set client_tools to their directory.",
        ) from error


async def _whole(start: Coroutine[Any, Any, asyncio.subprocess.Process]) -> asyncio.subprocess.Process:
    """Ends a start before it can be cancelled: asyncio would kill the tool alone, and not what that has started."""
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await _stop_group(starting.result())
        raise


async def _communicate(
    process: asyncio.subprocess.Process, data: Iterator[bytes] | None, on_stdout: Callable[[bytes], None] | None
) -> tuple[bytes, bytes]:
    stdout, stderr, _ = await together(
        [_read_all(process.stdout, on_stdout), _read_tail(process.stderr), _feed(process.stdin, data)]
    )
    await process.wait()
    return stdout, stderr


async def _feed(stdin: asyncio.StreamWriter | None, data: Iterator[bytes] | None) -> bytes:
    if stdin is None or data is None:
        return b""
    try:
        while piece := await asyncio.to_thread(next, data, b""):
            stdin.write(piece)
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended without reading everything: its status tells
    finally:
        stdin.close()
    return b""


async def _read_all(stream: asyncio.StreamReader | None, on_piece: Callable[[bytes], None] | None) -> bytes:
    if stream is None:
        return b""
    if on_piece is None:
        return await stream.read()
    while piece := await stream.read(STDERR_LIMIT):
        on_piece(piece)
    return b""


async def _read_tail(stream: asyncio.StreamReader | None) -> bytes:
    tail = b""
    while stream is not None and (piece := await stream.read(STDERR_LIMIT)):
        tail = (tail + piece)[-STDERR_LIMIT:]
    return tail


async def _stop_group(process: asyncio.subprocess.Process) -> None:
    """Asks the group to end (pg_dump then cancels its query), kills it after a moment, and waits."""
    _signal_group(process.pid, signal.SIGTERM)
    waiting = asyncio.ensure_future(_wait_for_end(process))
    try:
        await asyncio.wait([waiting], timeout=_SECONDS_TO_STOP)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
    await waiting


async def _wait_for_end(process: asyncio.subprocess.Process) -> None:
    """Waits, reading what nobody wants any more: asyncio calls a process ended only when its pipes have, too."""
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(STDERR_LIMIT):
            pass
    await process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # already gone
        os.killpg(group, number)


def _tool_error(program: str, pid: int, done: ToolOutput, *, doing: str) -> PantryError:
    name = Path(program).name
    failed = f"{doing[:1].upper()}{doing[1:]} failed: {name}"
    if done.status < 0:
        return WorkerDiedError(
            f"{failed} (process {pid}) was killed by {_signal_name(-done.status)}",
            remedy="Look for who killed it: the kernel's out-of-memory killer (dmesg), an operator, a service limit.",
            detail=done.stderr or None,
        )
    kind, remedy = meaning_of_text(done.stderr) or Meaning(ClientToolError, "See what it said.")
    complaint = done.complaint.removeprefix(f"{name}: error: ")
    return kind(f"{failed} says {complaint}", remedy=remedy, detail=done.stderr or None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
