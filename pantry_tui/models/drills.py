"""What a restore drill found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from pantry_tui.models.assertions import AssertionOutcome
from pantry_tui.models.base import Failure, Model, utc_now
from pantry_tui.models.measurements import Measurement


class DrillPlace(StrEnum):
    """Where a drill restores to."""

    PRIVATE = "private"  # a server started for it, gone afterwards
    SERVER = "server"  # a database of its own on a server that is there, dropped afterwards


class DrillResult(Model, frozen=True, kw_only=True):
    """The outcome of one drill. ``ok`` is true only when everything was restored and compared equal.

    ``phases`` has the seconds of each phase that was begun, in their order: of a failed drill the last one is where it
    ended. ``rto_met`` is None where no objective is known.
    """

    id: str  # the backup
    database: str
    ok: bool
    where: DrillPlace
    drill_id: str = ""  # as the runner calls the job
    server_version: str | None = None  # of the server it was restored to; None: it was not reached
    phases: dict[str, float] = msgspec.field(default_factory=dict)
    total_seconds: float = 0.0
    rto_seconds: float | None = None
    rto_met: bool | None = None
    rows: int = 0
    tables: int = 0
    constraints_validated: int = 0
    sequences_compared: int = 0
    assertions: tuple[AssertionOutcome, ...] = ()
    warnings: tuple[str, ...] = ()
    measured: Measurement | None = None
    failure: Failure | None = None
    recorded: bool = False  # beside the backup, as a signed record
    finished_at: datetime = msgspec.field(default_factory=utc_now)
