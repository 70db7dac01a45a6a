"""Schedules and their runs in the catalog: found, kept through restarts, and bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.catalog.expected import KEPT, LATEST
from pantry_tui.errors import NotFoundError
from pantry_tui.models import ExpectedRun, JobState, RunState, Schedule

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(number: int, *, schedule: str = "a", state: RunState = RunState.SKIPPED, over: bool = True) -> ExpectedRun:
    due_at = NOON + timedelta(minutes=number)
    return ExpectedRun(
        schedule_id=schedule,
        schedule=schedule,
        due_at=due_at,
        written_at=NOON,
        state=state,
        finished_at=due_at if over else None,
        outcome=JobState.SUCCEEDED if over else None,
    )


def test_schedules_are_found_by_id_and_by_name(catalog: Catalog) -> None:
    for schedule_id, name in (("b-1", "beta"), ("a-1", "alpha")):
        catalog.put_schedule(Schedule(id=schedule_id, name=name, cron="@daily"))
    catalog.close()

    with Catalog(catalog.directory) as other:
        assert [schedule.name for schedule in other.schedules()] == ["alpha", "beta"]
        assert other.schedule("a-1") == other.schedule("alpha")
        other.remove_schedule("a-1")
        with pytest.raises(NotFoundError, match="no schedule 'alpha'"):
            other.schedule("alpha")
        with pytest.raises(NotFoundError, match="no schedule 'a-1'"):
            other.schedule("a-1")


def test_what_a_deleted_schedule_said_of_its_backups_stays_known(catalog: Catalog) -> None:
    catalog.put_schedule(Schedule(id="full", name="full", cron="@daily", retention_days=90))
    catalog.remove_schedule("full")
    catalog.close()

    with Catalog(catalog.directory) as other:
        assert other.schedules() == []
        assert [(schedule.id, schedule.retention_days) for schedule in other.deleted_schedules()] == [("full", 90)]


def test_runs_are_replaced_and_listed_latest_first(catalog: Catalog) -> None:
    catalog.change_runs([run(1), run(2, state=RunState.EXPECTED), run(1, schedule="b")])
    catalog.change_runs([run(2, state=RunState.STARTED)], [run(1).key])
    catalog.close()

    with Catalog(catalog.directory) as other:
        assert other.runs("a") == [run(2, state=RunState.STARTED)]
        assert [each.schedule_id for each in other.runs()] == ["a", "b"]
        assert other.run(run(1).key) is None


def test_of_each_schedule_the_last_ones_are_kept(catalog: Catalog) -> None:
    catalog.change_runs([run(0, schedule="b")])
    open_one = run(-1, state=RunState.STARTED, over=False)
    catalog.change_runs([open_one, *(run(number) for number in range(KEPT))])
    catalog.change_runs([run(KEPT), run(KEPT + 1, state=RunState.EXPECTED)])

    kept = catalog.runs("a")

    assert len(kept) == KEPT
    assert kept[-1] == open_one
    assert (kept[0].state, kept[-2].due_at) == (RunState.EXPECTED, run(3).due_at)
    assert len(catalog.runs("b")) == 1


def test_old_ones_go_but_for_the_last_and_what_is_not_over(catalog: Catalog) -> None:
    open_one = run(-1, state=RunState.STARTED, over=False)
    catalog.change_runs([open_one, *(run(number) for number in range(LATEST + 5))])

    catalog.prune_runs(NOON + timedelta(days=30))

    assert catalog.runs("a") == [*(run(number) for number in range(LATEST + 4, 4, -1)), open_one]


def test_a_schedule_of_another_version_is_never_removed_by_a_write(catalog: Catalog) -> None:
    for name in ("alpha", "beta"):
        catalog.put_schedule(Schedule(id=name, name=name, cron="@daily"))
    catalog.close()
    path = catalog.directory / "schedules.json"
    path.write_bytes(path.read_bytes().replace(b'"name":"alpha"', b'"name":{"new":"alpha"}'))

    with Catalog(catalog.directory) as other:
        other.put_schedule(Schedule(id="gamma", name="gamma", cron="@daily"))
        assert [schedule.name for schedule in other.schedules()] == ["beta", "gamma"]
        assert "1 entries of another version cannot be read, and are left alone" in other.schedule_problems[0]
    assert b'{"new":"alpha"}' in path.read_bytes()

    with Catalog(catalog.directory) as other:
        known = [Schedule(id=name, name=name, cron="@hourly") for name in ("alpha", "beta")]
        assert [schedule.id for schedule in other.bring_back_schedules(known)] == ["alpha"]
        assert other.schedule_problems == []
    assert b'{"new":"alpha"}' not in path.read_bytes()
