"""Running a hook: without a shell, without secrets, in time, and with its output kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from pantry_tui.errors import HookError
from pantry_tui.models import Hook
from pantry_tui.postgres.processes import die_with_parent
from pantry_tui.postgres.trust import why_not_run

MOST_LINES = 500
LONGEST_LINE = 2000
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "XDG_RUNTIME_DIR")
_STOP_SECONDS = 3.0
_DRAIN_SECONDS = 1.0  # for output of what the hook left running, and which has its pipe


def hook_environment(facts: Mapping[str, str | None]) -> dict[str, str]:
    """What a hook is given: nothing of the runner's that could be secret, and ``facts`` as PANTRY_… variables."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    passed |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    told = {f"PANTRY_{name}": value.replace("\0", "") for name, value in facts.items() if value is not None}
    return passed | told


async def run_hook(hook: Hook, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Runs it to its end; ``say`` hears its output line by line.

    Raises `HookError` when it cannot be run, is not safe to run, fails, or takes too long: it is then ended with
    everything that it started. Cancelling does the same.
    """
    program = hook.argv[0]
    if reason := await asyncio.to_thread(why_not_run, Path(program)):
        raise HookError(
            f"the command {program} was not run: {reason}",
            remedy="have it, and the directories above it, belong to root or to the user that runs this program, and "
            "nobody else able to write to them (chmod go-w)",
        )
    ours, its = os.pipe()
    try:
        process = await _start(hook, environment, its)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(its)
    output = asyncio.create_task(_pass_on(ours, say))
    try:
        async with asyncio.timeout(hook.timeout_seconds):
            status = await process.wait()
    except TimeoutError:
        raise HookError(
            f"the command {program} did not end within {hook.timeout_seconds:g} s, and was ended",
            remedy="see its output in the job's log; give it more time (timeout_seconds)",
        ) from None
    finally:
        try:
            await _end(process)
        finally:
            await asyncio.wait([output], timeout=_DRAIN_SECONDS)
            output.cancel()
            await asyncio.wait([output])
    if status:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        raise HookError(f"the command {program} {how}", remedy="see its output in the job's log")


async def _start(hook: Hook, environment: Mapping[str, str], output: int) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *hook.argv,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
    except OSError as error:
        raise HookError(
            f"the command {hook.argv[0]} cannot be run: {error.strerror}", remedy="check its path and mode"
        ) from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the group of a hook that is still there: gently, then not."""
    if process.returncode is not None:
        return  # what it left running on purpose, such as the application, goes on
    try:
        _signal_group(process, signal.SIGTERM)
        await _exited(process)
    finally:  # also when somebody who is in a hurry cancels that
        _signal_group(process, signal.SIGKILL)
    await _exited(process)


async def _exited(process: asyncio.subprocess.Process) -> None:
    """Waits for its end, for a moment."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def _pass_on(descriptor: int, say: Callable[[str], None]) -> None:
    """Reads what comes, at most so many lines of at most such a length; the rest is read and let go."""
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    said, rest = 0, b""
    try:
        while piece := await reader.read(65536):
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[:LONGEST_LINE]
            for line in lines:
                said += 1
                if said <= MOST_LINES:
                    say(_text(line))
                elif said == MOST_LINES + 1:
                    say("… more output was left out")
        if rest and said < MOST_LINES:
            say(_text(rest))
    finally:
        transport.close()


def _text(line: bytes) -> str:
    return line[:LONGEST_LINE].decode(errors="backslashreplace").rstrip("\r")
