"""Examining a database before a backup has to: can it be reached, read whole and dumped, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pantry_tui.errors import PantryError
from pantry_tui.models import DatabaseTarget, Finding, FindingStatus, Model
from pantry_tui.postgres.advisories import known_holes
from pantry_tui.postgres.connect import connect, server_error
from pantry_tui.postgres.pooling import share_sessions
from pantry_tui.postgres.privileges import (
    DEFAULT_ROLE,
    LARGE_OBJECTS,
    ROW_SECURITY,
    UNREADABLE,
    Sight,
    listed,
    sight_findings,
)
from pantry_tui.postgres.tools import ClientTools, find_client_tools, version_text
from pantry_tui.postgres.unverified import abandoned_databases, drop_statement

OLDEST_TESTED = 140000
_POOLER_PORT = 6543
# Tables are locked by our coordinator and by pg_dump; each worker locks those that it copies.
_LOCKS_PER_TABLE = 3

_FACTS = """
SELECT pg_catalog.current_database() AS database, pg_catalog.current_setting('server_version_num')::int AS version_num,
    pg_catalog.current_setting('server_version') AS version, pg_catalog.current_setting('server_encoding') AS encoding,
    pg_catalog.pg_is_in_recovery() AS standby, CURRENT_USER::text AS role,
    pg_catalog.current_setting('is_superuser')::bool AS superuser,
    pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS role_passwords,
    pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes,
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class
        WHERE relkind IN ('r', 'p', 'm') AND relpersistence <> 't' AND oid >= 16384) AS tables,
    pg_catalog.current_setting('max_locks_per_transaction')::int AS locks_per_transaction,
    pg_catalog.current_setting('max_connections')::int
        + pg_catalog.current_setting('max_prepared_transactions')::int AS sessions
"""
_LONG_TRANSACTIONS = """
SELECT pg_catalog.format('%s (%s, %s min)', pid, coalesce(usename, '?'),
    (EXTRACT(epoch FROM pg_catalog.now() - xact_start) / 60)::int)
FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'
AND datname = pg_catalog.current_database() AND xact_start < pg_catalog.now() - interval '1 hour'
ORDER BY xact_start
"""
_PREPARED_TRANSACTIONS = """
SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared
"""


class Facts(Model, frozen=True, kw_only=True):
    """What a server says about itself, the database and the role."""

    database: str
    version_num: int
    version: str
    encoding: str
    standby: bool
    role: str
    superuser: bool
    role_passwords: bool
    bytes: int
    tables: int
    locks_per_transaction: int
    sessions: int


async def examine_database(
    target: DatabaseTarget,
    *,
    role: str = DEFAULT_ROLE,
    free_bytes: int | None = None,
    application: str = "doctor",
    connect_timeout: int = 10,
) -> list[Finding]:
    """Everything there is to say about a database. A server that does not answer is a finding, not an error.

    ``role`` is the name that the SQL of the remedies gives to a backup role; ``free_bytes`` the room for backups;
    ``connect_timeout`` in seconds counts where the target sets none.
    """
    try:
        async with await connect(target, application=application, connect_timeout=connect_timeout) as connection:
            await connection.execute("SET search_path = ''; SET statement_timeout = '60s'")
            facts = Facts.from_builtins((await _rows(connection, _FACTS))[0])
            return [
                _reachable(facts, target.name),
                *await _pooler(connection, target),
                *await _client_tools(facts, target),
                *_encoding(facts, target.name),
                *_standby(facts, target.name),
                *await _sight(connection, facts, target.name, role),
                *await _transactions(connection, target.name),
                _locks(facts, target.name),
                *_room(facts, target.name, free_bytes),
                *await _unverified(connection, target.name),
            ]
    except psycopg.Error as error:
        return [_from_error("examination", target.name, server_error(error, doing=f"examining {target.name}"))]
    except PantryError as error:
        return [_from_error("reachable", target.name, error)]


def _finding(
    check: str, subject: str, message: str, *, status: FindingStatus = FindingStatus.OK, remedy: str | None = None
) -> Finding:
    return Finding(check=check, subject=subject, status=status, message=message, remedy=remedy)


def _warning(check: str, subject: str, message: str, remedy: str) -> Finding:
    return _finding(check, subject, message, status=FindingStatus.WARNING, remedy=remedy)


def _from_error(check: str, subject: str, error: PantryError) -> Finding:
    return _finding(check, subject, error.message, status=FindingStatus.PROBLEM, remedy=error.remedy)


async def _rows(connection: psycopg.AsyncConnection[Any], query: str) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode())
        return [{name: _decoded(value) for name, value in row.items()} for row in await cursor.fetchall()]


def _decoded(value: object) -> object:
    """Texts of an SQL_ASCII database come as bytes."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


