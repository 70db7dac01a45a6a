"""How far a restore is, in one share of everything, and per table."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.events import Committed, Listener, Logged, PhaseStarted, Progress, TableProgress, Warned

REPORT_SECONDS = 0.25
TOO_LATE = "it was cancelled when everything was done and committed already"
RATE_SECONDS = 2.0  # before that a rate says little

# phase: where it begins and ends in the whole, its title. Measured on the sample CRM.
PHASES = {
    "check": (0.0, 0.04, "Checking the stored bytes and the target server"),
    "create": (0.04, 0.06, "Creating the database"),
    "pre-data": (0.06, 0.1, "Creating tables and types, restoring large objects and sequences"),
    "rows": (0.1, 0.82, "Loading rows, building indexes and constraints"),
    "stage": (0.06, 0.6, "Bringing the backup's rows beside the tables"),
    "exchange": (0.6, 0.85, "Exchanging rows, in one transaction"),
    "post-data": (0.82, 0.85, "Restoring triggers, policies and everything else"),
    "verify": (0.85, 0.96, "Comparing the result with the backup"),
    "analyze": (0.96, 0.98, "Analyzing the tables for the planner"),
    "assert": (0.98, 0.99, "Asking the assertions"),
    "finish": (0.99, 1.0, "Giving the database its name"),
}
# What is different where an empty database was there before.
EXISTING = {"create": "Taking the empty database that is there", "finish": "Making the result durable"}


class RestoreProgress:
    """Turns what happens into events, at most a few times a second."""

    def __init__(self, listener: Listener, tables: Sequence[TableEntry] = ()) -> None:
        """``tables``: those of the manifest, which are named by their place in it."""
        self._listener = listener
        self._tables = tables
        self._started = time.monotonic()
        self._next = 0.0
        self._bounds = (0.0, 0.0)
        self._rows: dict[int, int] = {}
        self._raw: dict[int, int] = {}
        self._expected: dict[int, int] = {}
        self._built = 0
        self._total = 1
        self.warnings: list[str] = []
        self.is_late = False  # cancelled when it was committed: what is left to do is better left out

    def phase(self, name: str, *, existing: bool = False) -> None:
        """A phase of `PHASES` begins; ``existing``: in a database that this restore did not create."""
        first, last, title = PHASES[name]
        title = EXISTING.get(name, title) if existing else title
        self._bounds = (first, last)
        self._listener(PhaseStarted(phase=name, title=title))
        self._report(0.0)

    def expect(self, raw_bytes: dict[int, int], *, building: int) -> None:
        """Says how many bytes of text each table will bring, and what all building weighs, as if it were bytes."""
        self._expected = raw_bytes
        self._total = max(1, sum(raw_bytes.values()) + building)

    def built(self, weight: int) -> None:
        """An index or constraint is there."""
        self._built += weight
        self.part((sum(self._raw.values()) + self._built) / self._total)

    def loaded(self, table: int, rows: int, raw_bytes: int) -> None:
        """Rows of a table were sent."""
        self._rows[table] = self._rows.get(table, 0) + rows
        self._raw[table] = self._raw.get(table, 0) + raw_bytes
        done = self._raw[table] >= self._expected.get(table, 0)
        if done or self._is_time():
            self._report_table(table, done=done)
        self.part((sum(self._raw.values()) + self._built) / self._total)

    def part(self, done: float) -> None:
        """The phase is done to this share."""
        if self._is_time():
            self._next = time.monotonic() + REPORT_SECONDS
            self._report(done)

    def warn(self, message: str) -> None:
        """A person should know; it goes into the result too."""
        self.warnings.append(message)
        self._listener(Warned(message=message))

    def committed(self, undone_by: str | None, *, too_late: bool) -> None:
        """What was wanted is done, and stays; ``too_late``: somebody cancelled it meanwhile."""
        self._listener(Committed(undone_by=undone_by))
        if too_late:
            self.late()

    def late(self) -> None:
        """Somebody cancelled what is done already."""
        if not self.is_late:
            self.is_late = True
            self.warn(TOO_LATE)

    def log(self, message: str) -> None:
        """A line for the job's log."""
        self._listener(Logged(message=message))

    def finished(self) -> None:
        """Everything is done."""
        self._listener(Progress(share=1.0, rows=sum(self._rows.values()), raw_bytes=sum(self._raw.values())))

    def _is_time(self) -> bool:
        return time.monotonic() >= self._next

    def _report_table(self, table: int, *, done: bool) -> None:
        share = 1.0 if done else min(0.99, self._raw[table] / max(1, self._expected.get(table, 0)))
        self._listener(
            TableProgress(
                table=self._tables[table].qualified_name,
                rows=self._rows[table],
                raw_bytes=self._raw[table],
                share=share,
                done=done,
            )
        )

    def _report(self, done: float) -> None:
        first, last = self._bounds
        share = first + (last - first) * min(1.0, done)
        elapsed = time.monotonic() - self._started
        raw_bytes = sum(self._raw.values())
        self._listener(
            Progress(
                share=share,
                rows=sum(self._rows.values()),
                raw_bytes=raw_bytes,
                bytes_per_second=raw_bytes / elapsed if raw_bytes and elapsed > 0 else None,
                seconds_left=elapsed / share - elapsed if share > 0.05 and elapsed > RATE_SECONDS else None,
            )
        )
