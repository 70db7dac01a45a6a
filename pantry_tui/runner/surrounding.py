"""What the configuration wants around a job that a person starts."""

from __future__ import annotations

import msgspec

from pantry_tui.config import Config
from pantry_tui.models import (
    Around,
    BackupRequest,
    CopyRequest,
    DrillRequest,
    ForeignRestoreRequest,
    JobRequest,
    PlanRequest,
    RestoreRequest,
    RollbackRequest,
    ValidateRequest,
)


def surrounded(request: JobRequest, config: Config) -> JobRequest:
    """The request with what its database's configuration wants around it, unless it says so itself.

    Raises `NotFoundError` for somebody to be told who is not configured.
    """
    if isinstance(request, PlanRequest):
        return request
    if isinstance(request, BackupRequest):
        own = config.around_backup(request.database.name)
        around = msgspec.structs.replace(own, copies=config.copies_of(request.repository))
    elif isinstance(request, RestoreRequest | ForeignRestoreRequest | RollbackRequest):
        around = config.around_recovery(request.target.name)
    elif isinstance(request, CopyRequest | DrillRequest | ValidateRequest):
        around = config.around_examination()
    else:
        return request
    return msgspec.structs.replace(request, around=around) if request.around == Around() else request
