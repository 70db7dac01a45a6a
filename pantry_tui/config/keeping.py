"""`[retention]` and `[databases.NAME.retention]`: how long backups are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from pantry_tui.errors import ConfigError
from pantry_tui.models import Model, RetentionPolicy, ScopedPolicy, is_timezone

_Number = Annotated[int, Meta(ge=1, le=100_000, description="a whole number from 1 to 100000")]
_Size = Annotated[str, Meta(min_length=1, description='a size such as "500 GB" or "2 TiB"')]
_Zone = Annotated[str, Meta(min_length=1, description='a time zone such as "Europe/Berlin"')]

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([kMGTP])(i?)B")
RATE_PATTERN = r"^[1-9][0-9]{0,8}(\.[0-9]{1,3})? ?[kMGTP]i?B$"
_POWERS = {"k": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_RULES = ("days", "count", "daily", "weekly", "monthly", "yearly")


class RetentionSettings(Model, frozen=True, kw_only=True):
    """Which backups are kept: any rule that is set is enough. Where none is, those of 30 days.

    ``max_size`` is what all of them together may take; ``after_backup``: deletes after every backup that has succeeded.
    """

    days: _Number | None = None
    count: _Number | None = None
    daily: _Number | None = None
    weekly: _Number | None = None
    monthly: _Number | None = None
    yearly: _Number | None = None
    max_size: _Size | None = None
    timezone: _Zone = "UTC"
    after_backup: bool = True

    @property
    def policy(self) -> RetentionPolicy:
        """The same as the rules take it."""
        rules = {name: getattr(self, name) for name in _RULES}
        size = bytes_of(self.max_size) if self.max_size is not None else None
        return RetentionPolicy(**rules, max_bytes=size, timezone=self.timezone)


def bytes_of(text: str) -> int:
    """A size in bytes: `500 GB` by thousands, `500 GiB` by 1024. Raises ValueError."""
    found = _SIZE.fullmatch(text.replace("Ki", "ki"))
    if found is None or float(found[1]) == 0:
        raise ValueError(f"not a size: {text!r}")
    unit: int = (1024 if found[3] else 1000) ** _POWERS[found[2]]
    return max(1, round(float(found[1]) * unit))


def check_retention(settings: RetentionSettings, *, prefix: str, file: str) -> RetentionSettings:
    """The settings again. Raises `ConfigError` for a size or time zone that is none."""
    if settings.max_size is not None:
        try:
            bytes_of(settings.max_size)
        except ValueError:
            raise ConfigError(
                f"{file}: {prefix}.max_size is no size: {settings.max_size!r}",
                remedy='Write it as "500 GB" or "2 TiB".',
            ) from None
    if not is_timezone(settings.timezone):
        raise ConfigError(
            f"{file}: {prefix}.timezone: there is no time zone {settings.timezone!r}",
            remedy='Write it as "Europe/Berlin".',
        )
    return settings


def policies_of(
    general: RetentionSettings | None,
    databases: Mapping[str, RetentionSettings | None],
    schedules: Mapping[str, RetentionPolicy],
) -> tuple[ScopedPolicy, ...]:
    """What counts for whom: schedules' own first, then databases', then the general one, 30 days where nobody set it.

    No policy is for what was taken by a schedule that is not among ``schedules``: its own might keep it longer.
    """
    others = ""
    found = [ScopedPolicy(policy=policy, schedule=schedule) for schedule, policy in schedules.items()]
    found += [
        ScopedPolicy(policy=own.policy, database=name, schedule=others)
        for name, own in databases.items()
        if own is not None
    ]
    return (*found, ScopedPolicy(policy=(general or RetentionSettings()).policy, schedule=others))
