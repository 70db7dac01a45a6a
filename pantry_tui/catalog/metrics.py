"""Metrics on disk: `DATA_DIR/metrics/DAY.jsonl`, a record a line, appended by the runner and by nobody else.

The newest days stand there as they were measured, older ones added up by the day. How many files there may be goes by their
number and not by the clock, so that a clock that jumps ahead neither adds up nor deletes what is there. What cannot be read,
a line that a crash cut or a file of somebody else, is left out and told of; the rest counts.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from pantry_tui.artifact.files import fsync_directory, storage_errors, write_all, write_atomically
from pantry_tui.errors import StorageError
from pantry_tui.models import HealthFigures, JobFigures, MetricRecord, Summarized, utc_now

FOLDER = "metrics"
DETAILED_DAYS = 7  # that stand as they were measured
LARGE_DAY_BYTES = 1024 * 1024  # a day that takes more is added up as soon as it is over
LARGEST_FILE_BYTES = 64 * 1024 * 1024

Figures = JobFigures | HealthFigures

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
_decoder: msgspec.json.Decoder[MetricRecord] = msgspec.json.Decoder(MetricRecord)
_encoder = msgspec.json.Encoder()


class MetricsRead(NamedTuple):
    """What was found: records in the order of their time, what had to be left out, in words, and what all files take."""

    records: list[Figures]
    problems: list[str]
    days: int
    bytes: int


class MetricsStore:
    """The metrics of one data directory. Any process may read; only the one that holds the runner's lock appends."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / FOLDER
        self._one_at_a_time = threading.Lock()

    def append(self, record: Figures) -> None:
        """Adds a record to the file of its day (UTC), durably. Raises `StorageError`."""
        path = self.directory / f"{record.at.astimezone(UTC):%Y-%m-%d}.jsonl"
        with self._one_at_a_time, storage_errors(path, "writing metrics"):
            self.directory.mkdir(mode=0o700, exist_ok=True)
            is_new = not path.exists()
            descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
            )
            try:
                _require_own(descriptor, path)
                write_all(descriptor, _line_end_missing(descriptor) + _encoder.encode(record) + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                fsync_directory(self.directory)

    def read(self, since: datetime | None = None, until: datetime | None = None) -> MetricsRead:
        """The records from ``since`` to ``until``, where they are given; a day that was added up counts as a whole."""
        found: list[Figures] = []
        problems: list[str] = []
        size = 0
        days = self._days()
        for day, path in days:
            try:
                size += path.lstat().st_size
                if (since is None or day >= since.astimezone(UTC).date()) and (
                    until is None or day <= until.astimezone(UTC).date()
                ):
                    records, damage = _read(path)
                    found += _between(records, since, until, summarized=damage.summarized)
                    problems += damage.words(path)
            except FileNotFoundError:  # it was old, and the runner has deleted it meanwhile
                continue
            except (OSError, StorageError) as error:
                problems.append(f"{path} cannot be read and is left out: {error}")
        found.sort(key=lambda record: record.at)
        return MetricsRead(found, problems, len(days), size)

    def tidy(self, kept_days: int, summarize: Callable[[Iterable[Figures]], Iterable[Figures]]) -> None:
        """Deletes the oldest days but ``kept_days``, and has all but the newest added up by ``summarize``.

        Raises `StorageError`; what was not done is done the next time.
        """
        with self._one_at_a_time, storage_errors(self.directory, "tidying up metrics"):
            tomorrow = (utc_now() + timedelta(days=1)).date()
            days = self._days()
            past = [path for day, path in days if day <= tomorrow]
            future = [path for day, path in days if day > tomorrow]  # of a clock that was wrong
            for path in (*past[:-kept_days], *future[DETAILED_DAYS:]):
                path.unlink(missing_ok=True)
            kept = past[-kept_days:]
            for place, path in enumerate(kept):
                left = len(kept) - place
                if left > DETAILED_DAYS or (left > 2 and path.stat().st_size > LARGE_DAY_BYTES):
                    _summarize(path, summarize)

    def _days(self) -> list[tuple[date, Path]]:
        """The files of days, the oldest first; whatever else lies there is none of ours."""
        try:
            names = os.listdir(self.directory)  # noqa: PTH208
        except OSError:
            return []
        found = ((_day_of(name), self.directory / name) for name in names)
        return sorted((day, path) for day, path in found if day is not None)


class _Damage(NamedTuple):
    """What of a file could not be read, and whether it was added up."""

    lines: int
    cut: bool
    summarized: bool

    def words(self, path: Path) -> Iterator[str]:
        if self.lines:
            are = "1 line cannot be read and is" if self.lines == 1 else f"{self.lines:,} lines cannot be read and are"
            yield f"{path}: {are} left out"
        if self.cut:
            yield f"{path}: its last line was cut off, and is left out"


def _read(path: Path) -> tuple[list[Figures], _Damage]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _require_own(descriptor, path)
        data = file.read(LARGEST_FILE_BYTES)
    *lines, rest = data.split(b"\n")
    found: list[Figures] = []
    damaged, summarized = 0, False
    for line in filter(None, lines):
        try:
            record = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            damaged += 1
            continue
        if isinstance(record, Summarized):
            summarized = True
        elif record.at.tzinfo is None:
            damaged += 1
        else:
            found.append(record)
    return found, _Damage(damaged, bool(rest), summarized)


def _between(
    records: list[Figures], since: datetime | None, until: datetime | None, *, summarized: bool
) -> Iterator[Figures]:
    for record in records:
        if (summarized or since is None or record.at >= since) and (until is None or record.at <= until):
            yield record


def _summarize(path: Path, summarize: Callable[[Iterable[Figures]], Iterable[Figures]]) -> None:
    """Replaces a file by what it comes to, unless that was done before."""
    records, damage = _read(path)
    if damage.summarized:
        return
    lines = [_encoder.encode(Summarized(at=utc_now())), *map(_encoder.encode, summarize(records))]
    write_atomically(path, b"\n".join(lines) + b"\n")


def _require_own(descriptor: int, path: Path) -> None:
    """Raises `StorageError` for what is no file, or was made by somebody else."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise StorageError(f"{path} is not a regular file", remedy="move it away")
    if found.st_uid != os.geteuid():
        raise StorageError(f"{path} belongs to another user (uid {found.st_uid})", remedy="move it away")


def _line_end_missing(descriptor: int) -> bytes:
    """What ends a line that a crash cut, so that the next one begins anew."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _day_of(name: str) -> date | None:
    found = _NAME.fullmatch(name)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
