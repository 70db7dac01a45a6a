"""What a recovery is called."""

from __future__ import annotations

import secrets
from datetime import datetime


def new_recovery_id(started_at: datetime) -> str:
    """A new id of a recovery that began then; like a job's, whose id recoveries by the runner have."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
