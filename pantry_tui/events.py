"""What the engine reports while it works.

One stream of typed events; plain text, JSON and the screens are printers of it.
Work goes on whether or not anybody listens.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from pantry_tui.models import Alert, ExpectedRun, Failure, HealthStatus, Job, utc_now


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    at: datetime = msgspec.field(default_factory=utc_now)


class PhaseStarted(_Event, frozen=True, kw_only=True, tag="phase"):
    """A new phase began. ``phase`` is a stable word, ``title`` what people read."""

    phase: str
    title: str


class TableProgress(_Event, frozen=True, kw_only=True, tag="table"):
    """How far one table is. Sent at most a few times a second, and once when it is done."""

    table: str
    rows: int
    raw_bytes: int
    share: float
    done: bool = False


class Progress(_Event, frozen=True, kw_only=True, tag="progress"):
    """How far the whole job is: ``share`` 0 to 1 of all phases; time left None while it cannot be known."""

    share: float
    rows: int = 0
    raw_bytes: int = 0
    bytes_per_second: float | None = None
    seconds_left: float | None = None


class Warned(_Event, frozen=True, kw_only=True, tag="warning"):
    """Something a person should know; the job goes on."""

    message: str


class Logged(_Event, frozen=True, kw_only=True, tag="log"):
    """A line for the job's log: what was done, with figures."""

    message: str


class Committed(_Event, frozen=True, kw_only=True, tag="committed"):
    """What the job was to change is changed for good, whatever becomes of the rest of it. ``undone_by``: the job whose
    checkpoint undoes it; None: nothing is kept.
    """

    undone_by: str | None = None


class Finished(_Event, frozen=True, kw_only=True, tag="finished"):
    """The work is done and verified. ``result`` is the result model as builtins."""

    result: dict[str, Any]


class Failed(_Event, frozen=True, kw_only=True, tag="failed"):
    """The work ended without what was wanted of it; ``result``: what there is to tell all the same, as builtins."""

    failure: Failure
    result: dict[str, Any] | None = None


class JobChanged(_Event, frozen=True, kw_only=True, tag="job"):
    """A job of the runner changed its state or progress. Only the runner's own stream has it."""

    job: Job


class NotificationFailed(_Event, frozen=True, kw_only=True, tag="notification_failed"):
    """Somebody could not be told what became of a job. It is tried again, unless it was given up."""

    receiver: str
    problem: str
    attempts: int
    given_up: bool = False


class RetentionTroubled(_Event, frozen=True, kw_only=True, tag="retention_troubled"):
    """After a backup no other was deleted by policy, or fewer than it says: why, in words."""

    database: str
    repository: str
    why: str


class RunMissed(_Event, frozen=True, kw_only=True, tag="run_missed"):
    """A run of a schedule was not started in time: it is late, missed, caught up by another, or skipped, and says why."""

    run: ExpectedRun


class RunEnded(_Event, frozen=True, kw_only=True, tag="run_ended"):
    """A run of a schedule came to its end, or an attempt at it to be tried again at ``run.retry_at``."""

    run: ExpectedRun
    on_success: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()


class DatabaseAppeared(_Event, frozen=True, kw_only=True, tag="database_appeared"):
    """A schedule of all databases of a server found one that was not there before, and takes it in."""

    schedule_id: str
    schedule: str
    database: str


class SchedulesTroubled(_Event, frozen=True, kw_only=True, tag="schedules_troubled"):
    """Schedules were lost, or cannot be read: ``problems`` in words. What they should have done, nobody does."""

    problems: tuple[str, ...]


class ClockMoved(_Event, frozen=True, kw_only=True, tag="clock_moved"):
    """The machine's clock was set, or it slept: ``seconds`` forward, or backward where negative."""

    seconds: float
    cause: str


class HealthChanged(_Event, frozen=True, kw_only=True, tag="health"):
    """Everything was looked at again; what was found can be asked for."""

    status: HealthStatus
    critical: int = 0  # checks
    warnings: int = 0


class AlertChanged(_Event, frozen=True, kw_only=True, tag="alert"):
    """An alert was opened, seen again, acknowledged, escalated or resolved."""

    alert: Alert


ScheduleEvent = RunMissed | RunEnded | DatabaseAppeared | SchedulesTroubled | ClockMoved
MonitoringEvent = HealthChanged | AlertChanged
RunnerEvent = ScheduleEvent | NotificationFailed | RetentionTroubled | MonitoringEvent
WorkEvent = PhaseStarted | TableProgress | Progress | Warned | Logged | Committed | Finished | Failed
Event = WorkEvent | JobChanged | RunnerEvent

Listener = Callable[[Event], None]

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def ignore(event: Event) -> None:
    """The listener of those who do not listen."""


def part_of(listener: Listener, first: float, last: float) -> Listener:
    """Hears a piece of work whose progress is that of the whole from ``first`` to ``last``."""

    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            event = msgspec.structs.replace(event, share=first + (last - first) * event.share)
        listener(event)

    return hear


def encode_event(event: Event) -> bytes:
    """One event as a line of JSON, without the line's end."""
    return _encoder.encode(event)


def decode_event(line: bytes | str) -> Event:
    """The reverse of `encode_event`. Raises `msgspec.DecodeError` or `msgspec.ValidationError`."""
    return _decoder.decode(line)
