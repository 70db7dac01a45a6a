"""What a job that was killed may have left behind, which its process can no more say."""

from __future__ import annotations

import msgspec

from pantry_tui.models import Failure, ForeignRestoreRequest, JobRequest, RestoreRequest
from pantry_tui.postgres.unverified import unverified_prefix


def with_leftovers(failure: Failure, request: JobRequest | None) -> Failure:
    """The failure of a killed job, with a remedy that names what to look for."""
    if not isinstance(request, RestoreRequest | ForeignRestoreRequest):
        return failure
    prefix = unverified_prefix(request.target.name)
    advice = f'Look for databases named "{prefix}…" on the target server and drop them'
    remedy = f"{failure.remedy.rstrip('.')}. {advice}" if failure.remedy else advice
    return msgspec.structs.replace(failure, remedy=remedy)
