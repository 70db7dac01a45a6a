"""The moments of any expression in any zone, against a model that looks at every minute."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pantry_tui.errors import UsageError
from pantry_tui.schedule.cron import Cron, parse_cron
from pantry_tui.schedule.occurrences import latest_runs, occurrences, time_zone

MINUTE = timedelta(minutes=1)
ZONES = (
    "UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "America/Sao_Paulo",
    "Africa/Casablanca", "Pacific/Apia", "Asia/Gaza", "Europe/Dublin",
)  # fmt: skip
# Days around which something happens in some of these zones.
AROUND = ("2011-12-28", "2018-02-16", "2018-11-02", "2026-03-07", "2026-03-21", "2026-03-28", "2026-04-03",
          "2026-10-02", "2026-10-23", "2026-10-30", "2026-02-13", "2028-02-27")  # fmt: skip


def numbers(lowest: int, highest: int) -> st.SearchStrategy[str]:
    number = st.integers(lowest, highest)
    ranges = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    return st.one_of(
        number.map(str), ranges, st.lists(number, min_size=2, max_size=3).map(lambda n: ",".join(map(str, n)))
    )


def fields(lowest: int, highest: int) -> st.SearchStrategy[str]:
    steps = st.integers(1, highest - lowest).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), numbers(lowest, highest), steps)


EXPRESSIONS = st.tuples(
    fields(0, 59),
    fields(0, 23),
    st.one_of(st.just("*"), fields(1, 31), st.just("L")),
    st.one_of(st.just("*"), fields(1, 12)),
    st.one_of(st.just("*"), fields(0, 6), st.sampled_from(["L5", "sun#1", "mon#2,thu#4"])),
).map(" ".join)


def runs_at(cron: Cron, wall: datetime) -> bool:
    """By the rules of cron, looked up in the fields."""
    if wall.minute not in cron.minutes or wall.hour not in cron.hours or wall.month not in cron.months:
        return False
    length = calendar.monthrange(wall.year, wall.month)[1]
    by_day = wall.day in cron.days or (cron.last_day and wall.day == length)
    weekday = wall.isoweekday() % 7
    by_weekday = weekday in cron.weekdays
    if cron.nth_weekdays:
        which = cron.nth_weekdays.get(weekday, ())
        by_weekday = (wall.day - 1) // 7 + 1 in which or (-1 in which and wall.day + 7 > length)
    if cron.any_day or cron.any_weekday:
        return (cron.any_day or by_day) and (cron.any_weekday or by_weekday)
    return by_day or by_weekday


def by_the_minute(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Goes through the minutes: a time of day counts when it is first reached or passed."""
    moment = after.replace(second=0, microsecond=0)
    reached = max((moment - day * MINUTE).astimezone(zone).replace(tzinfo=None) for day in range(0, 1500, 30))
    reached = max(reached, moment.astimezone(zone).replace(tzinfo=None))
    while moment < until:
        moment += MINUTE
        wall = moment.astimezone(zone).replace(tzinfo=None)
        passed = []
        while reached < wall:
            reached += MINUTE
            passed.append(reached)
        if any(runs_at(cron, each) for each in passed):
            yield moment


@settings(max_examples=150)
@given(EXPRESSIONS, st.sampled_from(ZONES), st.sampled_from(AROUND), st.integers(0, 2 * 24 * 60))
def test_the_moments_are_those_of_a_model(text: str, name: str, day: str, minutes: int) -> None:
    try:
        cron = parse_cron(text)
    except UsageError:
        assume(False)
    zone = time_zone(name)
    after = datetime.fromisoformat(day).replace(tzinfo=UTC) + minutes * MINUTE
    until = after + timedelta(days=3)

    found = []
    for moment in occurrences(cron, zone, after):
        if moment > until:
            break
        found.append(moment)

    assert found == list(by_the_minute(cron, zone, after, until))


@given(
    st.sampled_from(["* * * * *", "0 * * * *", "30 2 * * *", "0 0 1 * *"]), st.integers(1, 40), st.integers(0, 90_000)
)
def test_the_latest_are_the_end_of_all(text: str, most: int, minutes: int) -> None:
    cron, zone = parse_cron(text), time_zone("Europe/Vienna")
    until = datetime(2026, 10, 26, 12, 3, 4, tzinfo=UTC)
    after = until - minutes * MINUTE
    everything = []
    for moment in occurrences(cron, zone, after):
        if moment > until:
            break
        everything.append(moment)

    assert latest_runs(cron, zone, after, until, most) == everything[-most:]
