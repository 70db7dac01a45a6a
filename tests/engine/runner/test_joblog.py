"""What stays of a job's events, and what is lost on a slow reader."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.events import Event, Failed, Logged, Progress, TableProgress, Warned
from pantry_tui.models import BackupRequest, DatabaseTarget, Failure, RepositoryTarget, utc_now
from pantry_tui.runner.feed import EventFeed
from pantry_tui.runner.joblog import JobLog, RequestNotes, describe, prune_logs, read_events

SECRET = "canary-7261"
REQUEST = BackupRequest(
    database=DatabaseTarget(name="crm", conninfo="host=db", environment={"PGPASSWORD": SECRET, "PGUSER": "backup"}),
    repository=RepositoryTarget(name="local", location="/backups"),
    name="nightly",
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory."""
    RequestNotes(tmp_path)
    return tmp_path


def test_progress_is_thinned_and_nothing_else(directory: Path) -> None:
    now = [0.0]
    log = JobLog(directory, "job", clock=lambda: now[0])
    for tick in range(100):
        now[0] = tick / 10
        log.write(Progress(share=tick / 100))
        log.write(TableProgress(table="t", rows=tick, raw_bytes=0, share=0.5))
        log.write(Logged(message=f"step {tick}"))
    log.write(TableProgress(table="t", rows=100, raw_bytes=0, share=1.0, done=True))
    log.close()

    events = read_events(directory, "job")

    assert sum(isinstance(event, Progress) for event in events) == 10
    assert sum(isinstance(event, TableProgress) for event in events) == 11
    assert sum(isinstance(event, Logged) for event in events) == 100


def test_a_long_job_has_a_short_log(directory: Path) -> None:
    now = [0.0]
    log = JobLog(directory, "job", clock=lambda: now[0])
    for second in range(7 * 24 * 3600):
        now[0] = float(second)
        log.write(Progress(share=0.5))
    log.close()

    assert 5_000 < len(read_events(directory, "job")) < 8_000


def test_a_cut_line_is_left_out(directory: Path) -> None:
    log = JobLog(directory, "job")
    log.write(Logged(message="one"))
    log.write(Logged(message="two"))
    log.close()
    path = directory / "jobs" / "job.jsonl"
    path.write_bytes(path.read_bytes()[:-5])

    assert [event.message for event in read_events(directory, "job") if isinstance(event, Logged)] == ["one"]


def test_events_in_words() -> None:
    failure = Failure(code="disk_full", message="no room", remedy="make some", detail="ENOSPC")
    assert (describe(Warned(message="careful")) or "").endswith("warning: careful")
    assert (describe(Failed(failure=failure)) or "").endswith("failed: no room\nmake some\nENOSPC")
    assert describe(Progress(share=0.5)) is None


def test_requests_are_noted_without_their_secret(directory: Path) -> None:
    notes = RequestNotes(directory)
    notes.put("job", REQUEST)

    assert all(SECRET not in path.read_text() for path in (directory / "jobs").iterdir())
    [noted] = notes.unfinished().values()
    assert isinstance(noted, BackupRequest)
    assert noted.database.environment == {"PGUSER": "backup"}
    notes.remove("job")
    assert notes.unfinished() == {}


def test_an_unreadable_note_is_dropped(directory: Path) -> None:
    (directory / "jobs" / "job.request").write_text("{")

    assert RequestNotes(directory).unfinished() == {}
    assert list((directory / "jobs").iterdir()) == []


def test_old_logs_are_removed_but_not_of_those_alive(directory: Path) -> None:
    for name in ("old", "alive", "new"):
        JobLog(directory, name).close()
        if name != "new":
            os.utime(directory / "jobs" / f"{name}.jsonl", (0, 0))

    prune_logs(directory, utc_now() - timedelta(days=30), frozenset({"alive"}))

    assert sorted(path.stem for path in (directory / "jobs").iterdir()) == ["alive", "new"]


async def test_a_slow_reader_misses_progress_only() -> None:
    feed = EventFeed([])
    events: list[Event] = [Logged(message=str(number)) for number in range(1500)]
    for event in events:
        feed.put(event)
        feed.put(Progress(share=0.5))
    feed.end()

    seen = [event async for event in feed.events()]

    assert [event for event in seen if isinstance(event, Logged)] == events
    assert 0 < sum(isinstance(event, Progress) for event in seen) < 1000
