"""What a job that was killed may have left behind, which its process can no more say."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec

from pantry_tui.config.restoring import drill_name
from pantry_tui.config.targets import actual_database
from pantry_tui.errors import PantryError, WorkerDiedError
from pantry_tui.events import Committed
from pantry_tui.models import (
    DrillRequest,
    Failure,
    ForeignPlanRequest,
    ForeignRestoreRequest,
    JobRequest,
    PlanRequest,
    RestoreRequest,
    RollbackRequest,
)
from pantry_tui.postgres.unverified import WORKING_SCHEMA, unverified_prefix
from pantry_tui.runner.request import database_of

_PATIENCE_SECONDS = 10.0  # for a server that may be gone as well


def with_leftovers(failure: Failure, request: JobRequest | None) -> Failure:
    """The failure of a killed job, with a remedy that names what to look for."""
    name = _database_left(request)
    if name is None:
        return failure
    advice = f'Look for databases named "{unverified_prefix(name)}…" on the target server and drop them'
    if isinstance(request, RestoreRequest) and request.rename_schemas:
        advice += f', and for schemas named "{WORKING_SCHEMA}…" in {name}'
    remedy = f"{failure.remedy.rstrip('.')}. {advice}" if failure.remedy else advice
    return msgspec.structs.replace(failure, remedy=remedy)


def done_all_the_same(undone_by: str | None, reason: str) -> Failure:
    """The failure of a job that ended before it could tell that what it was to change is changed, for good."""
    error = WorkerDiedError(
        f"everything was done and committed; the job ended before it could tell of it: {reason}",
        remedy="do not run it again: look at the result, and run ANALYZE. "
        + (f"It is undone by: pantry-tui recovery rollback {undone_by}" if undone_by else "Nothing is kept to undo it"),
    )
    return Failure.of(error)


async def looked_up(request: JobRequest | None, job_id: str) -> Committed | None:
    """Whether a recovery or rollback whose end nobody saw is done; None: it is not, or nobody knows."""
    if not isinstance(request, RestoreRequest | RollbackRequest):
        return None
    from pantry_tui.recovery.outcome import is_committed  # the database driver, for a runner that may need none

    with contextlib.suppress(PantryError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            if await is_committed(request.target, job_id):
                return Committed(undone_by=job_id)
    return None


def _database_left(request: JobRequest | None) -> str | None:
    """What the database was to be called that the job may have left."""
    if isinstance(request, PlanRequest | ForeignPlanRequest):
        return None
    if isinstance(request, RestoreRequest | ForeignRestoreRequest):
        return request.target.name
    if isinstance(request, DrillRequest) and (server := database_of(request)) is not None:
        return drill_name(actual_database(server))
    return None


async def remove_rehearsal(request: JobRequest | None, directory: Path) -> None:
    """Removes what a drill that ended badly left of its private server; what cannot be removed the next drill tries."""
    if not isinstance(request, DrillRequest):
        return
    from pantry_tui.recovery.rehearsal import remove_abandoned  # the database driver, for a runner that may need none

    with contextlib.suppress(PantryError):
        await asyncio.to_thread(remove_abandoned, directory)
