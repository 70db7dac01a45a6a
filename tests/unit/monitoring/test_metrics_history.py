"""Days and statistics out of records."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pantry_tui.models import HealthFigures, JobFigures
from pantry_tui.monitoring.metrics import history_of
from pantry_tui.monitoring.metrics_stats import Measured, stats_of
from tests.unit.monitoring.figures import MIB, NOON, failed, looked, taken

DAY = timedelta(days=1)


def test_each_day_is_told_of_also_one_without_anything() -> None:
    records: list[JobFigures | HealthFigures] = [
        taken(NOON - 2 * DAY),
        failed(NOON - 2 * DAY),
        looked(NOON),
        taken(NOON, database="erp", seconds=20.0),
    ]

    history = history_of(records, NOON - 9 * DAY, NOON)

    assert [(day.day, day.backups, day.failures) for day in history.days] == [
        ("2026-11-18", 1, 1),
        ("2026-11-19", 0, 0),
        ("2026-11-20", 1, 0),
    ]
    first, nothing, last = history.days
    assert (first.median_seconds, first.saved, first.throughput) == (10.0, 0.75, 10 * MIB)
    assert (nothing.median_seconds, nothing.saved, nothing.throughput) == (None, None, None)
    assert (last.worst_at_risk_seconds, last.recovery_seconds, last.least_free_bytes) == (
        3600.0,
        120.0,
        {"local": 500 * MIB},
    )
    assert history.by_database.keys() == {"crm", "erp"}
    assert [day.backups for day in history.by_database["erp"]] == [0, 0, 1]


def test_a_look_without_any_backup_is_told_of() -> None:
    history = history_of([looked(at_risk=None)], NOON, NOON)

    assert (history.days[0].exposed_runs, history.days[0].worst_at_risk_seconds) == (1, None)


def test_nothing_measured_is_no_day() -> None:
    assert history_of([], NOON, NOON).days == ()


def test_a_database_over_thirty_days() -> None:
    records: list[JobFigures | HealthFigures] = [
        *(taken(NOON - number * DAY, seconds=10.0 + number) for number in range(40)),
        *(failed(NOON - number * DAY) for number in range(10)),
        looked(NOON),
    ]
    records.sort(key=lambda record: record.at)

    stats = stats_of(Measured(records, (), None, ()), NOON)

    (crm,) = stats.databases
    assert (crm.backups, crm.failures) == (31, 10)
    assert crm.success_rate == pytest.approx(31 / 41)
    assert crm.typical_seconds == 25.0
    assert (crm.saved, crm.growth_bytes_per_day) == (0.75, 0.0)
    assert (crm.at_risk_seconds, crm.recovery_seconds) == (3600.0, 120.0)


def test_a_disk_that_is_looked_at_no_more_is_forgotten() -> None:
    stats = stats_of(Measured([looked(NOON - 9 * DAY)], (), None, ()), NOON)
    assert [disk.place for disk in stats.disks] == ["local"]

    moved = looked(NOON)
    other = type(moved.disks[0])(place="nas", total_bytes=10, free_bytes=5)
    records = [looked(NOON - 9 * DAY), type(moved)(at=NOON, status="healthy", disks=(other,))]
    assert [disk.place for disk in stats_of(Measured(records, (), None, ()), NOON).disks] == ["nas"]
