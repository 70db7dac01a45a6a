"""A process that restores, or rolls back, and dies in the middle of it: once for each line that it reads.

It forks for each, so that what costs is the work and not the start of Python. Its answer is the exit status: -9 where it
died, 0 where the work was done before it came to that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import psycopg

from pantry_tui.events import Event, PhaseStarted
from pantry_tui.models import RestoreRequest, RollbackRequest
from pantry_tui.recovery.service import restore_backup
from pantry_tui.recovery.undoing import roll_back


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Work, and when its process dies: before the statement of that ``number`` (from 1) of its own sessions.

    With a ``phase`` they are counted from its beginning; 0 is that beginning itself.
    """

    request: RestoreRequest | RollbackRequest
    phase: str | None = None
    number: int


class Death:
    """Counts statements, and kills this process when its time has come."""

    def __init__(self, phase: str | None, number: int) -> None:
        self._phase = phase
        self._left = number if phase is None else None
        self._number = number

    def hear(self, event: Event) -> None:
        """A listener."""
        if isinstance(event, PhaseStarted) and event.phase == self._phase and self._left is None:
            self._left = self._number
            self._come()

    def before_a_statement(self) -> None:
        """One more is about to be sent."""
        if self._left is not None:
            self._left -= 1
            self._come()

    def _come(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Has every statement of this process's sessions counted, those of psycopg's own transactions included."""
        execute: Callable[..., Awaitable[Any]] = psycopg.AsyncCursor.execute
        command = psycopg.AsyncConnection._exec_command

        async def counted_execute(cursor: Any, *args: Any, **options: Any) -> Any:
            self.before_a_statement()
            return await execute(cursor, *args, **options)

        def counted_command(connection: Any, *args: Any, **options: Any) -> Any:
            self.before_a_statement()
            return (yield from command(connection, *args, **options))

        setattr(psycopg.AsyncCursor, "execute", counted_execute)  # noqa: B010  # mypy knows that it is no variable
        setattr(psycopg.AsyncConnection, "_exec_command", counted_command)  # noqa: B010


async def work(task: Task) -> None:
    """Does it, and dies of it."""
    death = Death(task.phase, task.number)
    death.watch()
    if isinstance(task.request, RollbackRequest):
        await roll_back(task.request, death.hear)
    else:
        await restore_backup(task.request, death.hear)


def main() -> None:
    """Forks for each task."""
    for line in sys.stdin:
        task = msgspec.json.decode(line, type=Task)
        child = os.fork()
        if child == 0:
            asyncio.run(work(task))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
