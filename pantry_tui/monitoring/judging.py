"""From facts to health: every check, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from pantry_tui.config.monitoring import MonitoringSettings
from pantry_tui.models import Check, CheckStatus, DatabaseHealth, Health, HealthStatus
from pantry_tui.monitoring.facts import DatabaseFacts, HostFacts, ScheduleFacts
from pantry_tui.monitoring.host import judge_catalog, judge_clock, judge_runner
from pantry_tui.monitoring.integrity import judge_integrity, judge_unreadable
from pantry_tui.monitoring.performing import judge_performance
from pantry_tui.monitoring.proof import judge_proof
from pantry_tui.monitoring.recency import judge_recency, judge_tier
from pantry_tui.monitoring.room import judge_room
from pantry_tui.monitoring.scheduling import judge_schedule
from pantry_tui.monitoring.serving import judge_server
from pantry_tui.monitoring.shrinking import judge_shrinking
from pantry_tui.monitoring.verdicts import verdict_of

_HEALTH = {
    CheckStatus.OK: HealthStatus.HEALTHY,
    CheckStatus.UNKNOWN: HealthStatus.WARNING,
    CheckStatus.WARNING: HealthStatus.WARNING,
    CheckStatus.CRITICAL: HealthStatus.CRITICAL,
}


def judge(
    databases: Sequence[DatabaseFacts],
    schedules: Sequence[ScheduleFacts],
    host: HostFacts,
    settings: MonitoringSettings,
    now: datetime,
    *,
    before: Health | None = None,
) -> Health:
    """The health of everything, but for the seconds that looking took.

    ``before``: the last one, from which checks know since when they are as they are.
    """
    checks = [check for facts in databases for check in judge_database(facts, settings, now, host)]
    checks += [judge_schedule(each, now, runner_stays=host.runner_stays) for each in schedules]
    checks += judge_room(host, settings.thresholds)
    checks += [*judge_catalog(host), *judge_unreadable(host), *judge_runner(host)]
    checks += judge_clock(host, (backup for facts in databases for backup in facts.backups), now)
    checks = _with_since(checks, before, now)
    checks.sort(key=lambda each: (-each.status.rank, each.kind, each.id))
    return Health(
        at=now,
        status=_HEALTH[_worst(checks)],
        seconds=0.0,
        databases=tuple(_database(facts, checks, now) for facts in databases),
        checks=tuple(checks),
    )


def judge_database(facts: DatabaseFacts, settings: MonitoringSettings, now: datetime, host: HostFacts) -> list[Check]:
    """The checks of one database, but for its schedules."""
    thresholds = settings.thresholds
    found = [
        judge_recency(facts, thresholds, now),
        judge_tier(facts, thresholds, now),
        judge_integrity(
            facts,
            now,
            revalidation_seconds=settings.revalidation_seconds if settings.revalidate else None,
            can_revalidate=host.runner_stays,
        ),
        judge_shrinking(facts, thresholds, now),
        *judge_proof(facts, thresholds, now),
        *judge_server(facts),
        *judge_performance(facts, thresholds, now),
    ]
    return [each for each in found if each is not None]


def _with_since(checks: Iterable[Check], before: Health | None, now: datetime) -> list[Check]:
    known = {each.id: each for each in before.checks} if before is not None else {}

    def since(check: Check) -> datetime:
        last = known.get(check.id)
        return last.since if last is not None and last.status is check.status and last.since is not None else now

    return [msgspec.structs.replace(check, since=since(check)) for check in checks]


def _worst(checks: Iterable[Check]) -> CheckStatus:
    return max((each.status for each in checks), key=lambda status: status.rank, default=CheckStatus.OK)


def _database(facts: DatabaseFacts, checks: Sequence[Check], now: datetime) -> DatabaseHealth:
    own = [each for each in checks if each.database == facts.name]
    return verdict_of(facts, _worst(own), now)
