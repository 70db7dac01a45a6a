"""Runners as real processes, and a count of everything that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pantry_tui.config import Config

MARK = "TEST_RUNNER_MARK"
PATIENCE_SECONDS = 30.0

OLD_RUNNER = """
import sys, pantry_tui
pantry_tui.version.__version__ = "0.0.9"
from pantry_tui.runner.main import main
sys.exit(main(sys.argv[1:]))
"""


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Waits for what another process does, which nothing here can be told of."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


class RunnerProcess:
    """A runner of one data directory in a process of its own."""

    def __init__(self, config: Config, *options: str, program: tuple[str, ...] = ("-m", "pantry_tui.runner")) -> None:
        self.directory = Path(config.data_directory)
        self.process = subprocess.Popen(
            [sys.executable, "-P", *program, f"--data-directory={self.directory}", "--announce", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            self.close()
            raise AssertionError(f"the runner did not start: {self.errors}")

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """What a power cut does to it."""
        self.process.kill()
        self.process.wait()

    def close(self) -> int:
        """Ends it, unless it has, and returns its status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        _, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        self.errors = errors.decode()
        return self.process.returncode


def marked_processes(mark: str) -> dict[int, str]:
    """The processes that carry the mark in their environment, with their command lines."""
    found: dict[int, str] = {}
    needle = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if needle in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def job_pids(mark: str) -> list[int]:
    """The job processes, spare ones included; they lead their sessions, as nothing does that they start."""
    found = [pid for pid, command in marked_processes(mark).items() if "pantry_tui.runner.job" in command]
    return [pid for pid in found if _session(pid) == pid]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def kill_marked(mark: str) -> None:
    """Leaves nothing behind."""
    for pid in marked_processes(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
