"""How health, alerts and compliance are printed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

import msgspec

from pantry_tui.cli.output import Column, age, print_line, print_table
from pantry_tui.cli.streams import write_line
from pantry_tui.cli.text import pad, paint
from pantry_tui.escaping import escape
from pantry_tui.models import (
    Alert,
    AlertState,
    Check,
    CheckStatus,
    DatabaseHealth,
    DayCompliance,
    Health,
    HealthStatus,
)

_STYLES = {
    CheckStatus.OK: "good",
    CheckStatus.UNKNOWN: "warning",
    CheckStatus.WARNING: "warning",
    CheckStatus.CRITICAL: "bad",
}
_WIDTH = max(len(status) for status in CheckStatus)
_HEALTH = {
    CheckStatus.OK: HealthStatus.HEALTHY,
    CheckStatus.UNKNOWN: HealthStatus.WARNING,
    CheckStatus.WARNING: HealthStatus.WARNING,
    CheckStatus.CRITICAL: HealthStatus.CRITICAL,
}
_ALERTS = (
    Column("SEVERITY"),
    Column("STATE", spare=1),
    Column("SINCE", right=True),
    Column("WHAT", least=24),
    Column("ALERT", least=14),
)
_NOTHING = "·"


def of_database(health: Health, database: str) -> Health:
    """The part of it that is about one database."""
    checks = tuple(check for check in health.checks if check.database == database)
    worst = max((check.status for check in checks), key=lambda status: status.rank, default=CheckStatus.OK)
    own = tuple(each for each in health.databases if each.database == database)
    return msgspec.structs.replace(health, status=_HEALTH[worst], databases=own, checks=checks)


def print_health(health: Health, *, verbose: bool = False) -> None:
    """One line for each database, then what is wrong with its remedy, then what it comes to."""
    room = max((len(each.database) for each in health.databases), default=0)
    for each in health.databases:
        _print_database(each, room)
    shown = [check for check in health.checks if verbose or check.status is not CheckStatus.OK]
    if shown and health.databases:
        print_line()
    for check in shown:
        _print_check(check)
    well = sum(check.status is CheckStatus.OK for check in health.checks)
    if shown:
        print_line()
    print_line(f"{health.status}: {well:,} of {len(health.checks):,} checks are well")


def print_alerts(alerts: Sequence[Alert]) -> None:
    """A line for each; those that another explains below it."""
    ordered = [
        row for alert in alerts if alert.root is None for row in (alert, *(x for x in alerts if x.root == alert.id))
    ]
    missing = [alert for alert in alerts if alert not in ordered]
    print_table(_ALERTS, [_alert_row(alert) for alert in (*ordered, *missing)])


def print_compliance(days: Sequence[DayCompliance]) -> None:
    """A row of marks for each schedule, the oldest day first; each mark is the worst of its day."""
    rows: dict[str, list[DayCompliance]] = {}
    for each in days:
        rows.setdefault(each.schedule_id, []).append(each)
    columns = (Column("SCHEDULE", least=8), Column(f"{days[0].day} to {days[-1].day}"), Column("DONE", right=True))
    print_table(columns, [_compliance_row(own) for own in rows.values()])
    print_line("+ done  ~ late  x failed  ! missed  · nothing was to run")


def _print_database(health: DatabaseHealth, room: int) -> None:
    word = paint(health.status.ljust(_WIDTH), _STYLES[health.status], sys.stdout)
    write_line(f"{word}  {pad(escape(health.database), room)}  {escape(health.verdict)}")


def _print_check(check: Check) -> None:
    word = paint(check.status.ljust(_WIDTH), _STYLES[check.status], sys.stdout)
    since = f" (for {age(check.since)})" if check.since is not None and check.status is not CheckStatus.OK else ""
    where = f"{check.database}: " if check.database is not None else ""
    write_line(f"{word}  {escape(where + check.summary)}{since}")
    if check.remedy is None:
        return
    command = f": pantry-tui {shlex.join(check.remedy.command)}" if check.remedy.command else ""
    write_line(f"{' ' * _WIDTH}  {escape(check.remedy.text + command)}")


def _alert_row(alert: Alert) -> tuple[str, ...]:
    state = (
        alert.state.value if alert.state is not AlertState.ACKNOWLEDGED else f"acknowledged by {alert.acknowledged_by}"
    )
    where = f"{alert.database}: " if alert.database is not None else ""
    what = f"{'  ' if alert.root is not None else ''}{where}{alert.summary}"
    return alert.severity.value, state, age(alert.opened_at), what, alert.id


def _compliance_row(days: Sequence[DayCompliance]) -> tuple[str, ...]:
    over = sum(each.done + each.late + each.failed + each.missed for each in days)
    done = sum(each.done + each.late for each in days)
    return days[0].schedule, "".join(map(_mark, days)), f"{done:,} of {over:,}"


def _mark(day: DayCompliance) -> str:
    counted = (day.missed, day.failed, day.late, day.done)
    return next((mark for mark, number in zip("!x~+", counted, strict=True) if number), _NOTHING)
