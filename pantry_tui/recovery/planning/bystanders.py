"""Who else is concerned by a recovery: what depends on its tables, and who is using them at this moment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence

from psycopg import sql

from pantry_tui.models import Dependent, LockHolder, PlannedLocks, RecoveryWay
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.planning.ground import Ground
from pantry_tui.recovery.requirements import quoted_identifier
from pantry_tui.recovery.set_aside import SetAside

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")

_VIEWS = """
SELECT DISTINCT v.relkind::pg_catalog.text, n.nspname::pg_catalog.text, v.relname::pg_catalog.text, d.refobjid::pg_catalog.int8
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.refobjid = ANY (%s::pg_catalog.oid[]) AND v.relkind IN ('v', 'm')
ORDER BY 2, 3
"""
_HOLDERS = """
SELECT a.pid, COALESCE(a.usename::pg_catalog.text, ''), COALESCE(a.application_name, ''), COALESCE(a.state, ''),
    l.mode, n.nspname::pg_catalog.text || '.' || c.relname::pg_catalog.text,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() - COALESCE(a.xact_start, a.backend_start))::pg_catalog.float8
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY (%s::pg_catalog.oid[]) AND l.pid <> pg_catalog.pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
ORDER BY 7 DESC, 1, 6
"""
_SESSIONS = """
SELECT pid, COALESCE(usename::pg_catalog.text, ''), COALESCE(application_name, ''), COALESCE(state, ''), NULL, NULL,
    EXTRACT(epoch FROM pg_catalog.clock_timestamp() - COALESCE(xact_start, backend_start))::pg_catalog.float8
FROM pg_catalog.pg_stat_activity
WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid() AND COALESCE(backend_type, 'client backend') = 'client backend'
ORDER BY pid
"""
_NAMES = """
SELECT n.nspname::pg_catalog.text || '.' || c.relname::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) ORDER BY 1
"""


async def dependents(connection: Connection, tables: Sequence[SourceTable]) -> list[Dependent]:
    """What outside of these tables depends on them: foreign keys of other tables, and views. Raises `psycopg.Error`."""
    names = {table.oid: table.qualified_name for table in tables}
    aside = await SetAside.find(connection, list(names))
    found = [
        Dependent(
            kind="foreign key",
            name=key.title,
            table=f"{key.referenced_schema}.{key.referenced_table}",
            offer=table_option(key.schema, key.table),
        )
        for key in aside.keys
        if key.table_oid not in names
    ]
    for kind, schema, name, oid in await (await connection.execute(_VIEWS, (list(names),))).fetchall():
        view = f"{quoted_identifier(schema)}.{quoted_identifier(name)}"
        found.append(
            Dependent(
                kind="materialized view" if kind == "m" else "view",
                name=f"{schema}.{name}",
                table=names[oid],
                offer=f"REFRESH MATERIALIZED VIEW {view};" if kind == "m" else None,
            )
        )
    return found


def table_option(schema: str, name: str) -> str:
    """The option that takes a table in, for a shell."""
    parts = [part if _PLAIN.fullmatch(part) else quoted_identifier(part) for part in (schema, name)]
    return f"-t {shlex.quote('.'.join(parts))}"


async def locks(ground: Ground, tied: Collection[int]) -> PlannedLocks:
    """What is locked while the recovery works, and who holds what conflicts with that now.

    ``tied``: oids of the selected tables and of those that foreign keys tie to them. Raises `psycopg.Error`.
    """
    if ground.way in (RecoveryWay.IN_PLACE, RecoveryWay.EMPTY_TABLES):
        names = [name for (name,) in await (await ground.connection.execute(_NAMES, (list(tied),))).fetchall()]
        wait = ground.request.lock_timeout_seconds if ground.way is RecoveryWay.IN_PLACE else None
        return PlannedLocks(
            words="ACCESS EXCLUSIVE on these tables while rows are exchanged: nobody reads or writes them; not before, "
            "while the backup's rows are brought"
            if ground.way is RecoveryWay.IN_PLACE
            else "ACCESS EXCLUSIVE on these tables, from the beginning to the end: nobody reads or writes them",
            tables=tuple(names),
            holders=await _holders(ground.connection, sql.SQL(_HOLDERS), list(tied)),
            wait_seconds=wait,
        )
    if ground.way is RecoveryWay.SIDE_BY_SIDE:
        return PlannedLocks(
            words="none until the names are exchanged: then every session of the database is ended, and new ones wait for "
            "a moment",
            holders=await _holders(ground.connection, sql.SQL(_SESSIONS), ground.name),
        )
    if ground.exists:
        return PlannedLocks(words="none that anybody else waits for: nobody uses what is made")
    return PlannedLocks(words="none that anybody else waits for: nobody uses the database that is filled")


async def _holders(connection: Connection, query: sql.SQL, of: object) -> tuple[LockHolder, ...]:
    rows = await (await connection.execute(query, (of,))).fetchall()
    return tuple(
        LockHolder(pid=pid, role=role, application=application, state=state, mode=mode, table=table, seconds=seconds)
        for pid, role, application, state, mode, table, seconds in rows
    )
