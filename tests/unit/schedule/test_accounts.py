"""What is written down of a schedule's runs at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pantry_tui.models import ExpectedRun, MissedRuns, RunState, Schedule
from pantry_tui.schedule.accounts import MOST, Accounts, account

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = Schedule(id="h", name="hourly", cron="0 * * * *")


def expected(due_at: datetime) -> dict[datetime, ExpectedRun]:
    return {due_at: ExpectedRun(schedule_id="h", schedule="hourly", due_at=due_at, written_at=due_at - HOUR)}


def states(accounts: Accounts) -> list[tuple[RunState, float]]:
    return [(run.state, (run.due_at - NOON) / HOUR) for run in accounts.put]


def test_the_first_one_is_the_next() -> None:
    assert states(account(HOURLY, {}, NOON, cause="")) == [(RunState.EXPECTED, 1.0)]


def test_nothing_changes_before_it_is_due() -> None:
    assert account(HOURLY, expected(NOON + HOUR), NOON + HOUR / 2, cause="") == Accounts([], [], [], None)


def test_one_that_is_due_starts_and_the_next_is_written_down() -> None:
    accounts = account(HOURLY, expected(NOON), NOON, cause="")

    assert states(accounts) == [(RunState.STARTED, 0.0), (RunState.EXPECTED, 1.0)]
    assert accounts.started == accounts.put[0]
    assert (accounts.put[0].written_at, accounts.put[0].attempts) == (NOON - HOUR, 1)


def test_beside_one_at_work_none_stands_for_another() -> None:
    accounts = account(HOURLY, expected(NOON), NOON + 2.5 * HOUR, cause="it slept", at_work=NOON - HOUR)

    assert [run.state for run in accounts.put] == [RunState.SKIPPED] * 3 + [RunState.EXPECTED]
    assert {run.why for run in accounts.missed} == {"the run of 2026-11-23 11:00:00 UTC was still at work"}


def test_a_disabled_one_expects_nothing() -> None:
    disabled = Schedule(id="h", name="hourly", cron="0 * * * *", enabled=False)

    assert account(disabled, expected(NOON), NOON + HOUR, cause="") == Accounts([], [("h", NOON)], [], None)


def test_an_expectation_that_is_wrong_is_replaced() -> None:
    accounts = account(HOURLY, expected(NOON + 8760 * HOUR), NOON, cause="")

    assert states(accounts) == [(RunState.EXPECTED, 1.0)]
    assert accounts.remove == [("h", NOON + 8760 * HOUR)]


def test_of_too_many_the_first_stands_for_those_behind_it() -> None:
    minutely = Schedule(id="h", name="minutely", cron="* * * * *", missed=MissedRuns.RUN_ONCE)

    accounts = account(minutely, expected(NOON), NOON + 400 * 24 * HOUR, cause="it was off")

    assert len(accounts.put) == MOST + 2
    assert accounts.put[0].due_at == NOON
    assert accounts.put[0].state is RunState.CAUGHT_UP
    assert f"and with it those up to {accounts.put[1].due_at:%Y-%m-%d %H:%M:%S} UTC" in accounts.put[0].why
    assert accounts.started is not None
    assert accounts.started.due_at == NOON + 400 * 24 * HOUR
