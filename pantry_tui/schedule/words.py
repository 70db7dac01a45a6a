"""A cron expression in English: `every day at 02:00`, `every 15 minutes on Monday to Friday`."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.schedule.cron import Cron

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MOST_TIMES = 8  # of day, to be listed one by one
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def in_words(cron: Cron) -> str:
    """When it runs, in a phrase that begins in lower case and has no full stop."""
    days, listed = _days(cron), _times(cron)
    months = f" in {_span(cron.months, 12, MONTHS)}" if len(cron.months) < 12 else ""
    if listed:
        return f"{days or 'every day'}{months} at {listed}"
    return f"{_interval(cron)}{f', {days}' if days else ''}{months}"


def _times(cron: Cron) -> str:
    """The times of day, where they are few."""
    if len(cron.minutes) * len(cron.hours) * len(cron.seconds) > _MOST_TIMES:
        return ""
    seconds = [""] if cron.seconds == (0,) else [f":{second:02}" for second in cron.seconds]
    return _listed(
        [f"{hour:02}:{minute:02}{second}" for hour in cron.hours for minute in cron.minutes for second in seconds]
    )


def _interval(cron: Cron) -> str:
    """What comes many times a day: `every 15 minutes`, `at 5 and 35 minutes past every hour from 08:00 to 17:59`."""
    if cron.seconds != (0,):
        seconds = _steps(cron.seconds, 60, "second")
        minutes = _of_hour(cron)
        within = "" if len(cron.minutes) == 60 and len(cron.hours) == 24 else f", {minutes}{_hours(cron)}"
        return seconds + within
    if len(cron.hours) == 24 and cron.minutes == (0,):
        return "every hour"
    return f"{_of_hour(cron)}{_hours(cron)}"


def _of_hour(cron: Cron) -> str:
    every = _step(cron.minutes, 60)
    if every is not None:
        return "every minute" if every == 1 else f"every {every} minutes"
    noun = "minute" if cron.minutes[-1] == 1 else "minutes"
    if len(cron.hours) == 24:
        return f"at {_span(cron.minutes, 60)} {noun} past every hour"
    return f"at {_span(cron.minutes, 60)} {noun} past the hour"


def _steps(values: Sequence[int], length: int, noun: str) -> str:
    every = _step(values, length)
    if every is not None:
        return f"every {noun}" if every == 1 else f"every {every} {noun}s"
    return f"at {noun}{'' if len(values) == 1 else 's'} {_span(values, length)}"


def _step(values: Sequence[int], length: int) -> int | None:
    """The step of values that come evenly over the whole range and into the next one."""
    if values[0] != 0 or len(values) < 2:
        return None
    step = values[1]
    return step if length % step == 0 and tuple(values) == tuple(range(0, length, step)) else None


def _hours(cron: Cron) -> str:
    if len(cron.hours) == 24:
        return ""
    if len(cron.hours) > 2 and cron.hours == tuple(range(cron.hours[0], cron.hours[-1] + 1)):
        return f" from {cron.hours[0]:02}:00 to {cron.hours[-1]:02}:59"
    plural = "" if len(cron.hours) == 1 else "s"
    return f" in the hour{plural} {_listed([f'{hour:02}' for hour in cron.hours])}"


def _days(cron: Cron) -> str:
    """Which days; empty for every day."""
    if cron.any_day and cron.any_weekday:
        return ""
    both = [text for text in (_days_of_month(cron), _weekdays(cron)) if text]
    return " or ".join(both)  # cron's rule: a day that is either


def _days_of_month(cron: Cron) -> str:
    if cron.any_day:
        return ""
    named = [_ranged(cron.days, [_ordinal(day) for day in range(1, 32)], 1)] if cron.days else []
    last = ["last day"] if cron.last_day else []
    return f"on the {_listed(named + last)} of the month"


def _weekdays(cron: Cron) -> str:
    if cron.any_weekday:
        return ""
    if not cron.nth_weekdays:
        return f"on {'every ' if not cron.any_day else ''}{_weekday_names(cron.weekdays)}"
    named = [f"{_ORDINALS[n]} {WEEKDAYS[day]}" for day, which in sorted(cron.nth_weekdays.items()) for n in which]
    return f"on the {_listed(named)} of the month"


def _weekday_names(weekdays: Sequence[int]) -> str:
    from_monday = sorted((day - 1) % 7 for day in weekdays)
    return _ranged(from_monday, (*WEEKDAYS[1:], WEEKDAYS[0]), 0)


def _span(values: Sequence[int], length: int, names: Sequence[str] | None = None) -> str:
    first = 1 if length == 12 else 0
    return _ranged(values, names or [str(number) for number in range(length)], first)


def _ranged(values: Sequence[int], names: Sequence[str], first: int) -> str:
    """Values by their names, three and more in a row as `Monday to Friday`."""
    groups: list[list[int]] = []
    for value in values:
        if groups and groups[-1][-1] == value - 1:
            groups[-1].append(value)
        else:
            groups.append([value])
    said: list[str] = []
    for group in groups:
        named = [names[value - first] for value in group]
        said += [f"{named[0]} to {named[-1]}"] if len(named) > 2 else named
    return _listed(said)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _ordinal(day: int) -> str:
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
