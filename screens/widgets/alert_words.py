"""An alert in words and signs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pantry_tui.models import Alert, AlertState, Severity
from screens.widgets import figures
from screens.widgets.glyphs import Glyphs
from screens.widgets.summary import Line
from screens.widgets.text import visible

_COLOURS = {
    Severity.LOW: "muted",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}


def severity_words(alert: Alert, glyphs: Glyphs) -> tuple[str, str]:
    """Sign with the severity, and the theme colour's name."""
    sign = glyphs.bad if alert.severity.rank >= Severity.HIGH.rank else glyphs.warning
    return f"{sign} {alert.severity}", _COLOURS[alert.severity]


def state_words(alert: Alert, glyphs: Glyphs) -> tuple[str, str]:
    """Sign with the state, and the theme colour's name."""
    match alert.state:
        case AlertState.OPEN:
            return f"{glyphs.running} open", "error"
        case AlertState.ACKNOWLEDGED:
            return f"{glyphs.waiting} taken", "warning"
        case AlertState.RESOLVED:
            return f"{glyphs.good} over", "success"


def alert_lines(alert: Alert, others: Sequence[Alert]) -> list[Line]:
    """What is known of an alert, one fact a line."""
    root = next((each for each in others if each.id == alert.root), None)
    because_of_it = [each for each in others if each.root == alert.id]
    lines = [
        ("of", visible(alert.subject), ""),
        ("severity", str(alert.severity), ""),
        ("kind", str(alert.type), ""),
        ("opened", figures.moment(alert.opened_at), ""),
        ("seen", f"{figures.plural(alert.seen, 'time')}, last {figures.moment(alert.seen_at)}", ""),
        ("taken by", _by(alert.acknowledged_by, alert.acknowledged_at), ""),
        ("over", _by(alert.resolved_by or "by itself", alert.resolved_at), ""),
        ("told on", figures.plural(alert.escalations, "more contact") if alert.escalations else "", ""),
        ("because of", visible(root.summary) if root is not None else "", ""),
        *(("with it" if place == 0 else "", visible(each.summary), "") for place, each in enumerate(because_of_it)),
        ("what to do", visible(alert.remedy.text), "bold"),
        *((visible(key), visible(value), "") for key, value in alert.details.items()),
    ]
    return [line for line in lines if line[1]]


def _by(who: str, when: datetime | None) -> str:
    return f"{visible(who)}, {figures.moment(when)}" if when is not None else ""
