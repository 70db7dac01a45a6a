"""Jobs of any state."""

from __future__ import annotations

from datetime import datetime, timedelta

from pantry_tui.models import Job, JobState
from tests.unit.repository.samples import NOON


def job(job_id: str, state: JobState, *, at: datetime = NOON, share: float = 0.0, backup_id: str | None = None) -> Job:
    return Job(
        id=job_id,
        kind="backup",
        title="backup of crm into main",
        database="crm",
        state=state,
        queued_at=at,
        finished_at=at + timedelta(seconds=5) if state.is_final else None,
        share=share,
        backup_id=backup_id,
    )
