"""On what terms the runner does a job: for which schedule, before or behind which others, and for how long."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of one job; those of a person who asks for it are the defaults.

    ``due_at``: when the schedule wanted it. Such a job lets those that people wait for go before it, whenever they came.
    """

    schedule: str | None = None  # its id
    due_at: datetime | None = None
    database: str | None = None  # for which the schedule has it done, whether the job goes there or not
    timeout_seconds: float | None = None  # from its start; None: as long as it takes

    @property
    def waits(self) -> bool:
        """Whether nobody waits for it, so that it lets others go first."""
        return self.due_at is not None


ASKED_FOR = Terms()
