"""From a request to the job that stands for it."""

from __future__ import annotations

import secrets

from pantry_tui.models import Job, JobRequest, JobState, utc_now
from pantry_tui.runner.decisions import decisions_of
from pantry_tui.runner.request import backup_of, database_of, kind_of, title_of
from pantry_tui.runner.terms import Terms


def new_job(request: JobRequest, terms: Terms) -> Job:
    """The job for a request, queued now, with an id that sorts by time."""
    now = utc_now()
    database = database_of(request)
    return Job(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        kind=kind_of(request),
        title=title_of(request),
        database=terms.database or (database.name if database else None),
        state=JobState.QUEUED,
        queued_at=now,
        started_by=request.started_by,
        backup_id=backup_of(request),
        schedule=terms.schedule,
        due_at=terms.due_at,
        decisions=decisions_of(request),
    )
