"""The log of a runner: one line for each job's beginning and end, for journald or for a file, as text or as JSON."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from pantry_tui.escaping import escape
from pantry_tui.events import JobChanged
from pantry_tui.models import Job, JobState, LogFormat

_NAME = "pantry-tui"
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}  # syslog's (sd-daemon(3))
_LEVELS = {
    JobState.FAILED: logging.ERROR,
    JobState.TIMED_OUT: logging.ERROR,
    JobState.CANCELLED: logging.WARNING,
    JobState.SKIPPED: logging.WARNING,
}


def goes_to_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether ``stream`` is connected to journald, which says so by the device and inode of its own (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class ServiceLog:
    """Writes lines to ``stream``. In the journal they begin with their priority, elsewhere with time and level."""

    def __init__(self, stream: TextIO, form: LogFormat, *, journal: bool) -> None:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_Json() if form is LogFormat.JSON else _Journal() if journal else _Text())
        self._logger = logging.Logger(_NAME, logging.INFO)  # of its own: other libraries' lines stay out
        self._logger.addHandler(handler)
        self._states: dict[str, JobState] = {}

    def say(self, message: str, level: int = logging.INFO, **fields: str | float | None) -> None:
        """One line. ``message`` may hold names that somebody else chose: control characters are made visible."""
        self._logger.log(level, "%s", escape(message), extra={"fields": fields})

    def hear(self, change: JobChanged) -> None:
        """Writes that a job has begun or ended; its progress is not worth a line."""
        job = change.job
        if job.state is JobState.QUEUED or self._states.get(job.id) is job.state:
            return
        self._states[job.id] = job.state
        if job.state.is_final:
            del self._states[job.id]
        self.say(
            _sentence(job),
            _LEVELS.get(job.state, logging.INFO),
            job=job.id,
            kind=job.kind,
            database=job.database,
            state=job.state.value,
            backup=job.backup_id,
            seconds=_seconds(job),
        )


def _seconds(job: Job) -> float | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return round((job.finished_at - job.started_at).total_seconds(), 3)


def _sentence(job: Job) -> str:
    words = f"job {job.id}: {job.title}: {'started' if job.state is JobState.RUNNING else job.state.value}"
    seconds = _seconds(job)
    if seconds is not None:
        words += f" after {seconds:.1f} s"
    return f"{words}: {job.failure.message}" if job.failure is not None else words


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{_at(record)} {record.levelname.lower()}: {record.getMessage()}"


class _Journal(logging.Formatter):
    """journald knows time and process by itself."""

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{record.getMessage()}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in getattr(record, "fields", {}).items() if value is not None}
        line = {"at": _at(record), "level": record.levelname.lower(), "message": record.getMessage(), **fields}
        return msgspec.json.encode(line).decode()


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
