"""Adding up: what many records come to is what one pass over all of them would have said."""

from __future__ import annotations

import statistics
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.models import HealthFigures, JobFigures
from pantry_tui.models.monitoring import CheckStatus
from pantry_tui.monitoring.metrics import history_of
from pantry_tui.monitoring.metrics_summary import health_together, jobs_together, summarized, weighted_median
from tests.unit.monitoring.figures import MIB, NOON, failed, looked, taken

durations = st.lists(st.floats(0.001, 10_000), min_size=1, max_size=50)


@given(durations)
def test_jobs_add_up(seconds: list[float]) -> None:
    jobs = [taken(NOON + timedelta(minutes=number), seconds=each) for number, each in enumerate(seconds)]
    whole = jobs_together(jobs)

    assert whole.count == len(seconds)
    assert whole.at == jobs[-1].at
    assert whole.seconds == pytest.approx(sum(seconds))
    assert whole.median == pytest.approx(statistics.median(seconds))
    assert whole.longest == max(seconds)
    assert whole.stored_bytes == 25 * MIB * len(seconds)
    assert whole.peak_bytes == 60 * MIB


@given(durations, st.integers(1, 49))
def test_what_was_added_up_can_be_added_up_again(seconds: list[float], place: int) -> None:
    jobs = [taken(NOON + timedelta(minutes=number), seconds=each) for number, each in enumerate(seconds)]
    parts = [part for part in (jobs[:place], jobs[place:]) if part]
    again = jobs_together([jobs_together(part) for part in parts])
    whole = jobs_together(jobs)

    assert (again.count, again.longest, again.rows) == (whole.count, whole.longest, whole.rows)
    assert again.seconds == pytest.approx(whole.seconds)
    assert min(seconds) <= again.median <= max(seconds)


def test_jobs_of_different_kinds_stay_apart() -> None:
    jobs = [taken(), taken(), failed(), taken(database="erp"), taken(variety="incremental")]

    found = summarized(jobs)

    assert sorted(each.count for each in found if isinstance(each, JobFigures)) == [1, 1, 1, 2]


def test_health_runs_keep_the_last_and_the_worst() -> None:
    runs = [
        looked(NOON, at_risk=100.0, free=50 * MIB),
        looked(NOON + timedelta(hours=1), at_risk=9000.0, free=10 * MIB, status=CheckStatus.CRITICAL),
        looked(NOON + timedelta(hours=2), at_risk=None, free=30 * MIB, status=CheckStatus.WARNING),
        looked(NOON + timedelta(hours=3), at_risk=200.0, free=40 * MIB),
    ]

    whole = health_together(runs)

    (database,), (disk,) = whole.databases, whole.disks
    assert (whole.at, whole.runs, whole.status) == (runs[-1].at, 4, "warning")
    assert (database.at_risk_seconds, database.worst_at_risk, database.exposed_runs) == (200.0, 9000.0, 1)
    assert database.status is CheckStatus.CRITICAL
    assert (disk.free_bytes, disk.least_free) == (40 * MIB, 10 * MIB)
    assert (whole.checks[0].span, whole.checks[0].value, whole.checks[0].not_ok) == ((100.0, 9000.0), 200.0, 2)


@given(st.lists(st.integers(0, 23), min_size=1, max_size=30))
def test_a_day_that_was_added_up_has_the_same_history(hours: list[int]) -> None:
    midnight = NOON.replace(hour=0)
    records: list[JobFigures | HealthFigures] = []
    for number, hour in enumerate(hours):
        at = midnight + timedelta(hours=hour, seconds=number)
        records += [taken(at, seconds=5.0), looked(at, at_risk=float(hour), free=hour * MIB)]
    before = history_of(records, midnight, NOON)
    after = history_of(summarized(records), midnight, NOON)

    assert after.days == before.days
    assert after.by_database == before.by_database


@pytest.mark.parametrize(
    ("values", "median"),
    [
        ([], 0.0),
        ([(5.0, 1)], 5.0),
        ([(1.0, 1), (3.0, 1)], 2.0),
        ([(1.0, 3), (9.0, 1)], 1.0),
        ([(9.0, 3), (1.0, 2)], 9.0),
    ],
)
def test_a_median_of_medians_goes_by_their_weight(values: list[tuple[float, int]], median: float) -> None:
    assert weighted_median(values) == median