async def _names(connection: psycopg.AsyncConnection[Any], query: str) -> tuple[str, ...]:
    return tuple(str(next(iter(row.values()))) for row in await _rows(connection, query))


def _reachable(facts: Facts, subject: str) -> Finding:
    message = f"Database {facts.database} answers: PostgreSQL {facts.version}, role {facts.role}"
    if facts.version_num < OLDEST_TESTED:
        remedy = f"Upgrade: nothing before PostgreSQL {OLDEST_TESTED // 10000} is tested."
        return _warning("reachable", subject, message, remedy)
    return _finding("reachable", subject, message)


async def _pooler(connection: psycopg.AsyncConnection[Any], target: DatabaseTarget) -> list[Finding]:
    seen = [(await _rows(connection, "SELECT pg_catalog.pg_backend_pid() AS pid"))[0]["pid"] for _ in range(3)]
    shared = False
    if set(seen) != {connection.info.backend_pid}:
        async with await connect(target, application="doctor") as other:
            shared = await share_sessions(connection, other)
    return pooler_findings(seen, connection.info.backend_pid, connection.info.port, target.name, shared=shared)


def pooler_findings(
    seen: Sequence[int], announced: int, port: int, subject: str, *, shared: bool = False
) -> list[Finding]:
    """A pooler shows by a server process (``seen``) that is not the ``announced`` one, or that changes.

    ``shared``: another connection was given the same session.
    """
    if shared or len(set(seen)) > 1 or port == _POOLER_PORT:
        message = "A connection pooler in transaction mode stands before the server: it cannot hold a snapshot"
        remedy = "Connect directly or in session mode (Supabase: port 5432, not 6543)."
        return [_finding("pooler", subject, message, status=FindingStatus.PROBLEM, remedy=remedy)]
    if set(seen) != {announced}:
        message = "A connection pooler stands before the server, in session mode as far as can be seen"
        return [_warning("pooler", subject, message, "Connect directly if you can: restores need that.")]
    return []


async def _client_tools(facts: Facts, target: DatabaseTarget) -> list[Finding]:
    try:
        tools = await find_client_tools(facts.version_num, directory=target.client_tools)
    except PantryError as error:
        return [_from_error("client_tools", target.name, error)]
    message = f"Client tools {tools.version} in {tools.directory} ({tools.source})"
    major = version_text(facts.version_num).partition(".")[0]
    found = [
        _warning("client_tools", target.name, text, f"Install postgresql-client-{major}.") for text in tools.warnings
    ]
    return [*(found or [_finding("client_tools", target.name, message)]), *_holes(tools, target.name)]


def _holes(tools: ClientTools, subject: str) -> list[Finding]:
    holes = known_holes(tools.version_num)
    if not holes:
        return []
    what = "; ".join(f"{hole.name}: {hole.danger}" for hole in holes)
    major = version_text(tools.version_num).partition(".")[0]
    remedy = f"Upgrade postgresql-client-{major} to its newest minor version."
    return [
        _warning("client_tools_security", subject, f"Client tools {tools.version} have known holes ({what})", remedy)
    ]


