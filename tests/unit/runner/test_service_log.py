"""The runner's own log."""

from __future__ import annotations

import io
import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.errors import ConnectionLostError
from pantry_tui.events import JobChanged
from pantry_tui.models import Failure, Job, JobState, LogFormat
from pantry_tui.runner.service_log import ServiceLog, goes_to_journal

BEGAN = datetime(2026, 11, 24, 2, tzinfo=UTC)
RUNNING = Job(
    id="j1",
    kind="backup",
    title="backup of crm\x1b[2J into local",
    database="crm",
    state=JobState.RUNNING,
    queued_at=BEGAN,
    started_at=BEGAN,
)
FAILED = msgspec.structs.replace(
    RUNNING,
    state=JobState.FAILED,
    finished_at=BEGAN + timedelta(seconds=2.5),
    failure=Failure.of(ConnectionLostError("the connection was lost\nfor good")),
)


def written(form: LogFormat, *jobs: Job, journal: bool = False) -> list[str]:
    stream = io.StringIO()
    log = ServiceLog(stream, form, journal=journal)
    for job in jobs:
        log.hear(JobChanged(job=job))
    return stream.getvalue().splitlines()


def test_a_line_for_the_beginning_and_one_for_the_end() -> None:
    queued = msgspec.structs.replace(RUNNING, state=JobState.QUEUED, started_at=None)
    further = msgspec.structs.replace(RUNNING, share=0.5)
    first, last = written(LogFormat.TEXT, queued, RUNNING, further, FAILED)
    assert first.endswith(r"Z info: job j1: backup of crm\x1b[2J into local: started")
    assert last.endswith(
        r"Z error: job j1: backup of crm\x1b[2J into local: failed after 2.5 s: the connection was lost\nfor good"
    )


def test_the_journal_gets_priorities_and_no_time() -> None:
    first, last = written(LogFormat.TEXT, RUNNING, FAILED, journal=True)
    assert first.startswith("<6>job j1: ")
    assert last.startswith("<3>job j1: ")


def test_json_has_the_figures() -> None:
    lines = [json.loads(line) for line in written(LogFormat.JSON, RUNNING, FAILED, journal=True)]
    assert [(line["level"], line["state"], line["database"]) for line in lines] == [
        ("info", "running", "crm"),
        ("error", "failed", "crm"),
    ]
    assert "seconds" not in lines[0]
    assert lines[1]["seconds"] == 2.5
    assert lines[1]["at"].endswith("Z")


@pytest.mark.parametrize(
    ("state", "level"), [(JobState.SUCCEEDED, "info"), (JobState.CANCELLED, "warning"), (JobState.TIMED_OUT, "error")]
)
def test_ends_by_their_severity(state: JobState, level: str) -> None:
    (line,) = written(LogFormat.JSON, msgspec.structs.replace(FAILED, state=state, failure=None))
    assert json.loads(line)["level"] == level


def test_what_else_is_said() -> None:
    stream = io.StringIO()
    ServiceLog(stream, LogFormat.JSON, journal=False).say("schedules: 3", logging.WARNING, count=3)
    line = json.loads(stream.getvalue())
    assert (line["level"], line["message"], line["count"]) == ("warning", "schedules: 3", 3)


def test_whose_stream_it_is(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        found = os.fstat(file.fileno())
        assert goes_to_journal(file, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not goes_to_journal(file, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not goes_to_journal(file, {})
    assert not goes_to_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})
