"""Copies of the schedules in the repositories: kept as they change, and looked at when a runner begins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import PantryError
from pantry_tui.events import ScheduleEvent, SchedulesTroubled
from pantry_tui.models import RepositoryTarget
from pantry_tui.runner.library import Library

CLOSE_SECONDS = 5.0
ANSWER_SECONDS = 60.0  # for all repositories; one that hangs gets its copy with the next backup into it


class ScheduleKeeper:
    """Has every configured repository know the schedules, and says what of them was lost here."""

    def __init__(
        self,
        catalog: Catalog,
        library: Library,
        configuration: Callable[[], Config],
        listener: Callable[[ScheduleEvent], None],
    ) -> None:
        self._catalog = catalog
        self._library = library
        self._configuration = configuration
        self._listener = listener
        self._tasks: set[asyncio.Task[None]] = set()

    def changed(self) -> None:
        """Has the copies written soon."""
        self._begin(self._keep())

    def examine(self) -> None:
        """Looks, soon, whether schedules are missing that repositories remember, or cannot be read."""
        self._begin(self._examine())

    async def settled(self) -> None:
        """Returns when nothing of that is under way; what takes longer than a moment is left to the next runner."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._in_time(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _in_time(work: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(TimeoutError, PantryError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await work

    async def _keep(self) -> None:
        for target in self._repositories():
            with contextlib.suppress(PantryError):  # the next backup into it tries again
                await self._library.keep_schedules(target)

    async def _examine(self) -> None:
        problems = list(self._catalog.schedule_problems)
        lost = await self._library.lost_schedules(self._repositories())
        names = ", ".join(schedule.name for schedule in lost if schedule.deleted_at is None)
        if names:
            problems.append(
                f"repositories remember schedules that are not known here: {names}; "
                "bring them back with: pantry-tui catalog rebuild"
            )
        if problems:
            self._listener(SchedulesTroubled(problems=tuple(problems)))

    def _repositories(self) -> list[RepositoryTarget]:
        config = self._configuration()
        return [config.repository_target(name) for name in config.repositories]
