"""The process of `dying`, as tests use it."""

from __future__ import annotations

import signal
import subprocess
import sys

import msgspec

from pantry_tui.models import RestoreRequest, RollbackRequest
from tests.conftest import ROOT
from tests.engine.recovery.dying import Task


class Mortal:
    """Has work done by a process that dies of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.recovery.dying"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def dies(self, request: RestoreRequest | RollbackRequest, number: int, *, phase: str | None = None) -> bool:
        """Whether it died before its statement of that number; else all of the work was done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = Task(request=request, phase=phase, number=number)
        self._process.stdin.write(msgspec.json.encode(task) + b"\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, -signal.SIGKILL), "the work failed; its reasons are in what the process wrote"
        return status != 0

    def close(self) -> None:
        """Ends the process that waits for tasks."""
        self._process.communicate()
