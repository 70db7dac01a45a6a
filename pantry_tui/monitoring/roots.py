"""Which alert explains which: one server that is down makes every backup of it fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pantry_tui.models import Alert, AlertState
from pantry_tui.monitoring.alert_types import KINDS


def with_roots(alerts: Mapping[str, Alert]) -> dict[str, Alert]:
    """The alerts with the root of each that has one, among those that are not resolved."""
    live = sorted(
        (alert for alert in alerts.values() if alert.state is not AlertState.RESOLVED),
        key=lambda alert: (alert.opened_at, alert.id),
    )
    found = dict(alerts)
    for alert in live:
        root = _root(alert, live)
        if root != alert.root:
            found[alert.id] = msgspec.structs.replace(alert, root=root)
    return found


def explains(root: Alert, other: Alert) -> bool:
    """Whether ``root`` is why there is ``other``: by their types, where they are of one database or one of them of all."""
    if other.type not in KINDS[root.type].explains:
        return False
    mine, its = _databases(root), _databases(other)
    return not mine or not its or bool(mine & its)


def _root(alert: Alert, live: Sequence[Alert]) -> str | None:
    """The last of those that explain it, one through the other."""
    seen, current = {alert.id}, alert
    while True:
        found = next((each for each in live if each.id not in seen and explains(each, current)), None)
        if found is None:
            return current.id if current is not alert else None
        seen.add(found.id)
        current = found


def _databases(alert: Alert) -> set[str]:
    """Of which databases it is; none: of this host."""
    named = alert.details.get("databases", "")
    found = set(named.split(", ")) if named else set()
    return found | ({alert.database} if alert.database is not None else set())
