"""The order of work on a database that is being filled: what waits for what, and what would block what on the server.

Loads, index builds and constraints overlap: while one worker still loads the largest table, another builds the indexes of
those that are there. Two tasks that need conflicting locks on a table never run together, because a worker that waits
for a lock does nothing, and two that wait for each other end in a deadlock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pantry_tui.errors import InternalError
from pantry_tui.models import Model
from pantry_tui.recovery.loading import LoaderCommand


class Work(Model, frozen=True, kw_only=True):
    """One task. ``needs`` are numbers of tasks to be done before; tables are named by any number of their own.

    ``weight`` is about proportional to its duration, ``rank`` orders what could begin: lower first.
    """

    number: int
    command: LoaderCommand
    needs: frozenset[int] = frozenset()
    exclusive: frozenset[int] = frozenset()
    shared: frozenset[int] = frozenset()
    weight: int = 0
    rank: tuple[int, int] = (0, 0)


class WorkSchedule:
    """Hands out work to any number of takers."""

    def __init__(self, works: Iterable[Work]) -> None:
        self._waiting = sorted(works, key=lambda work: work.rank)
        self._running: dict[int, Work] = {}
        self._done: set[int] = set()
        self._changed = asyncio.Event()

    async def take(self) -> Work | None:
        """The first task that can begin, waited for; None when nothing is left. Raises `InternalError` on a cycle."""
        while self._waiting:
            for work in self._waiting:
                if self._can_begin(work):
                    self._waiting.remove(work)
                    self._running[work.number] = work
                    return work
            if not self._running:
                raise InternalError(f"{len(self._waiting)} steps of the restore wait for each other")
            self._changed.clear()
            await self._changed.wait()
        return None

    def done(self, work: Work) -> None:
        """The task is done: others may begin."""
        del self._running[work.number]
        self._done.add(work.number)
        self._changed.set()

    def _can_begin(self, work: Work) -> bool:
        if not work.needs <= self._done:
            return False
        return all(
            work.exclusive.isdisjoint(other.exclusive | other.shared) and work.shared.isdisjoint(other.exclusive)
            for other in self._running.values()
        )
