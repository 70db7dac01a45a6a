"""Health on demand and at its interval: looked at by a process of its own, judged, kept, and taken to the alerts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.config.given import with_monitoring
from pantry_tui.events import HealthChanged, RunnerEvent
from pantry_tui.models import CheckStatus, DayCompliance, Health
from pantry_tui.monitoring.compliance import compliance
from pantry_tui.monitoring.facts import FilesSeen, Seen
from pantry_tui.monitoring.judging import judge
from pantry_tui.runner.monitoring.alerting import AlertDesk
from pantry_tui.runner.monitoring.gathering import Surveyor, with_seen
from pantry_tui.runner.monitoring.kept import Found, Kept, read_kept, write_kept
from pantry_tui.runner.monitoring.observer import Observer

Forecast = Callable[[], Awaitable[Mapping[str, float]]]


async def _no_forecast() -> Mapping[str, float]:
    return {}


class HealthDesk:
    """The health of a data directory's databases. Whoever asks while it is being looked at gets that answer.

    ``listeners`` hear of every look; ``forecast`` says in how many days file systems are full, by the repositories' locations,
    where that is known.
    """

    def __init__(
        self,
        directory: Path,
        catalog: Catalog,
        surveyor: Surveyor,
        alerts: AlertDesk,
        publish: Callable[[RunnerEvent], None],
        configuration: Callable[[], Config],
        now: Callable[[], datetime],
    ) -> None:
        self.alerts = alerts
        self.listeners: list[Callable[[Health], None]] = []
        self.forecast: Forecast = _no_forecast
        self.observer: Observer | None = None  # that waits for the first look
        self._directory = directory
        self._catalog = catalog
        self._surveyor = surveyor
        self._publish = publish
        self._configuration = configuration
        self._now = now
        self._kept: Kept = read_kept(directory)
        self._looking: asyncio.Task[Health] | None = None
        self._notify: bool | None = None
        alerts.health = self._kept.health

    @property
    def last(self) -> Health | None:
        """The last health; None before the first."""
        return self._kept.health

    @property
    def files(self) -> tuple[FilesSeen, ...]:
        """What the last look found of the newest backups' files."""
        return self._kept.files

    async def look(self, *, notify: bool | None = None) -> Health:
        """Looks at everything now. Raises `ConfigError` and `RunnerError`, where nothing can be looked at."""
        if self._looking is None or self._looking.done():
            self._notify = notify
            self._looking = asyncio.create_task(self._look())
        else:
            self._notify = self._notify or notify
        return await asyncio.shield(self._looking)

    def compliance(self, days: int) -> list[DayCompliance]:
        """What became of each schedule's runs on each of the last so many days."""
        return compliance(self._catalog.schedules(), self._catalog.runs(), self._now(), days=days)

    async def close(self) -> None:
        """Looks at nothing any more."""
        if self._looking is not None and not self._looking.done():
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def judge_by(self, thresholds: Mapping[str, float]) -> Health:
        """Looks at everything, and judges by other thresholds than those that are configured; nothing else comes of it.

        Raises as `look` does.
        """
        found = await self._found(thresholds)
        return found.health

    async def _look(self) -> Health:
        found = await self._found({})
        self._kept = found
        write_kept(self._directory, found)
        self.alerts.take_health(found.health, notify=self._notify)
        for listener in self.listeners:
            listener(found.health)
        self._publish(_changed(found.health))
        return found.health

    async def _found(self, thresholds: Mapping[str, float]) -> Found:
        """What there is to keep of a look at everything."""
        began, kept = time.monotonic(), self._kept
        observer, self.observer = self.observer or await Observer.start(), None
        seen: list[Seen] = []
        try:
            config, now = with_monitoring(self._configuration(), thresholds), self._now()
            ground = await self._surveyor.survey(config, now)
            await observer.look(self._surveyor.inquiry(ground, kept, now), seen.append)
        finally:
            await observer.end()
        databases, host = with_seen(ground, seen, kept)
        host = msgspec.structs.replace(host, days_left=dict(await self.forecast()))
        health = judge(databases, ground.schedules, host, config.monitoring, now, before=kept.health)
        return Found(
            health=msgspec.structs.replace(health, seconds=round(time.monotonic() - began, 3)),
            files=tuple(each for facts in databases for each in facts.files),
            chains=host.chains,
            trail=host.trail,
        )


def _changed(health: Health) -> HealthChanged:
    counted = [check.status for check in health.checks]
    return HealthChanged(
        status=health.status,
        critical=counted.count(CheckStatus.CRITICAL),
        warnings=counted.count(CheckStatus.WARNING) + counted.count(CheckStatus.UNKNOWN),
    )
