"""Running tools: output, errors by what they mean, and no process that outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pantry_tui.errors import (
    AuthenticationError,
    ClientToolError,
    ConnectionLostError,
    DiskFullError,
    LockTimeoutError,
    PantryError,
    PrivilegeError,
    ServerUnreachableError,
    StorageError,
    WorkerDiedError,
)
from pantry_tui.postgres.processes import STDERR_LIMIT, ToolOutput, run_tool

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PGPASSWORD": "canary"}


async def shell(
    script: str, *, stdin: bytes | None = None, stdout: Callable[[bytes], None] | None = None
) -> ToolOutput:
    argv = ["/bin/sh", "-c", script]
    return await run_tool(
        argv,
        environment=ENVIRONMENT,
        doing="testing",
        stdin_from=None if stdin is None else iter([stdin]),
        stdout_to=stdout,
    )


async def test_output_and_input() -> None:
    done = await shell("cat; echo said >&2", stdin=b"x" * 1_000_000)
    assert done == ToolOutput(stdout=b"x" * 1_000_000, stderr="said")


async def test_input_that_nobody_reads() -> None:
    assert (await shell("exit 0", stdin=b"x" * 1_000_000)).stdout == b""


async def test_only_the_given_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert b"elsewhere" not in (await shell("env")).stdout


async def test_output_in_pieces() -> None:
    pieces: list[bytes] = []
    done = await shell("head -c 300000 /dev/zero", stdout=pieces.append)
    assert done.stdout == b""
    assert b"".join(pieces) == bytes(300_000)


async def test_a_function_that_fails_ends_the_tool() -> None:
    """However much it still had to say: not all of it fits into pipe and buffer, and nobody reads it."""

    def full(piece: bytes) -> None:
        raise StorageError("no room")

    for _ in range(20):  # how full they are then differs from one to the next
        with pytest.raises(StorageError, match="no room"):
            await shell("exec cat /dev/zero", stdout=full)


async def test_the_end_of_a_long_complaint_is_kept() -> None:
    done = await shell(f"head -c {STDERR_LIMIT * 3} /dev/zero | tr '\\0' a >&2; printf end >&2")
    assert len(done.stderr) == STDERR_LIMIT
    assert done.stderr.endswith("aend")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("pg_dump: error: could not write to file: No space left on device", DiskFullError),
        ("pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout", LockTimeoutError),
        (
            (
                "pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\n"
                "pg_dump: detail: Query was: LOCK TABLE a.b IN ACCESS SHARE MODE"
            ),
            LockTimeoutError,
        ),
        ("pg_dump: error: query failed: ERROR:  permission denied for table b", PrivilegeError),
        ('pg_dump: error: query would be affected by row-level security policy for table "b"', PrivilegeError),
        ("pg_dump: error: Dumping failed: server closed the connection unexpectedly", ConnectionLostError),
        (
            (
                'pg_dump: error: connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory\n'
                "\tIs the server running locally and accepting connections on that socket?"
            ),
            ServerUnreachableError,
        ),
        (
            'pg_dump: error: connection to server at "h" failed: FATAL:  password authentication failed for user "u"',
            AuthenticationError,
        ),
        ("pg_restore: error: could not open input file: No such file or directory", ClientToolError),
        ("pg_dump: error: something new", ClientToolError),
    ],
)
async def test_what_a_tool_says_decides_the_error(tmp_path: Path, said: str, kind: type[PantryError]) -> None:
    (tmp_path / "said").write_text(f"{said} password=canary canary")
    with pytest.raises(PantryError) as caught:
        await shell(f"cat '{tmp_path}/said' >&2; exit 1")
    error = caught.value
    assert type(error) is kind
    assert error.message.startswith("Testing failed: sh says ")
    assert said.splitlines()[0] in error.message
    assert error.remedy
    assert "canary" not in f"{error.message} {error.detail}"


async def test_a_tool_that_is_not_there() -> None:
    with pytest.raises(ClientToolError, match="cannot run /nonexistent/pg_dump: No such file"):
        await run_tool(["/nonexistent/pg_dump"], environment={}, doing="dumping")


async def test_a_status_that_is_an_answer() -> None:
    argv = ["/bin/sh", "-c", "echo 'warning: x' >&2; echo 'sh: error: not so' >&2; exit 1"]
    done = await run_tool(argv, environment=ENVIRONMENT, doing="asking", answers=(1,))
    assert (done.status, done.complaint) == (1, "sh: error: not so")
    with pytest.raises(ClientToolError, match="Asking failed: sh says not so"):
        await run_tool(argv, environment=ENVIRONMENT, doing="asking", answers=(2,))
    with pytest.raises(ClientToolError, match="Asking failed: sh says status 127"):
        await run_tool(["/bin/sh", "-c", "exit 127"], environment=ENVIRONMENT, doing="asking", answers=(1,))


async def test_a_killed_tool_is_named_with_pid_and_signal() -> None:
    with pytest.raises(WorkerDiedError, match=r"sh \(process \d+\) was killed by SIGKILL"):
        await shell("kill -KILL $$")


async def test_cancelling_ends_the_whole_group(tmp_path: Path) -> None:
    """The grandchild ignores SIGTERM; the fifo ends for us when its last writer is gone."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    running = asyncio.create_task(shell(f"trap '' TERM; (echo on; exec tail -f /dev/null) > '{fifo}' & wait; wait"))
    reader = await asyncio.to_thread(fifo.open, "rb")
    with reader:
        assert await asyncio.to_thread(reader.readline) == b"on\n"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await asyncio.to_thread(reader.read) == b""


async def test_cancelling_in_the_middle_of_the_start_ends_the_whole_group(tmp_path: Path) -> None:
    """asyncio then kills the tool alone, and what that has started by now lives on."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    running = asyncio.create_task(shell(f"(echo on; exec tail -f /dev/null) > '{fifo}' & wait"))
    for _ in range(3):  # it is forked by then, and asyncio has not connected its pipes yet
        await asyncio.sleep(0)
    with fifo.open("rb") as reader:
        assert reader.readline() == b"on\n"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert reader.read() == b""


async def test_a_tool_dies_with_us(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = (
        "import asyncio; from pantry_tui.postgres.processes import run_tool\n"
        f"argv = ['/bin/sh', '-c', 'exec > {fifo}; echo on; exec tail -f /dev/null']\n"
        "asyncio.run(run_tool(argv, environment={'PATH': '/usr/bin:/bin'}, doing='testing'))"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as parent, fifo.open("rb") as reader:
        assert reader.readline() == b"on\n"
        parent.send_signal(signal.SIGKILL)
        assert reader.read() == b""
