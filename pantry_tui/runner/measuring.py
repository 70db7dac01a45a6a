"""The runner's measuring: what jobs took and health runs found is written down, added up, and told to Prometheus."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.catalog.metrics import MetricsStore
from pantry_tui.catalog.totals import TotalsFile
from pantry_tui.config import Config
from pantry_tui.errors import PantryError, StorageError
from pantry_tui.models import (
    BackupRequest,
    DiskFigures,
    DrillRequest,
    HealthFigures,
    Job,
    JobFigures,
    JobRequest,
    MetricsHistory,
    MonitoringStats,
    RunnerStatus,
)
from pantry_tui.models.monitoring import Health
from pantry_tui.monitoring.metrics_samples import figures_of_health, figures_of_job
from pantry_tui.monitoring.metrics_summary import summarized
from pantry_tui.runner.metrics_reading import Latest, get_latest, get_metrics_history, get_stats, metrics_text
from pantry_tui.runner.request import repository_of
from pantry_tui.runner.textfile import write_textfile

DATA_PLACE = "data directory"  # no repository can be called so
_LOOK_SECONDS = 10.0  # a network file system that hangs must not hold up the rest
_TIDY_SECONDS = 24 * 3600.0


class Measuring:
    """The metrics of one data directory. What cannot be written is counted as lost, and fails nothing."""

    def __init__(
        self,
        directory: Path,
        catalog: Catalog,
        configuration: Callable[[], Config],
        status: Callable[[], RunnerStatus],
    ) -> None:
        self._directory = directory
        self._catalog = catalog
        self._configuration = configuration
        self._status = status
        self._store = MetricsStore(directory)
        self._totals = TotalsFile(directory)
        self._latest: Latest | None = None
        self._kept = 0  # records: what was read before the last of them is not the latest
        self._looking: asyncio.Task[tuple[DiskFigures, ...]] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._tell_again = False
        self._tidying: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = 0  # records that could not be written
        self.problem: str | None = None  # why the textfile was not written, or old days not added up

    def start(self) -> None:
        """Tidies up, now and every day, and writes the textfile."""
        self._tidying = asyncio.create_task(self._tidy())
        self.tell()

    async def close(self) -> None:
        """Writes the textfile for the last time: no runner is there any more."""
        if self._tidying is not None:
            self._tidying.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._telling is not None:
            await asyncio.wait([self._telling])
        await asyncio.to_thread(self._write_textfile, None)

    def hear_job(self, job: Job, request: JobRequest | None) -> None:
        """Writes down a job that has ended. ``request`` is None where an earlier runner's note of it is lost."""
        repository = repository_of(request) if request is not None else None
        figures = figures_of_job(
            job, repository=repository.name if repository is not None else None, variety=_variety_of(request)
        )
        if figures is not None:
            self._keep(figures)

    def hear_health(self, health: Health) -> None:
        """Has a health run written down, with what is free at this moment."""
        task = asyncio.create_task(self.measure_health(health))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def measure_health(self, health: Health) -> None:
        """Writes down a health run, with what is free at this moment."""
        self._keep(figures_of_health(health, await self._disks()))

    async def days_left(self) -> dict[str, float]:
        """In how many days file systems will be full, by their directories; none that do not grow, or are not known yet."""
        latest, places = await asyncio.to_thread(self._known), self._places()
        return {
            places[disk.place]: disk.forecast.days
            for disk in latest.disks
            if disk.forecast.days is not None and disk.place in places
        }

    def tell(self) -> None:
        """Has the textfile written, if one is configured; what happens meanwhile has it written once more."""
        if self._telling is not None and not self._telling.done():
            self._tell_again = True
            return
        self._telling = asyncio.create_task(self._tell())

    async def text(self) -> str:
        """All metrics in Prometheus's text format."""
        latest, status, lost = await asyncio.to_thread(self._known), self._status(), self.lost
        return metrics_text(latest, self._catalog.backups(), status, lost=lost)

    async def history(self, days: int, *, records: bool = False) -> MetricsHistory:
        """The last days, with the records that they are made of where these are wanted."""
        return await asyncio.to_thread(get_metrics_history, self._directory, days, records=records)

    async def stats(self) -> MonitoringStats:
        """What everything comes to."""
        stats = await asyncio.to_thread(get_stats, self._directory, self._catalog.backups())
        return msgspec.structs.replace(stats, problems=(*stats.problems, self.problem)) if self.problem else stats

    def _keep(self, figures: JobFigures | HealthFigures) -> None:
        try:
            self._store.append(figures)
            if isinstance(figures, JobFigures):
                self._totals.add(figures)
        except StorageError:
            self.lost += 1
        self._latest = None
        self._kept += 1
        self.tell()

    def _known(self) -> Latest:
        latest, kept = self._latest, self._kept
        if latest is None:  # reading takes some 50 ms, and somebody may ask every few seconds
            latest = get_latest(self._directory)
            self._latest = latest if kept == self._kept else None
        return latest

    async def _tell(self) -> None:
        self._tell_again = True
        while self._tell_again:
            self._tell_again = False
            await asyncio.to_thread(self._write_textfile, self._status())

    def _write_textfile(self, status: RunnerStatus | None) -> None:
        try:
            textfile = self._configuration().monitoring.textfile
            if textfile is not None:
                text = metrics_text(self._known(), self._catalog.backups(), status, lost=self.lost)
                write_textfile(Path(textfile), text)
            self.problem = None
        except PantryError as error:
            self.problem = error.message

    async def _tidy(self) -> None:
        while True:
            try:
                days = self._configuration().monitoring.metrics_retention_days
                await asyncio.to_thread(self._store.tidy, days, summarized)
            except PantryError as error:
                self.problem = error.message
            await asyncio.sleep(_TIDY_SECONDS)

    async def _disks(self) -> tuple[DiskFigures, ...]:
        """What is free in the data directory and the repositories; nothing where one of them does not answer."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(asyncio.to_thread(look_at_disks, self._places()))
        done, _ = await asyncio.wait([self._looking], timeout=_LOOK_SECONDS)
        return self._looking.result() if done else ()

    def _places(self) -> dict[str, str]:
        """The directories that matter, by their names; repositories only while the configuration can be read."""
        try:
            repositories = {
                name: found.path for name, found in self._configuration().repositories.items() if found.path is not None
            }
        except PantryError:
            repositories = {}
        return {DATA_PLACE: str(self._directory), **repositories}


def look_at_disks(places: Mapping[str, str]) -> tuple[DiskFigures, ...]:
    """The size of each place's file system and what is free on it; a place that is not there is left out."""
    found = []
    for place, path in places.items():
        try:
            figures = os.statvfs(path)
        except OSError:
            continue
        free = figures.f_bavail * figures.f_frsize
        found.append(DiskFigures(place=place, total_bytes=figures.f_blocks * figures.f_frsize, free_bytes=free))
    return tuple(found)


def _variety_of(request: JobRequest | None) -> str:
    if isinstance(request, BackupRequest):
        return str(request.kind)
    return str(request.where) if isinstance(request, DrillRequest) else ""
