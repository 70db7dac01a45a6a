"""Connection poolers: harmless where each connection keeps a session of the server, useless for a snapshot where not.

A pooler announces a process of its own making (pgbouncer does in every mode), so that alone says only that there is one.
In transaction mode a session that one connection leaves idle is what the next one gets: two connections of ours see it.
"""

from __future__ import annotations

from typing import Any

import psycopg

from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import connect, pooler_between

Connection = psycopg.AsyncConnection[Any]

_PROBES = 3


async def require_own_session(connection: Connection, target: DatabaseTarget) -> int:
    """The process of the server's session behind ``connection``, which is in no transaction.

    Raises `ServerError` where a pooler shares sessions between connections.
    """
    process = await _process(connection)
    if process != connection.info.backend_pid:
        async with await connect(target, application="pooler check") as other:
            if await share_sessions(connection, other):
                raise pooler_between()
    return process


async def require_same_session(connection: Connection, process: int) -> None:
    """Raises `ServerError` when a statement reaches another session than that."""
    if await _process(connection) != process:
        raise pooler_between()


async def share_sessions(one: Connection, other: Connection) -> bool:
    """Whether two connections, in no transaction, are given each other's sessions; or may have no transaction at all."""
    for _ in range(_PROBES):
        before = await _process(one)
        try:
            await other.execute("BEGIN")
            theirs = await _process(other)
            after = await _process(one)
            await other.execute("ROLLBACK")
        except psycopg.errors.ProtocolViolation:  # statement mode
            return True
        if before != after or theirs == before:
            return True
    return False


async def _process(connection: Connection) -> int:
    row = await (await connection.execute("SELECT pg_catalog.pg_backend_pid()")).fetchone()
    return 0 if row is None else int(row[0])
