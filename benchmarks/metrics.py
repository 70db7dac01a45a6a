"""What 90 days of metrics take on the disk, and how long it takes to read them: ``python -m benchmarks.metrics``.

Ten databases, each with a backup an hour, and health every half hour with nine checks of each database; no server is needed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from pantry_tui.catalog.metrics import FOLDER, MetricsStore
from pantry_tui.models import CheckFigures, DatabaseFigures, DiskFigures, HealthFigures, JobFigures, utc_now
from pantry_tui.models.monitoring import CheckKind, CheckStatus
from pantry_tui.monitoring.metrics_summary import summarized
from pantry_tui.runner.metrics_reading import get_latest, get_metrics_history, get_stats, metrics_text

DAYS = 90
DATABASES = 10
MOST_BYTES = 20_000_000
MOST_SECONDS = 0.3
RUNS = 7


def main() -> int:
    """Measures and prints; the status tells whether the figures were reached."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_days(directory, DAYS + 5)
        store = MetricsStore(directory)
        began = time.perf_counter()
        store.tidy(DAYS, summarized)
        tidied, size = time.perf_counter() - began, store.read().bytes
        reading: dict[str, Callable[[], object]] = {
            "all records": store.read,
            "history of 90 days": lambda: get_metrics_history(directory, DAYS),
            "statistics": lambda: get_stats(directory, []),
            "Prometheus's text": lambda: metrics_text(get_latest(directory), [], None),
        }
        medians = {what: _median(read) for what, read in reading.items()}
    print(f"**Metrics, {DAYS} days of {DATABASES} databases** (adding up all of them at once: {tidied:.1f} s)\n")
    print(f"| | measured | at most |\n| --- | ---: | ---: |\n| MB | {size / 1e6:.1f} | {MOST_BYTES / 1e6:.0f} |")
    for what, seconds in medians.items():
        print(f"| {what}, s | {seconds:.3f} | {MOST_SECONDS} |")
    return int(size > MOST_BYTES or max(medians.values()) > MOST_SECONDS)


def write_days(directory: Path, number: int) -> None:
    """Puts that many days into the data directory, as they would have been measured; today is the last."""
    folder = directory / FOLDER
    folder.mkdir(mode=0o700)
    midnight = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    whole = b"".join(msgspec.json.encode(record) + b"\n" for record in one_day(midnight))
    for past in range(number):  # the same but for its date, which spares encoding it so many times
        day = f"{midnight - timedelta(days=past):%Y-%m-%d}"
        (folder / f"{day}.jsonl").write_bytes(whole.replace(f"{midnight:%Y-%m-%d}".encode(), day.encode()))


def one_day(midnight: datetime) -> Iterator[JobFigures | HealthFigures]:
    """The records of a day."""
    names = [f"database_{number}" for number in range(DATABASES)]
    for hour in range(24):
        for number, name in enumerate(names):
            yield _backup(
                midnight + timedelta(hours=hour, minutes=number), name, "full" if hour == 2 else "incremental"
            )
    for half_hour in range(48):
        yield _health(midnight + timedelta(minutes=30 * half_hour), names)


def _backup(at: datetime, database: str, variety: str) -> JobFigures:
    return JobFigures(
        at=at,
        kind="backup",
        outcome="succeeded",
        database=database,
        repository="local",
        variety=variety,
        seconds=123.456,
        stored_bytes=123_456_789,
        raw_bytes=723_456_789,
        rows=1_234_567,
        user_seconds=12.345,
        system_seconds=1.234,
        peak_bytes=123_456_789,
        read_bytes=12_345_678,
        written_bytes=123_456_789,
        packed_bytes=723_456_789,
        packed_to_bytes=123_456_789,
    )


def _health(at: datetime, names: list[str]) -> HealthFigures:
    kinds = list(CheckKind)[:9]
    return HealthFigures(
        at=at,
        status="healthy",
        seconds=0.456,
        disks=tuple(
            DiskFigures(place=place, total_bytes=10**12, free_bytes=10**11) for place in ("data", "local", "nas")
        ),
        databases=tuple(
            DatabaseFigures(
                database=name,
                status=CheckStatus.OK,
                at_risk_seconds=1800.123,
                recovery_seconds=300.5,
                rpo_seconds=3600.0,
                rto_seconds=7200.0,
            )
            for name in names
        ),
        checks=tuple(
            CheckFigures(kind=kind, subject=name, status=CheckStatus.OK, database=name, value=1234.567, unit="seconds")
            for name in names
            for kind in kinds
        ),
    )


def _median(read: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        read()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
