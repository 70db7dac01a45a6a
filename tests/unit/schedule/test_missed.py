"""What becomes of runs that nobody was there to start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.models import MissedRuns, RunState
from pantry_tui.schedule.missed import IN_TIME, judge

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURS = [NOON - timedelta(hours=back) for back in (3, 2, 1)]


def states(due: list[datetime], now: datetime, policy: MissedRuns, youngest: float = 1800) -> list[RunState]:
    return [
        verdict.state for verdict in judge(due, now, policy, youngest_seconds=youngest, cause="no runner was there")
    ]


def test_one_in_time_starts_under_every_policy() -> None:
    for policy in MissedRuns:
        assert states([NOON], NOON + IN_TIME, policy) == [RunState.STARTED]


def test_the_last_one_is_run_late_and_stands_for_all() -> None:
    *earlier, last = judge(HOURS, NOON, MissedRuns.RUN_ONCE, youngest_seconds=0, cause="no runner was there")

    assert last == (HOURS[-1], RunState.LATE, "no runner was there; it was started 1 h late")
    assert {verdict.state for verdict in earlier} == {RunState.CAUGHT_UP}
    assert earlier[0].why == "no runner was there; the run of 2026-11-23 11:00:00 UTC stands for it"


def test_the_last_one_is_run_if_it_is_young_enough() -> None:
    late = [RunState.CAUGHT_UP, RunState.CAUGHT_UP, RunState.LATE]

    assert states(HOURS, NOON - timedelta(minutes=30), MissedRuns.IF_YOUNGER) == late
    assert states(HOURS, NOON, MissedRuns.IF_YOUNGER) == [RunState.MISSED] * 3


def test_none_is_run() -> None:
    assert states(HOURS, NOON, MissedRuns.SKIP) == [RunState.SKIPPED] * 3
    assert states([*HOURS, NOON], NOON, MissedRuns.SKIP) == [RunState.SKIPPED] * 3 + [RunState.STARTED]


@given(
    st.lists(st.integers(0, 100_000), unique=True).map(sorted),
    st.integers(0, 200_000),
    st.sampled_from(MissedRuns),
    st.integers(0, 50_000),
)
def test_every_run_has_one_verdict_and_at_most_the_last_starts(
    ages: list[int], later: int, policy: MissedRuns, youngest: int
) -> None:
    due = [NOON + timedelta(seconds=age) for age in ages]
    now = NOON + timedelta(seconds=(ages[-1] if ages else 0) + later)

    verdicts = judge(due, now, policy, youngest_seconds=youngest, cause="it was so")

    assert [verdict.due_at for verdict in verdicts] == due
    assert not any(verdict.starts for verdict in verdicts[:-1])
    assert all(verdict.why for verdict in verdicts if verdict.state is not RunState.STARTED)
