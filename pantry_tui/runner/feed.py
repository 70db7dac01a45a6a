"""What listeners of the runner's events wait on: bounded, whatever the speed of their reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from pantry_tui.events import Event, JobChanged, RunnerEvent
from pantry_tui.models import Job
from pantry_tui.runner.joblog import is_progress

_MOST_PENDING = 1000


class EventFeed:
    """The events of one job, in order. A slow reader misses progress, and nothing else."""

    def __init__(self, past: list[Event]) -> None:
        self._pending = deque(past)
        self._news = asyncio.Event()
        self._ended = False

    def put(self, event: Event) -> None:
        """Adds an event."""
        if len(self._pending) >= _MOST_PENDING and is_progress(event):
            return
        self._pending.append(event)
        self._news.set()

    def end(self) -> None:
        """No event follows."""
        self._ended = True
        self._news.set()

    async def events(self) -> AsyncIterator[Event]:
        """The events as they come, until `end`."""
        while True:
            while self._pending:
                yield self._pending.popleft()
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()


class ChangeFeed:
    """The latest state of every job that changed since the reader last looked, and what schedules told meanwhile."""

    def __init__(self) -> None:
        self._changed: dict[str, Job] = {}
        self._told: deque[RunnerEvent] = deque(maxlen=_MOST_PENDING)
        self._news = asyncio.Event()
        self._ended = False

    def put(self, job: Job) -> None:
        """Says that the job is now so."""
        self._changed[job.id] = job
        self._news.set()

    def tell(self, event: RunnerEvent) -> None:
        """Adds what a schedule tells; of too many the oldest go."""
        self._told.append(event)
        self._news.set()

    def end(self) -> None:
        """No change follows."""
        self._ended = True
        self._news.set()

    async def changes(self) -> AsyncIterator[JobChanged | RunnerEvent]:
        """The changes as they come, until `end`."""
        while True:
            while self._told:
                yield self._told.popleft()
            while self._changed:
                job_id = next(iter(self._changed))
                yield JobChanged(job=self._changed.pop(job_id))
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()
