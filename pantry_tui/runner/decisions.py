"""What of a job is written down for good besides its outcome: what was decided, and how fast it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pantry_tui.models import DrillRequest, Job, JobRequest, JobState, Measurement, PlanRequest, RestoreRequest


def decisions_of(request: JobRequest) -> dict[str, str]:
    """What was chosen for a recovery or drill, in words by their names; nothing for other jobs. Never a secret."""
    if isinstance(request, PlanRequest):
        return {}
    if isinstance(request, RestoreRequest):
        return _of_restore(request)
    if isinstance(request, DrillRequest):
        found = {"where": str(request.where), **_common(request)}
        if request.rto_seconds is not None:
            found["recovery time objective"] = f"{request.rto_seconds:g} s"
        return found
    return {}


def _of_restore(request: RestoreRequest) -> dict[str, str]:
    return {
        "target": request.target.name,
        "strategy": str(request.strategy),
        "tables": ", ".join(request.tables) or "all",
        **({"without": ", ".join(request.exclude)} if request.exclude else {}),
        "dry run": _yes(request.dry_run),
        "checkpoint": _yes(request.checkpoint),
        "compared with the backup": _yes(request.verify),
        "analyzed": _yes(request.analyze),
        **({"rows per statement": f"at most {request.batch_size:,}"} if request.batch_size is not None else {}),
        **_common(request),
    }


def _common(request: RestoreRequest | DrillRequest) -> dict[str, str]:
    return {
        "repository": request.repository.location,
        "connections": "one per core" if request.jobs is None else str(request.jobs),
        "assertions": ", ".join(each.name for each in request.assertions) or "none",
        **({"signers believed this once": ", ".join(request.trust)} if request.trust else {}),
    }


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def measured_by(job: Job) -> Measurement | None:
    """The figures of a recovery or drill that succeeded."""
    found: Mapping[str, Any] | None = (job.result or {}).get("measured")
    if job.state is not JobState.SUCCEEDED or found is None:
        return None
    return msgspec.convert(found, Measurement)
