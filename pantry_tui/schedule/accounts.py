"""What is to be written down of a schedule's runs at a moment: which time came, what becomes of it, which comes next.

Of every enabled schedule one run is expected at any time, the next. Whatever happened between two looks (nobody was there, the
clock was set, the schedule was changed), the runs from the expected one up to now are accounted for one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from pantry_tui.errors import UsageError
from pantry_tui.models import ExpectedRun, RunState, Schedule
from pantry_tui.schedule.cron import Cron, parse_cron
from pantry_tui.schedule.missed import Verdict, judge
from pantry_tui.schedule.occurrences import latest_runs, occurrences, time_zone

MOST = 500  # runs of one schedule that are accounted for one by one; those before go with the first

_SECOND = timedelta(seconds=1)


class Accounts(NamedTuple):
    """What changes. ``missed`` are those of ``put`` that were not started in time, ``started`` the one that starts now."""

    put: list[ExpectedRun]
    remove: list[tuple[str, datetime]]
    missed: list[ExpectedRun]
    started: ExpectedRun | None


def rhythm(schedule: Schedule) -> tuple[Cron, ZoneInfo]:
    """When the schedule runs. Raises `UsageError` for what no schedule should have."""
    return parse_cron(schedule.cron, with_seconds=schedule.seconds), time_zone(schedule.timezone)


def account(
    schedule: Schedule,
    known: Mapping[datetime, ExpectedRun],
    now: datetime,
    *,
    cause: str,
    at_work: datetime | None = None,
) -> Accounts:
    """What is to be written down at ``now``, given what is ``known`` of the schedule's runs by when they were due.

    ``cause``: why nobody was there, where runs are late. ``at_work``: the run that has not ended yet; another is not begun
    beside it.
    """
    expected = sorted(due for due, run in known.items() if run.state is RunState.EXPECTED)
    if not schedule.enabled:
        return Accounts([], [(schedule.id, due) for due in expected], [], None)
    cron, zone = rhythm(schedule)
    past = {due for due, run in known.items() if run.state is not RunState.EXPECTED}
    settled: list[ExpectedRun] = []
    if expected and expected[0] <= now:
        due = [each for each in _due(cron, zone, expected[0], now) if each not in past]
        verdicts = judge(due, now, schedule.missed, youngest_seconds=schedule.missed_seconds, cause=cause)
        verdicts = _beside(_with_unlisted(verdicts), at_work)
        settled = [_settled(schedule, known, verdict, now) for verdict in verdicts]
        past |= set(due)
    following = next((each for each in occurrences(cron, zone, now) if each not in past), None)
    put = list(settled)
    if following is not None and following not in expected:
        put.append(_written(schedule, following, now))
    remove = [(schedule.id, due) for due in expected if due not in past and due != following]
    started = [run for run in settled if run.state.was_started]
    missed = [run for run in settled if run.state is not RunState.STARTED]
    return Accounts(put, remove, missed, started[-1] if started else None)


def skipped(schedule: Schedule, known: Mapping[datetime, ExpectedRun], now: datetime, *, why: str) -> list[ExpectedRun]:
    """The runs that came due and were not begun, for one that is to be begun no more, as skipped."""
    expected = [due for due, run in known.items() if run.state is RunState.EXPECTED and due <= now]
    if not expected or not schedule.enabled:
        return []
    try:
        due = _due(*rhythm(schedule), min(expected), now)
    except UsageError:  # a zone that this machine no longer knows: what is written down is all that is known
        due = expected
    past = {due for due, run in known.items() if run.state is not RunState.EXPECTED}
    verdicts = [Verdict(each, RunState.SKIPPED, why) for each in due if each not in past]
    return [_settled(schedule, known, verdict, now) for verdict in _with_unlisted(verdicts)]


def _due(cron: Cron, zone: ZoneInfo, expected: datetime, now: datetime) -> list[datetime]:
    """The moments from the expected one up to now; of too many the last ones, behind the expected one."""
    found = latest_runs(cron, zone, expected - _SECOND, now, MOST)
    return found if found[:1] == [expected] else [expected, *found]


def _with_unlisted(verdicts: list[Verdict]) -> list[Verdict]:
    """Where there were too many to account for each, the first one says so."""
    if len(verdicts) <= MOST:
        return verdicts
    first, second, *_ = verdicts
    why = f"{first.why}; and with it those up to {second.due_at:%Y-%m-%d %H:%M:%S} UTC, too many to list"
    return [Verdict(first.due_at, first.state, why), *verdicts[1:]]


def _beside(verdicts: list[Verdict], at_work: datetime | None) -> list[Verdict]:
    """Where one would start beside a run that is at work, it is skipped, and those that it would stand for too."""
    if at_work is None or not any(verdict.starts for verdict in verdicts):
        return verdicts
    why = f"the run of {at_work:%Y-%m-%d %H:%M:%S} UTC was still at work"
    return [Verdict(verdict.due_at, RunState.SKIPPED, why) for verdict in verdicts]


def _settled(schedule: Schedule, known: Mapping[datetime, ExpectedRun], verdict: Verdict, now: datetime) -> ExpectedRun:
    run = known.get(verdict.due_at) or _written(schedule, verdict.due_at, now)
    run = msgspec.structs.replace(run, state=verdict.state, why=verdict.why)
    return msgspec.structs.replace(run, started_at=now, attempts=1) if verdict.starts else run


def _written(schedule: Schedule, due_at: datetime, now: datetime) -> ExpectedRun:
    return ExpectedRun(schedule_id=schedule.id, schedule=schedule.name, due_at=due_at, written_at=now)