def _encoding(facts: Facts, subject: str) -> list[Finding]:
    if facts.encoding != "SQL_ASCII":
        return [_finding("encoding", subject, f"Encoding {facts.encoding}")]
    message = "The encoding is SQL_ASCII: the server has never checked its texts, which may mix encodings"
    remedy = "Backups keep the bytes as they are; restore into SQL_ASCII only."
    return [_warning("encoding", subject, message, remedy)]


def _standby(facts: Facts, subject: str) -> list[Finding]:
    if not facts.standby:
        return []
    message = "This is a standby: it may cancel long reads, and unlogged tables cannot be read on it"
    remedy = "Set hot_standby_feedback = on and raise max_standby_streaming_delay, or back up the primary."
    return [_warning("standby", subject, message, remedy)]


async def _sight(connection: psycopg.AsyncConnection[Any], facts: Facts, subject: str, role: str) -> list[Finding]:
    sight = Sight(
        role=facts.role,
        superuser=facts.superuser,
        unreadable=await _names(connection, UNREADABLE),
        row_security=await _names(connection, ROW_SECURITY),
        large_objects=await _names(connection, LARGE_OBJECTS),
        role_passwords=facts.role_passwords,
    )
    return sight_findings(sight, database=facts.database, subject=subject, role=role)


async def _transactions(connection: psycopg.AsyncConnection[Any], subject: str) -> list[Finding]:
    findings = []
    if running := await _names(connection, _LONG_TRANSACTIONS):
        message = f"Transactions open for over an hour: {listed(running)}"
        remedy = "They hold locks and keep vacuum from cleaning up: end them, or SELECT pg_terminate_backend(pid)."
        findings.append(_warning("long_transactions", subject, message, remedy))
    if prepared := await _names(connection, _PREPARED_TRANSACTIONS):
        message = f"Prepared transactions hold locks, and no backup has their rows: {listed(prepared)}"
        remedy = "COMMIT PREPARED or ROLLBACK PREPARED each of them."
        findings.append(_warning("prepared_transactions", subject, message, remedy))
    return findings


def _locks(facts: Facts, subject: str) -> Finding:
    """The lock table has room for max_locks_per_transaction times every possible session, shared by all."""
    capacity, needed = facts.locks_per_transaction * facts.sessions, facts.tables * _LOCKS_PER_TABLE
    if needed <= capacity // 2:
        return _finding("locks", subject, f"{facts.tables} tables, room for {capacity} locks")
    wanted = max(64, 1 << (2 * needed // facts.sessions).bit_length())
    return Finding(
        check="locks",
        subject=subject,
        status=FindingStatus.PROBLEM if needed > capacity else FindingStatus.WARNING,
        message=f"A backup may take {needed} locks ({facts.tables} tables), and the server has room for {capacity}",
        remedy="Raise max_locks_per_transaction; it needs a restart of the server.",
        sql=f"ALTER SYSTEM SET max_locks_per_transaction = {wanted};",
    )


def _room(facts: Facts, subject: str, free_bytes: int | None) -> list[Finding]:
    if free_bytes is None or free_bytes >= facts.bytes:
        return []
    message = f"The database has {facts.bytes / 1024**3:,.1f} GiB, the repository {free_bytes / 1024**3:,.1f} GiB free"
    return [_warning("room", subject, message, "Compressed rows take about a quarter; free space before it runs out.")]


async def _unverified(connection: psycopg.AsyncConnection[Any], subject: str) -> list[Finding]:
    names = await abandoned_databases(connection)
    if not names:
        return []
    return [
        Finding(
            check="unverified_databases",
            subject=subject,
            status=FindingStatus.WARNING,
            message=f"Restores left databases that were never proven, and nobody is connected: {listed(names)}",
            remedy="Drop them when you have seen why.",
            sql="\n".join(map(drop_statement, names)),
        )
    ]
