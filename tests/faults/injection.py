"""Lets the N-th file operation of a piece of work fail, or be where the process dies.

Run the work with N = 1, 2, 3 … until it completes without reaching N, and check what must hold after each::

    for at in itertools.count(1):
        outcome = faults.run(work, at=at, failure=Failure.DIES)
        …
        if not outcome.reached:
            break

A process that died does nothing more: every later operation of the run dies too, so no cleaning up happens, and the
files it held open are closed, as the kernel would. A write that fails leaves half of its bytes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

import pytest

from pantry_tui.errors import PantryError

OPERATIONS = ("open", "write", "fsync", "fchmod", "replace", "rename", "unlink", "link", "mkdir", "rmdir")


class ProcessDied(BaseException):
    """What nothing catches."""


class Failure(Enum):
    """What happens at the N-th operation."""

    NO_SPACE = errno.ENOSPC
    QUOTA = errno.EDQUOT
    BROKEN_DISK = errno.EIO
    BROKEN_DISK_FROM_THEN_ON = -errno.EIO
    DIES = 0


class Outcome(NamedTuple):
    """How a run ended. ``reached``: there was an N-th operation."""

    reached: bool
    error: PantryError | None
    died: bool


class Operation(NamedTuple):
    """One call, with the path where it has one."""

    name: str
    path: str


class FileFaults:
    """The operating system's file operations, counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._running = False
        self._at = 0
        self._failure = Failure.DIES
        self._open: dict[int, str] = {}
        self.operations: list[Operation] = []
        for name in OPERATIONS:
            monkeypatch.setattr(os, name, self._counted(name, getattr(os, name)))
        monkeypatch.setattr(os, "close", self._forgetting(os.close))

    def run(self, work: Callable[[], object], *, at: int = 0, failure: Failure = Failure.DIES) -> Outcome:
        """Runs ``work``, whose ``at``-th operation fails; 0: none does."""
        self.operations, self._open = [], {}
        self._at, self._failure, self._running = at, failure, True
        error, died = None, False
        try:
            work()
        except PantryError as caught:
            error = caught
        except ProcessDied:
            died = True
        finally:
            self._running = False
        if died:
            for descriptor in [*self._open]:
                with suppress(OSError):
                    os.close(descriptor)
        return Outcome(reached=0 < at <= len(self.operations), error=error, died=died)

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **options: Any) -> Any:
            if not self._running:
                return real(*args, **options)
            target = args[0] if args else ""
            path = self._open.get(target, "") if isinstance(target, int) else os.fspath(target)
            self.operations.append(Operation(name, path))
            if self._fails_now():
                if name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                if self._failure is Failure.DIES:
                    raise ProcessDied
                number = abs(self._failure.value)
                raise OSError(number, os.strerror(number), path or None)
            result = real(*args, **options)
            if name == "open":
                self._open[result] = path
            return result

        return operation

    def _fails_now(self) -> bool:
        count = len(self.operations)
        if self._failure in (Failure.DIES, Failure.BROKEN_DISK_FROM_THEN_ON):
            return 0 < self._at <= count
        return count == self._at

    def _forgetting(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def close(descriptor: int) -> None:
            self._open.pop(descriptor, None)
            real(descriptor)

        return close


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileFaults]:
    yield FileFaults(monkeypatch)
    monkeypatch.undo()
