"""Lists on a terminal of 80 columns: no line is broken, and what people copy stays whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.cli.main import main
from pantry_tui.errors import InterruptedJobError
from pantry_tui.models import Failure, Job, JobState
from pantry_tui.runner.audit import AuditTrail

QUEUED = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("pantry_tui.cli.output.terminal_columns", lambda: 80)
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path / "data"


def job(number: int, state: JobState, *, failure: Failure | None = None) -> Job:
    return Job(
        id=f"20261123T020000Z-00000{number}",
        kind="restore",
        title="restore of 20261123T020000Z-before-the-upgrade-7f3a into crm_restored_for_the_audit",
        database="crm",
        state=state,
        queued_at=QUEUED + timedelta(seconds=number),
        started_at=QUEUED + timedelta(seconds=number),
        finished_at=QUEUED + timedelta(seconds=number + 185) if state.is_final else None,
        failure=failure,
    )


def test_jobs(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_off = Failure.of(InterruptedJobError("the runner was stopped in the middle of the job"))
    with Catalog(data) as catalog:
        catalog.put_job(job(1, JobState.SUCCEEDED))
        catalog.put_job(job(2, JobState.FAILED, failure=cut_off))
        catalog.put_job(job(3, JobState.RUNNING))
    assert main(["job", "list"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["20261123T020000Z-000003", "interrupted"],
        ["20261123T020000Z-000002", "interrupted"],
        ["20261123T020000Z-000001", "succeeded"],
    ]
    assert all(len(line) <= 80 and "restore of" in line and "…" in line for line in lines)
    assert main(["job", "show", "20261123T020000Z-000003"]) == 0
    shown = capsys.readouterr().out
    assert "failed    interrupted: its runner ended without a word\n" in shown
    assert "took" not in shown  # nobody knows


def test_the_audit_trail(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trail = AuditTrail(data)
    trail.note("somebody_with_a_name", "backup.delete", "20261123T020000Z-before-the-upgrade-7f3a", "refused")
    trail.note("runner", "catalog.rebuild", "catalog", "verification_failed")
    assert main(["audit", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert "  catalog.rebuild  " in lines[1]
    assert "…" in lines[2]
