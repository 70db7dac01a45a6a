"""Asking a server whether the next backup could be taken: in a time that does not go beyond all bounds."""

from __future__ import annotations

import asyncio

from pantry_tui.config.targets import connection_parameters
from pantry_tui.errors import ConfigError
from pantry_tui.models import DatabaseTarget
from pantry_tui.monitoring.facts import ServerSeen
from pantry_tui.postgres.connect import address
from pantry_tui.postgres.diagnose import examine_database

CONNECT_SECONDS = 5
ANSWER_SECONDS = 20.0


async def look_at_server(target: DatabaseTarget, *, seconds: float = ANSWER_SECONDS) -> ServerSeen:
    """What examining the database finds; without findings it did not answer in that time."""
    cause = server_of(target)
    try:
        async with asyncio.timeout(seconds):
            findings = await examine_database(target, application="health", connect_timeout=CONNECT_SECONDS)
    except TimeoutError:
        return ServerSeen(database=target.name, cause=cause)
    return ServerSeen(database=target.name, cause=cause, findings=tuple(findings))


def server_of(target: DatabaseTarget) -> str:
    """Which server a database is on, as libpq is told; empty where that cannot be read."""
    try:
        parameters = connection_parameters(target.conninfo, key=f"the connection of {target.name}")
    except ConfigError:
        return ""
    return address(parameters, target.environment)
