"""Do the schedules do what they are for?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from pantry_tui.models import AlertType, Check, CheckKind, CheckStatus, ExpectedRun, JobState, Remedy, RunState
from pantry_tui.monitoring.checks import CRITICAL, OK, WARNING, check, remedy
from pantry_tui.monitoring.facts import ScheduleFacts
from pantry_tui.monitoring.words import counted, span

FAILURES_TO_CRITICAL = 3
_OVERDUE = timedelta(minutes=10)  # a runner that is there starts a run in seconds
_NEVER_RUN = 2  # gaps between two runs, after which one should have been


def judge_schedule(facts: ScheduleFacts, now: datetime, *, runner_stays: bool = True) -> Check:
    """One schedule: critical when it failed three times running, a warning when it failed, or did not run as it should.

    ``runner_stays``: whether somebody is there to start what is due.
    """
    status, said, alert = _judged(facts, now, runner_stays)
    schedule = facts.status.schedule
    database = facts.databases[0] if len(facts.databases) == 1 else None
    return check(
        CheckKind.SCHEDULES,
        status,
        f"schedule {schedule.name} {said}",
        subject=schedule.name,
        database=database,
        part=schedule.id,
        value=float(_failures(_over(facts.runs))),
        threshold=float(FAILURES_TO_CRITICAL),
        unit="count",
        remedy=_remedy(facts),
        alert=alert,
        cause=key_of(schedule.id),
    )


def key_of(schedule_id: str) -> str:
    """By which the alerts of a schedule are known, whether a check or an event opens them."""
    return f"schedule:{schedule_id}"


def _judged(facts: ScheduleFacts, now: datetime, runner_stays: bool) -> tuple[CheckStatus, str, AlertType | None]:
    schedule, over = facts.status.schedule, _over(facts.runs)
    if not schedule.enabled:
        return WARNING, "is disabled", None
    if not facts.status.next_runs:
        return CRITICAL, f"cannot run: {facts.status.words}", AlertType.SCHEDULE_FAILING
    if failures := _failures(over):
        why = next((each.failure.message for each in over if each.failure is not None), "see its last job")
        times = "" if failures == 1 else f" {counted(failures, 'time')} running"
        status = CRITICAL if failures >= FAILURES_TO_CRITICAL else WARNING
        return status, f"failed{times}: {why}", AlertType.SCHEDULE_FAILING
    overdue = min((each.due_at for each in facts.runs if each.state is RunState.EXPECTED), default=now)
    if runner_stays and now - overdue > _OVERDUE:
        said = f"should have begun {span((now - overdue).total_seconds())} ago, and has not"
        return WARNING, said, AlertType.SCHEDULE_MISSED
    last = over[0] if over else None
    if last is None:
        return _before_the_first(facts, now)
    if not last.state.was_started:
        return WARNING, f"did not run when it was to, at {last.due_at:%Y-%m-%d %H:%M} UTC: {last.why}", _MISSED
    late = (
        f", {span((last.started_at - last.due_at).total_seconds())} late" if _is_late(last) and last.started_at else ""
    )
    return OK, f"ran at {last.due_at:%Y-%m-%d %H:%M} UTC{late}", AlertType.SCHEDULE_FAILING


_MISSED = AlertType.SCHEDULE_MISSED


def _over(runs: Sequence[ExpectedRun]) -> list[ExpectedRun]:
    """The runs whose time has come and that are over, those due last first."""
    return [each for each in runs if each.state is not RunState.EXPECTED and not each.is_open]


def _failures(over: Sequence[ExpectedRun]) -> int:
    """How many of the last runs failed one after the other."""
    started = [each for each in over if each.state.was_started]
    if over and not over[0].state.was_started:
        return 0
    return len(list(takewhile(lambda run: run.outcome not in (JobState.SUCCEEDED, JobState.CANCELLED), started)))


def _is_late(run: ExpectedRun) -> bool:
    return run.state is RunState.LATE


def _before_the_first(facts: ScheduleFacts, now: datetime) -> tuple[CheckStatus, str, AlertType | None]:
    made, gap = facts.status.schedule.created_at, facts.gap_seconds
    coming = facts.status.next_runs[0]
    if made is not None and gap is not None and (now - made).total_seconds() > _NEVER_RUN * gap:
        return WARNING, f"has never run since {made:%Y-%m-%d %H:%M} UTC", _MISSED
    return OK, f"runs for the first time at {coming:%Y-%m-%d %H:%M} UTC", None


def _remedy(facts: ScheduleFacts) -> Remedy:
    schedule = facts.status.schedule
    if not schedule.enabled:
        return remedy("enable it, or delete it", "schedule", "enable", schedule.name)
    return remedy("see its runs, and do it now", "schedule", "execute", schedule.name)
