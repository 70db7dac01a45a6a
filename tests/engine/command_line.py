"""The real command line in a process of its own, as a person's shell starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pantry_tui.models import DatabaseTarget

PROGRAM = (sys.executable, "-P", "-m", "pantry_tui")


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The document on standard output."""
        return json.loads(self.out)


class CommandLine:
    """Runs `pantry-tui` with a home, a data directory, a repository and a database of its own."""

    def __init__(self, directory: Path, database: DatabaseTarget) -> None:
        self.home = directory / "home"
        self.home.mkdir()
        self.repository = directory / "backups"
        self.data = directory / "data"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DATA_DIR": str(self.data),
            "BACKUP_DIR": str(self.repository),
            "DATABASE_URL": database.conninfo,
            "NO_COLOR": "1",
        }

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Runs one command to its end, with nothing to read from."""
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate()
        return Outcome(process.returncode, out, err)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts one command and returns at once."""
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            env=self.environment | environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def succeed(self, *arguments: str) -> Outcome:
        """Runs a command that must end with status 0."""
        outcome = self.run(*arguments)
        assert outcome.status == 0, outcome.err
        return outcome

    def json(self, *arguments: str) -> Any:
        """The document of a command that must end with status 0."""
        return self.succeed(*arguments, "--json").json()

    def left_behind(self) -> list[str]:
        """The command lines of processes that one of ours started and that are still there."""
        mark = f"HOME={self.home}".encode()
        return [_command_of(process) for process in Path("/proc").glob("[0-9]*") if mark in _environment_of(process)]

    def end_runner(self) -> None:
        """Stops a detached runner, if there is one."""
        self.run("runner", "stop")
        for process in Path("/proc").glob("[0-9]*"):
            if f"HOME={self.home}".encode() in _environment_of(process):
                os.kill(int(process.name), signal.SIGKILL)


def _environment_of(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
