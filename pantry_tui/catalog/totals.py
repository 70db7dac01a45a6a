"""What all jobs came to since counting began: `DATA_DIR/metrics/totals.json`.

Days are deleted after a while; what Prometheus calls a counter must not go down for that. A file that cannot be read is
told of, and counting begins anew, which Prometheus takes for a restart.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors, write_atomically
from pantry_tui.catalog.metrics import FOLDER
from pantry_tui.models import JobFigures, JobTotals, Model, utc_now

TOTALS_NAME = "totals.json"
MOST_SERIES = 2000
OTHERS = "(others)"  # databases beyond that, together

_Key = tuple[str, str, str | None]


class Totals(Model, frozen=True, kw_only=True):
    """The content of the file."""

    since: datetime
    jobs: tuple[JobTotals, ...] = ()


class TotalsFile:
    """The totals of one data directory. Only the process that holds the runner's lock adds to them."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FOLDER / TOTALS_NAME
        self._totals: Totals | None = None
        self.problem: str | None = None

    def read(self) -> Totals | None:
        """What the file says; None where there is none, or none that can be read, which `problem` tells of."""
        self.problem = None
        try:
            return Totals.from_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self.problem = f"{self._path} cannot be read, and counting begins anew: {error}"
            return None

    def add(self, figures: JobFigures) -> None:
        """Counts one job more. Raises `StorageError`; it is counted all the same, and written with the next one."""
        totals = self._totals or self.read() or Totals(since=utc_now())
        jobs: dict[_Key, JobTotals] = {(each.kind, each.outcome, each.database): each for each in totals.jobs}
        key: _Key = (figures.kind, figures.outcome, figures.database)
        if key not in jobs and len(jobs) >= MOST_SERIES:
            key = (figures.kind, figures.outcome, OTHERS)
        kind, outcome, database = key
        jobs[key] = _sum(jobs.get(key, JobTotals(kind=kind, outcome=outcome, database=database)), figures)
        self._totals = Totals(since=totals.since, jobs=tuple(jobs.values()))
        with storage_errors(self._path, "writing what jobs came to"):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(self._path, self._totals.to_json())


def _sum(total: JobTotals, figures: JobFigures) -> JobTotals:
    return msgspec.structs.replace(
        total,
        count=total.count + figures.count,
        seconds=total.seconds + figures.seconds,
        stored_bytes=total.stored_bytes + figures.stored_bytes,
        raw_bytes=total.raw_bytes + figures.raw_bytes,
        rows=total.rows + figures.rows,
        user_seconds=total.user_seconds + figures.user_seconds,
        system_seconds=total.system_seconds + figures.system_seconds,
        read_bytes=total.read_bytes + figures.read_bytes,
        written_bytes=total.written_bytes + figures.written_bytes,
    )
