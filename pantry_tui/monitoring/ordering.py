"""Which alerts people see first."""

from __future__ import annotations

from collections.abc import Iterable

from pantry_tui.models import Alert, AlertState


def open_alerts(alerts: Iterable[Alert]) -> list[Alert]:
    """Those that are not resolved: roots before what they explain, the worst and the oldest first."""
    live = [alert for alert in alerts if alert.state is not AlertState.RESOLVED]
    return sorted(live, key=lambda alert: (alert.root is not None, -alert.severity.rank, alert.opened_at, alert.id))
