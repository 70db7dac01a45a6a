"""Progress of a job: weighted shares, per table and overall, at most a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from pantry_tui.events import Listener, PhaseStarted, Progress, TableProgress

REPORT_SECONDS = 0.25
RATE_SECONDS = 2.0  # before that a rate says little


class ProgressMeter:
    """Adds up what workers report and tells the listener.

    ``weights`` are the expected bytes of each table, by name; they only have to be in proportion. ``first`` and ``last`` bound
    the part of the whole job that this work is.
    """

    def __init__(
        self,
        listener: Listener,
        weights: dict[str, int],
        *,
        first: float = 0.0,
        last: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._weights = weights
        self._total = sum(weights.values())
        self._done = dict.fromkeys(weights, 0)
        self._rows = dict.fromkeys(weights, 0)
        self._raw = dict.fromkeys(weights, 0)
        self._bounds = (first, last)
        self._clock = clock
        self._started = clock()
        self._next = 0.0

    def moved(self, table: str, rows: int, raw_bytes: int) -> None:
        """Rows of a table went through."""
        self._rows[table] += rows
        self._raw[table] += raw_bytes
        now = self._clock()
        if now >= self._next:
            self._next = now + REPORT_SECONDS
            self._report_table(table)
            self._report_all(now)

    def finished_part(self, table: str, weight: int) -> None:
        """A part of a table of that weight is done; tells the listener when it was the table's last."""
        self._done[table] += weight
        if self._done[table] >= self._weights[table]:
            self._report_table(table, done=True)

    def _report_table(self, table: str, *, done: bool = False) -> None:
        share = 1.0 if done else min(0.99, self._done[table] / max(1, self._weights[table]))
        self._listener(
            TableProgress(table=table, rows=self._rows[table], raw_bytes=self._raw[table], share=share, done=done)
        )

    def _report_all(self, now: float) -> None:
        share = sum(self._done.values()) / max(1, self._total)
        elapsed = now - self._started
        raw_bytes = sum(self._raw.values())
        first, last = self._bounds
        self._listener(
            Progress(
                share=first + (last - first) * share,
                rows=sum(self._rows.values()),
                raw_bytes=raw_bytes,
                bytes_per_second=raw_bytes / elapsed if elapsed > 0 else None,
                seconds_left=elapsed / share - elapsed if share > 0.02 and elapsed > RATE_SECONDS else None,
            )
        )


def start_phase(listener: Listener, phase: str, title: str, share: float) -> None:
    """Announces a phase and where the job stands as a whole."""
    listener(PhaseStarted(phase=phase, title=title))
    listener(Progress(share=share))
