"""The application on a pseudo-terminal: what a lost connection does, what strange input does, what it refuses."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.models import DatabaseTarget, JobState
from pantry_tui.runner.client import attach
from tests.engine.runner.processes import PATIENCE_SECONDS, RunnerProcess
from tests.servers import TestServer

_PROGRAM = """
import sys
from pathlib import Path
from pantry_tui.app import run
from pantry_tui.config import Config
sys.exit(run(Config.from_json(Path(sys.argv[1]).read_bytes())))
"""


class Terminal:
    """The application in a session of its own, on a terminal of 80x24."""

    def __init__(self, config: Config, directory: Path, **environment: str) -> None:
        file = directory / "config.json"
        file.write_bytes(config.to_json())
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, str(file)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment},
            preexec_fn=lambda: _control(slave),
        )
        os.close(slave)
        self.seen = b""

    def read_until(self, condition: Callable[[], bool], what: str) -> None:
        """Reads what the application draws until the condition holds."""
        while not condition():
            ready, _, _ = select.select([self.master], [], [], PATIENCE_SECONDS)
            assert ready, f"never happened: {what}; last seen: {self.seen[-2000:]!r}"
            self.seen += os.read(self.master, 65536)

    def sees(self, words: str) -> None:
        """Waits until these words were drawn."""
        self.read_until(lambda: words.encode() in self.seen, f"the terminal shows {words!r}")

    def press(self, keys: bytes) -> None:
        """Sends bytes as a keyboard does."""
        os.write(self.master, keys)

    def hang_up(self) -> None:
        """The connection is gone: the terminal vanishes, and the kernel sends SIGHUP."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        if self.master >= 0:
            self.hang_up()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


def _control(slave: int) -> None:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(config: Config, runner: RunnerProcess, tmp_path: Path) -> Iterator[Terminal]:
    """The application, attached to a runner."""
    opened = Terminal(config, tmp_path)
    yield opened
    opened.close()


async def test_a_lost_terminal_ends_the_application_and_no_job(
    terminal: Terminal, config: Config, crm: DatabaseTarget, server: TestServer
) -> None:
    blocking = server.connect(crm, autocommit=False)
    blocking.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
    terminal.sees("idle")
    terminal.press(b"2")
    terminal.sees("There is no backup yet")
    terminal.press(b"B")
    terminal.sees("Back up a database")
    terminal.press(b"\x0f")
    terminal.sees("You can close this terminal")
    terminal.hang_up()

    assert terminal.process.wait(PATIENCE_SECONDS) == 129
    blocking.rollback()
    async with await attach(config) as client:
        job = (await client.jobs())[0]
        async for _ in client.job_events(job.id):
            pass
        assert (await client.job(job.id)).state is JobState.SUCCEEDED


def test_the_application_ends_when_only_the_signal_comes(terminal: Terminal) -> None:
    terminal.sees("idle")
    terminal.press(b"2")
    terminal.sees("There is no backup yet")
    terminal.process.send_signal(signal.SIGHUP)

    assert terminal.process.wait(PATIENCE_SECONDS) == 129


def test_input_that_is_not_utf8_harms_nothing(terminal: Terminal) -> None:
    terminal.sees("idle")
    terminal.press(b"2")
    terminal.sees("There is no backup yet")
    terminal.press(b"caf\xe9 \xff\xfe\x1b[M\xe0\xf0\xff")
    terminal.press(b"4")
    terminal.sees("No job has run yet")
    terminal.press(b"\x11")
    terminal.read_until(lambda: b"\x1b[?1049l" in terminal.seen, "the application leaves the screen")

    assert terminal.process.wait(PATIENCE_SECONDS) == 0


def test_nothing_is_sent_while_nothing_happens(terminal: Terminal) -> None:
    terminal.sees("idle")
    terminal.sees("checked")
    quiet = 0
    while quiet < 3:
        ready, _, _ = select.select([terminal.master], [], [], 0.5)
        quiet = 0 if ready else quiet + 1
        if ready:
            terminal.seen += os.read(terminal.master, 65536)
    before = len(terminal.seen)
    ready, _, _ = select.select([terminal.master], [], [], 2.0)

    assert not ready, os.read(terminal.master, 65536)
    assert before
