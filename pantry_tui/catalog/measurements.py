"""How long recoveries and drills took: `measurements.json`, kept longer than the jobs are.

A drill comes once a month, and what the next recovery will take is reckoned from it; so the latest of each server are kept,
however old they are.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from pantry_tui.catalog.table import ModelTable
from pantry_tui.models import Measurement

KEPT = 20  # of each server, and of private ones together


class MeasurementTable:
    """Measurements by the id of the recovery."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, Measurement, lambda measurement: measurement.id)

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    def forget(self) -> None:
        """Drops what is in memory."""
        self._stored.forget()

    def newest(self) -> list[Measurement]:
        """All of them, the latest first."""
        return sorted(self._stored.models().values(), key=lambda each: (each.at, each.id), reverse=True)

    def put(self, measurement: Measurement) -> None:
        """Adds one, and lets go of those that are too many. Raises `StorageError`."""
        counted: dict[str, int] = defaultdict(int)
        superfluous = []
        for each in sorted([measurement, *self.newest()], key=lambda each: each.at, reverse=True):
            place = "" if each.private else each.server
            counted[place] += 1
            if counted[place] > KEPT:
                superfluous.append(each.id)
        self._stored.change([measurement], superfluous)
