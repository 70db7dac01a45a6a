"""How long each phase of a restore took, by the events that it reports."""

from __future__ import annotations

import time
from collections.abc import Callable

from pantry_tui.events import Event, Listener, PhaseStarted, Warned


class PhaseClock:
    """A listener that passes every event on and looks at the clock when a phase begins."""

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._clock = clock
        self._began: list[tuple[str, float]] = []
        self._ended: float | None = None

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        if isinstance(event, PhaseStarted):
            self._began.append((event.phase, self._clock()))
        self._listener(event)

    def warn(self, message: str) -> None:
        """A person should know."""
        self._listener(Warned(message=message))

    def stop(self) -> None:
        """The last phase is over; what follows does not count."""
        self._ended = self._clock()

    def has_begun(self, phase: str) -> bool:
        """Whether that phase was reached."""
        return any(name == phase for name, _ in self._began)

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds of each phase, in their order; the last one until the end, or until now."""
        times = [began for _, began in self._began] + [self._clock() if self._ended is None else self._ended]
        found: dict[str, float] = {}
        for (name, began), until in zip(self._began, times[1:], strict=True):
            found[name] = found.get(name, 0.0) + until - began
        return found
