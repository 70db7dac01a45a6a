"""A job's events in a file, so that whoever comes later sees them from the beginning.

Progress is thinned, at first to one line a second and later to ever fewer (a day makes some 5,000 lines); everything
else is kept.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.events import (
    AlertChanged,
    ClockMoved,
    Committed,
    DatabaseAppeared,
    Event,
    Failed,
    Finished,
    HealthChanged,
    JobChanged,
    Logged,
    NotificationFailed,
    PhaseStarted,
    Progress,
    RetentionTroubled,
    RunEnded,
    RunMissed,
    SchedulesTroubled,
    TableProgress,
    Warned,
    decode_event,
    encode_event,
)
from pantry_tui.models import JobRequest
from pantry_tui.runner.request import decode_request, redacted

FOLDER = "jobs"
LOG_SUFFIX = ".jsonl"
REQUEST_SUFFIX = ".request"
_DENSE_SECONDS = 1000.0


def is_progress(event: Event) -> bool:
    """Whether a later event of the same sort says it all again."""
    return isinstance(event, Progress) or (isinstance(event, TableProgress) and not event.done)


class JobLog:
    """The event file of one job that is alive. Buffered by nobody: what was written is there to read."""

    def __init__(self, directory: Path, job_id: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = directory / FOLDER / f"{job_id}{LOG_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self._clock = clock
        self._began = clock()
        self._next: dict[type[Event], float] = {}

    def write(self, event: Event) -> None:
        """Appends the event, or leaves it out where progress comes too fast. Raises `OSError`."""
        if is_progress(event):
            now = self._clock()
            if now < self._next.get(type(event), 0.0):
                return
            self._next[type(event)] = now + max(1.0, (now - self._began) / _DENSE_SECONDS)
        os.write(self._descriptor, encode_event(event) + b"\n")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


def append_event(directory: Path, job_id: str, event: Event) -> None:
    """Adds what came after the end of a job to its log, where there still is one."""
    path = directory / FOLDER / f"{job_id}{LOG_SUFFIX}"
    with contextlib.suppress(OSError), path.open("r+b", buffering=0) as file:
        file.seek(0, os.SEEK_END)
        file.write(encode_event(event) + b"\n")


def read_events(directory: Path, job_id: str) -> list[Event]:
    """The events written so far; a line that a crash cut is left out. Raises `StorageError`."""
    path, data = directory / FOLDER / f"{job_id}{LOG_SUFFIX}", b""
    with storage_errors(path, "reading the log of a job"), contextlib.suppress(FileNotFoundError):
        data = path.read_bytes()
    return list(_decoded(data))


def _decoded(data: bytes) -> Iterator[Event]:
    for line in data.splitlines():
        try:
            yield decode_event(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def describe(event: Event) -> str | None:
    """The event as a line of text with its time in UTC; None for mere progress."""
    said = _words(event)
    return None if said is None else f"{event.at:%Y-%m-%d %H:%M:%S} {said}"


def _words(event: Event) -> str | None:
    match event:
        case PhaseStarted(title=title):
            return title
        case Warned(message=message):
            return f"warning: {message}"
        case Logged(message=message):
            return message
        case NotificationFailed(receiver=receiver, problem=problem, attempts=attempts, given_up=given_up):
            then = "given up" if given_up else "to be tried again"
            return f"warning: {receiver} was not told (attempt {attempts}, {then}): {problem}"
        case TableProgress(done=True, table=table, rows=rows):
            return f"{table}: {rows:,} rows"
        case Committed(undone_by=undone_by):
            return "committed" + (f"; undone by: recovery rollback {undone_by}" if undone_by else "")
        case Finished():
            return "finished"
        case Failed(failure=failure):
            parts = (f"failed: {failure.message}", failure.remedy, failure.detail)
            return "\n".join(part for part in parts if part)
        case Progress() | TableProgress() | JobChanged():
            return None
        case RunMissed() | RunEnded() | DatabaseAppeared() | SchedulesTroubled() | ClockMoved() | RetentionTroubled():
            return None  # of no log
        case HealthChanged() | AlertChanged():
            return None


class RequestNotes:
    """Each unfinished job's request (without secrets) in a file: what is left at the start was cut off."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER
        with storage_errors(self._folder, "making the directory of the jobs"):
            self._folder.mkdir(mode=0o700, exist_ok=True)

    def put(self, job_id: str, request: JobRequest) -> None:
        """Notes that the job is to be done."""
        path = self._folder / f"{job_id}{REQUEST_SUFFIX}"
        path.write_bytes(msgspec.json.encode(redacted(request)))

    def remove(self, job_id: str) -> None:
        """Notes that the job has ended."""
        (self._folder / f"{job_id}{REQUEST_SUFFIX}").unlink(missing_ok=True)

    def unfinished(self) -> dict[str, JobRequest]:
        """Job ids and requests that were never removed; unreadable ones are passed over."""
        found: dict[str, JobRequest] = {}
        for path in sorted(self._folder.glob(f"*{REQUEST_SUFFIX}")):
            try:
                found[path.stem] = decode_request(path.read_bytes())
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                path.unlink(missing_ok=True)
        return found


def prune_logs(directory: Path, older_than: datetime, alive: frozenset[str]) -> None:
    """Removes event files last written before that time, except those of jobs that are alive."""
    for path in (directory / FOLDER).glob(f"*{LOG_SUFFIX}"):
        if path.stem not in alive and path.stat().st_mtime < older_than.timestamp():
            path.unlink(missing_ok=True)
