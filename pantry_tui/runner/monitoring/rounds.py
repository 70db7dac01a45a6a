"""The rounds of a runner that stays: health at its interval, the next contacts, and backups that were not read for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from pantry_tui.config import Config
from pantry_tui.errors import InternalError, PantryError
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.monitoring.desk import HealthDesk
from pantry_tui.runner.monitoring.revalidating import Revalidator

FIRST_SECONDS = 15.0  # after the start: what a client started the runner for goes first
LONGEST_SECONDS = 60.0  # a clock that is set shows at the next turn

Wait = Callable[[float], Awaitable[None]]


class Rounds:
    """Does what is due, again and again."""

    def __init__(
        self,
        desk: HealthDesk,
        revalidator: Revalidator,
        configuration: Callable[[], Config],
        now: Callable[[], datetime],
        audit: AuditTrail,
        *,
        wait: Wait = asyncio.sleep,
    ) -> None:
        self._desk = desk
        self._revalidator = revalidator
        self._configuration = configuration
        self._now = now
        self._audit = audit
        self._wait = wait
        self._is_first = True
        self._failure: str | None = None  # the last one, which is told once

    async def run(self) -> None:
        """Works until it is cancelled. What cannot be looked at now is looked at the next time.

        An edge of the runner: a defect in here is written into the audit trail, and keeps no backup from being taken.
        """
        await self._wait(FIRST_SECONDS)
        while True:
            seconds = LONGEST_SECONDS
            try:
                seconds = await self.turn()
            except PantryError as error:
                self._failed(error)
            except Exception as error:
                self._failed(InternalError(f"looking at everything failed: {type(error).__name__}: {error}"))
            await self._wait(min(max(seconds, 1.0), LONGEST_SECONDS))

    async def turn(self) -> float:
        """Does what is due now, and says after how many seconds something else may be. Raises `ConfigError`, `RunnerError`."""
        config = self._configuration()
        interval = timedelta(seconds=config.monitoring.interval_seconds)
        if self._is_first or self._is_due(interval):
            await self._desk.look()
            self._is_first, self._failure = False, None
        await self._revalidator.consider(config)
        following = self._desk.alerts.escalate()
        now, last = self._now(), self._desk.last
        moments = [following, last.at + interval if last is not None else None]
        return min(
            ((moment - now).total_seconds() for moment in moments if moment is not None), default=LONGEST_SECONDS
        )

    def _failed(self, error: PantryError) -> None:
        if error.message != self._failure:
            self._failure = error.message
            self._audit.note("runner", "health", "host", error.code, {"failure": error.message})

    def _is_due(self, interval: timedelta) -> bool:
        last = self._desk.last
        return last is None or not timedelta() <= self._now() - last.at < interval
