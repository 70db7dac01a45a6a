"""The rules that keep backups: by age, by number, and one for each day, week, month or year."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from pantry_tui.models import RetentionPolicy


class Kept(NamedTuple):
    """That a rule keeps a backup, in a stable word and for people."""

    rule: str
    words: str


class Dated(Protocol):
    """What the rules ask of a backup."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def at(self) -> datetime:
        """When it was begun."""


_SPANS: tuple[tuple[str, Callable[[datetime], str]], ...] = (
    ("daily", lambda at: f"{at:%Y-%m-%d}"),
    ("weekly", lambda at: f"week {at.isocalendar().week} of {at.isocalendar().year}"),
    ("monthly", lambda at: f"{at:%Y-%m}"),
    ("yearly", lambda at: f"{at:%Y}"),
)


def kept_by_rules(backups: Sequence[Dated], policy: RetentionPolicy, newest: datetime) -> Iterator[tuple[str, Kept]]:
    """The ids of ``backups`` (good ones, newest first) that the policy's rules keep; one may come several times.

    Ages are those at ``newest``.
    """
    kept_time = policy.kept_time
    for number, backup in enumerate(backups):
        age = newest - backup.at
        if kept_time is not None and age <= kept_time:
            yield backup.id, Kept("days", f"{_days(age.days)} older than the newest; {policy.kept_days} are kept")
        if policy.count is not None and number < policy.count:
            yield backup.id, Kept("count", f"number {number + 1} of the newest {policy.count}")
        if policy.keeps_all:
            yield backup.id, Kept("size", f"no rule but that of size: at most {policy.max_bytes:,} bytes")
    zone = ZoneInfo(policy.timezone)
    for rule, name_of in _SPANS:
        limit: int | None = getattr(policy, rule)
        yield from _spanned(backups, rule, name_of, limit or 0, zone)


def _spanned(
    backups: Sequence[Dated], rule: str, name_of: Callable[[datetime], str], limit: int, zone: tzinfo
) -> Iterator[tuple[str, Kept]]:
    """The last backup of each of the ``limit`` latest spans that have one."""
    seen: set[str] = set()
    for backup in backups:
        span = name_of(backup.at.astimezone(zone))
        if span in seen or len(seen) == limit:
            continue
        seen.add(span)
        yield backup.id, Kept(rule, f"the last one of {span} ({rule} {len(seen)} of {limit})")


def _days(number: int) -> str:
    return f"{number} day" if number == 1 else f"{number} days"
