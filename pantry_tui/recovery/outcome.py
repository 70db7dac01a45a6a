"""What became of a recovery or rollback whose process ended before it could say so: its checkpoint is there, or it is not."""

from __future__ import annotations

import psycopg

from pantry_tui.config.targets import actual_database
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import server_error
from pantry_tui.recovery.database import NO_ENTRY, maintenance_session, writable_session
from pantry_tui.recovery.in_place.checkpoint import checkpoints
from pantry_tui.recovery.kept import kept_databases


async def is_committed(target: DatabaseTarget, recovery_id: str) -> bool:
    """Whether something is kept that undoes it: that is committed together with what it changed.

    False says nothing of one that kept nothing. Raises `ServerError` and its kin.
    """
    try:
        async with await writable_session(target) as connection:
            if any(checkpoint.recovery_id == recovery_id for checkpoint in await checkpoints(connection)):
                return True
        try:
            maintenance = await maintenance_session(target)
        except NO_ENTRY:  # no other database that this role may enter: none was exchanged from here either
            return False
        async with maintenance as connection:
            databases = await kept_databases(connection, actual_database(target))
    except psycopg.Error as error:
        raise server_error(error, doing="looking for what a recovery has left") from error
    return any(kept.record.recovery_id == recovery_id for kept in databases)
