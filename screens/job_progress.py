"""A job's events, folded into what its screen shows."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from pantry_tui.events import Event, Failed, Finished, Logged, PhaseStarted, Progress, TableProgress, Warned

_LOG_LINES = 2000


class JobProgress:
    """What is known of a job from its events so far."""

    def __init__(self) -> None:
        self.phase = ""
        self.share = 0.0
        self.bytes_per_second: float | None = None
        self.seconds_left: float | None = None
        self.tables: dict[str, TableProgress] = {}
        self.outcome: Finished | Failed | None = None
        self.new_lines: deque[tuple[datetime, str]] = deque(maxlen=_LOG_LINES)
        self.changed = True

    def hear(self, event: Event) -> None:
        """Takes one event in."""
        self.changed = True
        match event:
            case PhaseStarted():
                self.phase = event.title
                self._log(event, event.title)
            case TableProgress():
                self.tables[event.table] = event
            case Progress():
                self.share, self.seconds_left = event.share, event.seconds_left
                self.bytes_per_second = event.bytes_per_second
            case Warned():
                self._log(event, f"warning: {event.message}")
            case Logged():
                self._log(event, event.message)
            case Finished() | Failed():
                self.outcome = event

    def _log(self, event: Event, message: str) -> None:
        self.new_lines.append((event.at, message))

    def take_lines(self) -> list[tuple[datetime, str]]:
        """The log lines since the last time."""
        lines = list(self.new_lines)
        self.new_lines.clear()
        return lines
