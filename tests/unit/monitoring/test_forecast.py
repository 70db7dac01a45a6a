"""When a disk is full: what grows, what only comes and goes, and what is not known."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.monitoring.forecast import Room, forecast, slope_per_day

BEGIN = datetime(2026, 8, 1, 12, tzinfo=UTC)
GIB = 1024**3
TOTAL = 1000 * GIB


def looks(days: int, used: Callable[[int], float], *, total: int = TOTAL) -> list[Room]:
    """One look a day at noon."""
    return [Room(BEGIN + timedelta(days=day), total, int(total - used(day))) for day in range(days)]


@pytest.mark.parametrize("days", [0, 1, 3])
def test_under_three_days_nothing_is_known(days: int) -> None:
    found = forecast("local", looks(days, lambda day: day * GIB))

    assert (found.known, found.days, found.growth_bytes_per_day) == (False, None, None)
    assert found.words.startswith("not known yet")


@pytest.mark.parametrize(("days", "little"), [(4, True), (7, True), (8, False), (90, False)])
def test_under_a_week_it_is_little(days: int, little: bool) -> None:
    found = forecast("local", looks(days, lambda day: 100 * GIB + day * GIB))

    assert (found.known, found.little_data) == (True, little)
    assert ("which is little" in found.words) is little


@given(st.integers(4, 90), st.integers(1, 9), st.integers(0, 100))
def test_steady_growth_is_told_to_the_day(days: int, gib_a_day: int, first: int) -> None:
    found = forecast("local", looks(days, lambda day: (first + day * gib_a_day) * GIB))

    assert found.growth_bytes_per_day == pytest.approx(gib_a_day * GIB)
    assert found.days == pytest.approx((1000 - first - (days - 1) * gib_a_day) / gib_a_day)


@given(st.integers(15, 90), st.integers(1, 7), st.integers(0, 6), st.integers(1, 90))
def test_what_is_taken_and_given_back_within_a_week_is_no_growth(days: int, every: int, phase: int, gib: int) -> None:
    found = forecast("local", looks(days, lambda day: (100 + (day + phase) % every * gib) * GIB))

    assert (found.days, found.growth_bytes_per_day) == (None, 0.0)
    assert found.words.startswith("not growing")


def test_a_monthly_cycle_is_no_growth_once_it_was_seen_twice() -> None:
    for days in range(64, 91):
        assert forecast("local", looks(days, lambda day: (100 + day % 30 * 10) * GIB)).days is None


def test_a_disk_that_has_filled_up_to_its_retention_stays_level() -> None:
    found = forecast("local", looks(60, lambda day: min(day, 30) * 10 * GIB))

    assert found.days is None


def test_growth_under_a_weekly_cycle_is_growth() -> None:
    found = forecast("local", looks(60, lambda day: (100 + day % 7 * 20 + day // 7 * 14) * GIB))

    assert found.days is not None
    assert found.growth_bytes_per_day == pytest.approx(2 * GIB, rel=0.3)


def test_growth_that_begins_anew_after_a_clean_up_is_growth() -> None:
    found = forecast("local", looks(70, lambda day: (day * 10 if day < 45 else 100 + (day - 45) * 10) * GIB))

    assert found.growth_bytes_per_day == pytest.approx(10 * GIB)


def test_a_larger_disk_is_no_growth() -> None:
    before = looks(20, lambda day: 100 * GIB)
    after = [Room(BEGIN + timedelta(days=20 + day), 2 * TOTAL, 2 * TOTAL - 100 * GIB) for day in range(5)]

    assert forecast("local", [*before, *after]).days is None


def test_a_full_disk_is_full_now() -> None:
    assert forecast("local", looks(11, lambda day: day * 100 * GIB)).days == 0


@given(st.lists(st.tuples(st.integers(0, 90 * 24), st.integers(0, TOTAL)), max_size=60), st.randoms())
def test_whatever_was_seen(seen: list[tuple[int, int]], shuffled: random.Random) -> None:
    rooms = [Room(BEGIN + timedelta(hours=hours), TOTAL, free) for hours, free in seen]
    found = forecast("local", rooms)
    shuffled.shuffle(rooms)

    assert forecast("local", rooms) == found
    assert found.days is None or 0 <= found.days <= 3650
    assert found.known == (found.growth_bytes_per_day is not None)
    assert found.growth_bytes_per_day is None or found.growth_bytes_per_day >= 0


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(5, 40), st.integers(0, 39), st.floats(-1e12, 1e12))
def test_a_day_out_of_line_does_not_move_the_trend(
    slope: float, first: float, days: int, which: int, off: float
) -> None:
    line = [(float(day), first + slope * day) for day in range(days)]
    moved = [(day, value + off if day == which % days else value) for day, value in line]

    assert slope_per_day(line) == pytest.approx(slope, abs=1e-3)
    assert slope_per_day(moved) == pytest.approx(slope, abs=1e-3)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 5.0)]])
def test_a_trend_needs_two_days(points: list[tuple[float, float]]) -> None:
    assert slope_per_day(points) is None
