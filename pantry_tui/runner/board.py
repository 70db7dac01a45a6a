"""What can be asked about jobs, those alive and those of the history, and the streams of their news."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import PantryError
from pantry_tui.events import Event, JobChanged, RunnerEvent
from pantry_tui.models import Job, JobState
from pantry_tui.runner.feed import ChangeFeed, EventFeed
from pantry_tui.runner.joblog import read_events
from pantry_tui.runner.live import LiveJob


class JobBoard:
    """The jobs of one data directory, as the faces see them."""

    def __init__(self, directory: Path, catalog: Catalog) -> None:
        self._directory = directory
        self._catalog = catalog
        self._feeds: set[ChangeFeed] = set()
        self.alive: dict[str, LiveJob] = {}  # queued and running, in the order they came

    @property
    def running(self) -> int:
        """How many jobs have a process."""
        return sum(live.job.state is JobState.RUNNING for live in self.alive.values())

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self.alive) - self.running

    def jobs(self, limit: int) -> list[Job]:
        """Jobs, newest first, those alive as they are at this moment."""
        return [self._current(job) for job in self._catalog.jobs(limit)]

    def job(self, job_id: str) -> Job:
        """One job. Raises `NotFoundError`."""
        live = self.alive.get(job_id)
        return live.job if live else self._current(self._catalog.job(job_id))

    def log(self, job_id: str) -> list[Event]:
        """The events of a job so far, progress thinned. Raises `NotFoundError`."""
        return read_events(self._directory, self.job(job_id).id)

    async def events(self, job_id: str) -> AsyncGenerator[Event, None]:
        """The events of a job from its beginning, then as they come, to its end. Raises `NotFoundError`."""
        feed = EventFeed(self.log(job_id))
        live = self.alive.get(job_id)  # no event can come between the line above and this one
        if live is None:
            feed.end()
        else:
            live.feeds.add(feed)
        try:
            async for event in feed.events():
                yield event
        finally:
            if live is not None:
                live.feeds.discard(feed)

    async def changes(self) -> AsyncGenerator[JobChanged | RunnerEvent, None]:
        """Changes of all jobs as they come, beginning with the state of those that are alive, and what schedules tell."""
        feed = ChangeFeed()
        for live in self.alive.values():
            feed.put(live.job)
        self._feeds.add(feed)
        try:
            async for change in feed.changes():
                yield change
        finally:
            self._feeds.discard(feed)

    def publish(self, job: Job) -> None:
        """Tells those who listen that the job is now so."""
        for feed in self._feeds:
            feed.put(job)

    def tell(self, event: RunnerEvent) -> None:
        """Passes on what a schedule tells."""
        for feed in self._feeds:
            feed.tell(event)

    def save(self, job: Job) -> None:
        """Writes the job into the history. Where that fails it stays in memory, and is written with the next one."""
        with contextlib.suppress(PantryError):
            self._catalog.put_job(job)

    def end(self) -> None:
        """Ends the streams of changes."""
        for feed in self._feeds:
            feed.end()

    def _current(self, job: Job) -> Job:
        live = self.alive.get(job.id)
        return live.job if live else job
