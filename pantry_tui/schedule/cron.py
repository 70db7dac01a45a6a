"""Cron expressions, checked strictly.

croniter reads more than people mean: `R` is a random minute, `6/1` is every minute from the sixth on but `59/15` is the 59th
alone, `*/90` is every hour, `22-2` wraps around. What could be meant in two ways is refused here, with the way to write it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from pantry_tui.errors import UsageError

EXAMPLE = "five fields: minute hour day month weekday, as in 0 2 * * * (every day at 02:00)"
LONGEST = 200
LAST = "l"  # the month's last day, in the field of days; its last such weekday, in that of weekdays

_FORMS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?P<first>\*|[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?(?:/(?P<step>[0-9]{1,3}))?")
_NTH_WEEKDAY = re.compile(r"(?:[0-7]|[a-z]{3})#[1-5]|l[0-7]")
_BEGINNING = datetime(2000, 1, 1)  # noqa: DTZ001  (of wall clocks, in no zone)


class _Field(NamedTuple):
    """One field: what it is called, its range, and the names that stand for numbers, the first for the lowest."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
    _Field("second", 0, 59),
)


class Cron(msgspec.Struct, frozen=True, kw_only=True):
    """A checked expression. Fields that are `*` hold every value of their range.

    ``last_day``: also the month's last day. ``nth_weekdays``: of a weekday (0 is Sunday) which of the month, 1 to 5, `-1` the
    last; a weekday that is in ``weekdays`` and not here counts every week. Where both days and weekdays are restricted, a
    day counts that is either, as in every cron.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    seconds: tuple[int, ...] = (0,)
    last_day: bool = False
    nth_weekdays: dict[int, tuple[int, ...]] = msgspec.field(default_factory=dict)
    any_day: bool = True  # the field of days is `*`
    any_weekday: bool = True

    def walls(self, after: datetime) -> Iterator[datetime]:
        """The wall-clock times (naive) behind ``after``, in order, as if no clock were ever changed; none, if it never runs."""
        from croniter import CroniterError, croniter  # 60 ms, which a runner without schedules need not wait

        found = croniter(self.text, after, ret_type=datetime)
        with contextlib.suppress(CroniterError, OverflowError):  # behind its last year there is none
            while True:
                yield found.get_next(datetime)


def parse_cron(text: str, *, with_seconds: bool = False) -> Cron:
    """Reads an expression of five fields, or a form like `@daily`; ``with_seconds``: a sixth field, for seconds.

    Raises `UsageError` that names the field and says how to write it.
    """
    if len(text) > LONGEST:
        raise UsageError(f"a cron expression of {len(text):,} characters", remedy=f"use at most {LONGEST} of them")
    words = _expanded(text).lower().split()
    _check_number(words, text, with_seconds=with_seconds)
    for word, field in zip(words, _FIELDS, strict=False):
        for item in word.split(","):
            _check_item(item, field, text)
    normal = " ".join(words)
    cron = _read(normal, text)
    if cron.nth_weekdays and not cron.any_day:
        raise _refusal(
            text,
            "it names a day of the month and a weekday like fri#2 or L5 at once, which programs read differently",
            "make two schedules of it, one for the days and one for the weekdays",
        )
    _require_that_it_fires(cron, text)
    return cron


def _expanded(text: str) -> str:
    stripped = text.strip()
    if not stripped.startswith("@"):
        return stripped
    if stripped.lower() not in _FORMS:
        raise _refusal(text, f"there is no form {stripped}", f"use one of {', '.join(_FORMS)}, or {EXAMPLE}")
    return _FORMS[stripped.lower()]


def _check_number(words: list[str], text: str, *, with_seconds: bool) -> None:
    if len(words) == 5 or (len(words) == 6 and with_seconds):
        return
    if len(words) == 6:
        raise _refusal(
            text,
            "it has six fields, which some programs begin and others end with the seconds",
            f"write {EXAMPLE}; where seconds are wanted, put them last and add --seconds",
        )
    raise _refusal(text, f"it has {len(words)} field{'' if len(words) == 1 else 's'}", f"write {EXAMPLE}")


def _check_item(item: str, field: _Field, text: str) -> None:
    where = f"the field of the {field.name}"
    if field.name == "day of the month" and item == LAST:
        return
    if field.name == "weekday" and _NTH_WEEKDAY.fullmatch(item):
        return
    if item.startswith(("r", "h")) and not item.startswith(_FIELD_NAMES):
        raise _refusal(text, f"{where} is {item!r}, a time that would be drawn by lot", "write the time itself")
    parts = _ITEM.fullmatch(item)
    if parts is None:
        raise _refusal(text, f"{where} cannot be {item!r}", _how(field))
    first, last, step = parts["first"], parts["last"], parts["step"]
    if first == "*" and last is not None:
        raise _refusal(text, f"{where} cannot be {item!r}", _how(field))
    numbers = [_number(word, field, text) for word in (first, last) if word not in (None, "*")]
    if len(numbers) == 2 and (numbers[0] == numbers[1] or (field.name == "weekday" and numbers == [7, 0])):
        # croniter reads it as everything
        raise _refusal(text, f"{where} has the range {first}-{last}, which is one value", f"write {numbers[0]} alone")
    if len(numbers) == 2 and numbers[0] > numbers[1] and not (field.name == "weekday" and numbers[1] == 0):
        raise _refusal(text, f"{where} has the range {first}-{last}, which runs backwards", _two_ranges(numbers, field))
    if step is not None:
        _check_step(int(step), item, numbers, field, text)


def _check_step(step: int, item: str, numbers: list[int], field: _Field, text: str) -> None:
    where = f"the field of the {field.name}"
    highest = 6 if field.name == "weekday" else field.highest  # 7 is Sunday once more
    if len(numbers) == 1:
        onwards = f"{numbers[0]}-{highest}/{step} for every {step} from {numbers[0]} on, or "
        raise _refusal(
            text,
            f"{where} is {item!r}, which programs read differently",
            f"write {onwards if numbers[0] + step <= highest else ''}{numbers[0]} alone",
        )
    first, last = numbers or (field.lowest, highest)
    if not 1 <= step <= max(last - first, 1):
        raise _refusal(
            text,
            f"{where} is {item!r}: no step of {step} fits between {first} and {last}",
            "list the values, or use another schedule for the rest",
        )


def _number(word: str | None, field: _Field, text: str) -> int:
    if word is None:
        return field.lowest
    if word in field.names:
        return field.names.index(word) + field.lowest
    if not word.isdecimal() or not field.lowest <= int(word) <= field.highest:
        raise _refusal(text, f"the field of the {field.name} cannot be {word!r}", _how(field))
    return int(word)


def _two_ranges(numbers: list[int], field: _Field) -> str:
    highest = 6 if field.name == "weekday" else field.highest
    return f"write it as two: {numbers[0]}-{highest},{field.lowest}-{numbers[1]}"


def _how(field: _Field) -> str:
    names = f", or names from {field.names[0]} to {field.names[-1]}" if field.names else ""
    more = {"day of the month": ", or L for the last", "weekday": ", fri#2 for the second, L5 for the last Friday"}
    return (
        f"use numbers from {field.lowest} to {field.highest}{names}{more.get(field.name, '')}; "
        "lists a,b, ranges a-b, steps */n"
    )


def _read(normal: str, text: str) -> Cron:
    from croniter import CroniterError, croniter

    try:
        expanded, nth = croniter.expand(normal)
    except CroniterError as error:
        raise _refusal(text, f"it cannot be read: {error}", f"write {EXAMPLE}") from None
    values = [
        tuple(range(field.lowest, field.highest + 1)) if found == ["*"] else tuple(n for n in found if n != LAST)
        for found, field in zip(expanded, _FIELDS, strict=False)
    ]
    minutes, hours, days, months, weekdays, *seconds = values
    return Cron(
        text=normal,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=tuple(sorted({day % 7 for day in weekdays})),
        seconds=seconds[0] if seconds else (0,),
        last_day=LAST in expanded[2],
        nth_weekdays={day: tuple(sorted(-1 if n == LAST else int(n) for n in which)) for day, which in nth.items()},
        any_day=expanded[2] == ["*"],
        any_weekday=expanded[4] == ["*"],
    )


def _require_that_it_fires(cron: Cron, text: str) -> None:
    if next(cron.walls(_BEGINNING), None) is None:
        remedy = "correct the day of the month or the month"
        raise _refusal(text, "no day is such a one, so it would never run", remedy)


def _refusal(text: str, what: str, remedy: str) -> UsageError:
    return UsageError(f"the cron expression {text[:LONGEST]!r} is refused: {what}", remedy=remedy)


_FIELD_NAMES = _MONTHS + _WEEKDAYS
