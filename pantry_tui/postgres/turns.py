"""One backup of a database at a time, whoever takes it, from whichever host: an advisory lock of the server.

It belongs to the backup's own session and ends with it, however that ends, so it can never be stale (PostgreSQL documentation,
13.3.5). Such locks are those of one database; a standby has its own.
"""

from __future__ import annotations

from typing import Any

import psycopg

from pantry_tui.errors import BackupUnderWayError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.pooling import require_own_session, require_same_session

Connection = psycopg.AsyncConnection[Any]

_KIND = 0x50414E54  # "PANT": of all advisory locks, those of this program
_LOCK = "SELECT pg_catalog.pg_advisory_lock(%s, pg_catalog.hashtext(pg_catalog.current_database()))"
_HOLDERS = """
SELECT activity.pid, COALESCE(activity.usename::text, ''), COALESCE(activity.client_addr::text, 'the server itself'),
    pg_catalog.to_char(activity.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
FROM pg_catalog.pg_locks AS held JOIN pg_catalog.pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.classid = %s AND held.granted
    AND held.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
"""


async def take_turn(connection: Connection, target: DatabaseTarget, *, seconds: float) -> None:
    """Waits at most ``seconds`` until no other backup of the database is at work, and keeps others from it.

    ``connection`` is in no transaction; the turn lasts as long as it. Raises `BackupUnderWayError`, naming who is at it, and
    `ServerError` where a pooler shares sessions: the lock would stay with one of its own, and keep every later backup out.
    """
    process = await require_own_session(connection, target)
    await connection.execute(f"SET lock_timeout = {int(seconds * 1000)}".encode())
    try:
        await connection.execute(_LOCK, (_KIND,))
    except psycopg.errors.LockNotAvailable:
        raise BackupUnderWayError(
            f"another backup of {target.name} is at work",
            remedy="wait until it is done; where two hosts back up the same database, let them do it at different times",
            detail=await _holders(connection),
        ) from None
    await require_same_session(connection, process)
    await connection.execute("SET lock_timeout = 0")


async def _holders(connection: Connection) -> str | None:
    rows = await (await connection.execute(_HOLDERS, (_KIND,))).fetchall()
    return "\n".join(f"pid {pid}, role {role}, from {host}, since {since}" for pid, role, host, since in rows) or None
