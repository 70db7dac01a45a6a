"""Health in words and signs: of a database, of a check, of everything."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from pantry_tui.models import Check, CheckStatus, DatabaseHealth, Health
from screens.widgets import figures
from screens.widgets.glyphs import Glyphs
from screens.widgets.text import visible

COLOURS = {
    CheckStatus.OK: "success",
    CheckStatus.UNKNOWN: "muted",
    CheckStatus.WARNING: "warning",
    CheckStatus.CRITICAL: "error",
}


def sign(status: CheckStatus, glyphs: Glyphs) -> str:
    """The sign that goes with a status."""
    return {
        CheckStatus.OK: glyphs.good,
        CheckStatus.UNKNOWN: glyphs.unknown,
        CheckStatus.WARNING: glyphs.warning,
        CheckStatus.CRITICAL: glyphs.bad,
    }[status]


def survival(database: DatabaseHealth, glyphs: Glyphs) -> tuple[str, str]:
    """Would it survive today? Sign with one word, and the theme colour's name."""
    word = {
        CheckStatus.OK: "yes",
        CheckStatus.UNKNOWN: "unknown",
        CheckStatus.WARNING: "at risk",
        CheckStatus.CRITICAL: "no",
    }[database.status]
    return f"{sign(database.status, glyphs)} {word}", COLOURS[database.status]


def overall(health: Health, glyphs: Glyphs) -> Content:
    """The one sentence that matters."""
    lost = [each for each in health.databases if each.status is CheckStatus.CRITICAL]
    risky = [each for each in health.databases if each.status in (CheckStatus.WARNING, CheckStatus.UNKNOWN)]
    if lost:
        verb = "would not survive today"
        return Content.styled(f"{glyphs.bad} {_named(lost)} {verb}.", "bold $error")
    if risky:
        verb = "is at risk" if len(risky) == 1 else "are at risk"
        return Content.styled(f"{glyphs.warning} {_named(risky)} {verb}.", "bold $warning")
    if not health.databases:
        return Content.styled(f"{glyphs.unknown} No database is watched yet.", "bold $muted")
    which = "The database" if len(health.databases) == 1 else f"All {len(health.databases)} databases"
    wrong = any(check.status.rank > CheckStatus.OK.rank for check in health.checks)
    rest = " Something else wants looking at." if wrong else ""
    return Content.assemble(
        (f"{glyphs.good} {which} would survive today.", "bold $success"), (rest, "$warning" if wrong else "")
    )


def _named(databases: list[DatabaseHealth]) -> str:
    names = [visible(each.database) for each in databases[:3]]
    if len(databases) > len(names):
        names.append(f"{len(databases) - len(names)} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def wrong_checks(health: Health | None) -> list[Check]:
    """What is not well, worst first."""
    checks = [check for check in health.checks if check.status is not CheckStatus.OK] if health is not None else []
    return sorted(checks, key=lambda check: -check.status.rank)


def loss(database: DatabaseHealth) -> str:
    """What would be lost, in time."""
    return "everything" if database.at_risk_seconds is None else figures.span(database.at_risk_seconds)


def back_in(database: DatabaseHealth) -> str:
    """How long bringing it back takes, as measured."""
    return "unknown" if database.recovery_seconds is None else figures.span(database.recovery_seconds)


def since_words(check: Check, now: datetime) -> str:
    """Since when it is so."""
    return "" if check.since is None else f"since {figures.ago(check.since, now)}"
