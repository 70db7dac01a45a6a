"""How long backups are kept: policies, and what a look at a repository by them comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from pantry_tui.models.base import Model

DEFAULT_DAYS = 30


def is_timezone(name: str) -> bool:
    """Whether there is a time zone of that name, such as `Europe/Berlin`."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no plain name, a directory
        return False
    return True


_Number = Annotated[int, msgspec.Meta(ge=1)]


class RetentionPolicy(Model, frozen=True, kw_only=True):
    """What keeps a backup: any one of the rules that are set is enough; where none is, 30 days.

    ``max_bytes`` keeps nothing: it is how much all of them together may take, and lets the oldest go first. Days, weeks,
    months and years are those of ``timezone``.
    """

    days: _Number | None = None  # taken at most so long before the newest good one
    count: _Number | None = None  # among the newest so many
    daily: _Number | None = None  # the last one of a day, for so many days that have one
    weekly: _Number | None = None
    monthly: _Number | None = None
    yearly: _Number | None = None
    max_bytes: _Number | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if not is_timezone(self.timezone):
            raise ValueError(f"there is no time zone {self.timezone!r}")

    @property
    def keeps_all(self) -> bool:
        """Whether only the size is limited."""
        rules = (self.days, self.count, self.daily, self.weekly, self.monthly, self.yearly)
        return self.max_bytes is not None and not any(rules)

    @property
    def kept_days(self) -> int | None:
        """The days that count: 30 where no rule is set at all."""
        rules = (self.days, self.count, self.daily, self.weekly, self.monthly, self.yearly, self.max_bytes)
        return self.days if any(rules) else DEFAULT_DAYS

    @property
    def kept_time(self) -> timedelta | None:
        """The same as a duration."""
        return timedelta(days=self.kept_days) if self.kept_days is not None else None

    @property
    def words(self) -> str:
        """The policy in a few words: `30 days, 12 monthly, at most 500,000,000 bytes`."""
        spans = (("daily", self.daily), ("weekly", self.weekly), ("monthly", self.monthly), ("yearly", self.yearly))
        parts = [f"{self.kept_days} days"] if self.kept_days is not None else []
        parts += [f"the newest {self.count}"] if self.count is not None else []
        parts += [f"{number} {span}" for span, number in spans if number is not None]
        parts += [f"at most {self.max_bytes:,} bytes"] if self.max_bytes is not None else []
        return ", ".join(parts)


class ScopedPolicy(Model, frozen=True, kw_only=True):
    """A policy and the backups that it is for. None: of whatever database, by whatever schedule."""

    policy: RetentionPolicy
    database: str | None = None  # as the backups call it
    schedule: str | None = None  # an empty one: those that no schedule took

    def covers(self, database: str, schedule: str | None) -> bool:
        """Whether it is for a backup of that database, taken by that schedule (None: by nobody's)."""
        return self.database in (None, database) and self.schedule in (None, schedule or "")


class RetentionRequest(Model, frozen=True, kw_only=True):
    """Look at a repository by these policies, of which the first counts that covers a backup.

    What none of them covers stays.
    """

    policies: tuple[ScopedPolicy, ...]


class RetentionVerdict(Model, frozen=True, kw_only=True):
    """Whether one backup is kept, and by which rules; ``reasons`` are these in words."""

    backup_id: str
    database: str
    schedule: str | None
    at: datetime
    bytes: int
    kept: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    deleted: bool = False
    problem: str | None = None  # why it could not be deleted


class RetentionReport(Model, frozen=True, kw_only=True):
    """What becomes of every backup, newest first; ``applied``: it has been done.

    ``unread`` are backups that cannot be read or believed, in words; they stay. ``doubt_seconds``: how far the clock may be
    ahead, for which backups were kept longer.
    """

    verdicts: tuple[RetentionVerdict, ...]
    unread: tuple[str, ...] = ()
    doubt_seconds: float = 0.0
    applied: bool = False

    @property
    def going(self) -> tuple[RetentionVerdict, ...]:
        """The backups that no rule keeps."""
        return tuple(verdict for verdict in self.verdicts if not verdict.kept)

    @property
    def deleted(self) -> tuple[RetentionVerdict, ...]:
        """Those that are gone."""
        return tuple(verdict for verdict in self.verdicts if verdict.deleted)
