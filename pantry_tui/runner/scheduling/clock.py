"""The time, and what may happen to it: clocks are set, machines sleep, processes are stopped and go on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime
from typing import NamedTuple, Protocol

from pantry_tui.models import NO_RUNNER, utc_now

TOLERANCE_SECONDS = 5.0


class Clock(Protocol):
    """Where the scheduler has its time from."""

    def now(self) -> datetime:
        """What the machine's clock says, in UTC; somebody may set it."""

    def awake(self) -> float:
        """Seconds that go on while the machine is awake, whatever its clock says."""

    def elapsed(self) -> float:
        """Seconds that go on always, while the machine sleeps too."""

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        """Returns when there are news, or after so many seconds."""


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        """The time of day."""
        return utc_now()

    def awake(self) -> float:
        """CLOCK_MONOTONIC."""
        return time.monotonic()

    def elapsed(self) -> float:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        """Waits."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await news.wait()


class Look(NamedTuple):
    """One look at the clock: the time, how far the clock was set since the last one, and why something may be late."""

    now: datetime
    moved_seconds: float  # forward, or backward where negative; asleep included
    cause: str


class Watch:
    """Looks at a clock again and again, and says what happened to the time in between."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[datetime, float, float] | None = None
        self._planned = 0.0

    def look(self) -> Look:
        """What time it is, and what happened since the last look."""
        now, awake, elapsed = self._clock.now(), self._clock.awake(), self._clock.elapsed()
        last, self._last = self._last, (now, awake, elapsed)
        if last is None:
            return Look(now, 0.0, NO_RUNNER)
        by_clock, by_day = (now - last[0]).total_seconds(), elapsed - last[2]
        was_awake = awake - last[1]
        asleep, put = by_day - was_awake, by_clock - by_day
        if abs(put) > TOLERANCE_SECONDS:
            direction = "forward" if put > 0 else "back"
            return Look(now, by_clock - was_awake, f"the machine's clock was put {direction} by {abs(put):,.0f} s")
        if asleep > TOLERANCE_SECONDS:
            return Look(now, asleep, f"the machine slept for {asleep:,.0f} s")
        held_up = was_awake - self._planned
        return Look(now, 0.0, f"the runner was held up for {max(held_up, 0.0):,.0f} s")

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        """Waits for news, so long at most; a look that comes later than that was held up."""
        self._planned = seconds
        await self._clock.wait(news, seconds)
