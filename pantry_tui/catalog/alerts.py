"""The alerts: `alerts.json`. Nothing else has them; those that are not resolved are kept whatever their age."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pantry_tui.catalog.table import ModelTable
from pantry_tui.models import Alert, AlertState

KEPT = 1000  # resolved ones


class AlertTable:
    """Alerts by id."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, Alert, lambda alert: alert.id)

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    def forget(self) -> None:
        """Drops what is in memory."""
        self._stored.forget()

    def newest(self) -> list[Alert]:
        """All of them, those opened last first."""
        return sorted(self._stored.models().values(), key=lambda alert: (alert.opened_at, alert.id), reverse=True)

    def put(self, alerts: Iterable[Alert]) -> None:
        """Adds or replaces some, and lets go of resolved ones that are too many. Raises `StorageError`."""
        changed = {alert.id: alert for alert in alerts}
        resolved = [alert.id for alert in self.newest() if _is_over(alert) and alert.id not in changed]
        self._stored.change(changed.values(), resolved[KEPT:])

    def prune(self, older_than: datetime) -> None:
        """Forgets those that were resolved before that time. Raises `StorageError`."""
        old = [
            alert.id for alert in self.newest() if _is_over(alert) and (alert.resolved_at or alert.seen_at) < older_than
        ]
        if old:
            self._stored.change([], old)


def _is_over(alert: Alert) -> bool:
    return alert.state is AlertState.RESOLVED
