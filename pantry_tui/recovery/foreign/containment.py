"""The role that runs a foreign dump can do nothing outside of its database; before the commit that is looked at once more.

A dump may hold code: functions, triggers, DO blocks. SET ROLE and SET SESSION AUTHORIZATION can be undone by RESET from
within, so it is the role of the connection itself that must be harmless. What such a role may still do to itself and to other
databases that it owns (ALTER ROLE … PASSWORD, ALTER DATABASE … SET) shows in the locks that its transaction holds.
"""

from __future__ import annotations

from pantry_tui.errors import PrivilegeError, RefusedError
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.foreign.session import Session
from pantry_tui.recovery.requirements import quoted_identifier

# Roles that reach files, programs or sessions of others.
_DANGEROUS = """
SELECT r.rolname::text, r.rolname OPERATOR(pg_catalog.=) session_user,
    CASE WHEN r.rolsuper THEN 'a superuser' WHEN r.rolcreaterole THEN 'allowed to make roles'
        WHEN r.rolreplication THEN 'allowed to read everything by replication'
        ELSE 'allowed to reach files, programs or sessions of the server' END
FROM pg_catalog.pg_roles r
WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') AND (r.rolsuper OR r.rolcreaterole OR r.rolreplication
    OR r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend'))
ORDER BY 2 DESC, r.rolsuper DESC, 1 LIMIT 1
"""

# Locks on the tables that all databases share, but for the one that says who depends on which role.
_LOCKED_OUTSIDE = b"""
SELECT DISTINCT c.relname::pg_catalog.text
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.locktype OPERATOR(pg_catalog.=) 'relation'
    AND c.relisshared AND c.relkind OPERATOR(pg_catalog.=) 'r' AND c.relname OPERATOR(pg_catalog.<>) 'pg_shdepend'
    AND l.mode OPERATOR(pg_catalog.<>) 'AccessShareLock'
ORDER BY 1
"""
# GRANT lets go of its lock at once. What we see of a transaction that is not over is our own, or of a subtransaction of ours.
_GRANTED_OUTSIDE = b"""
SELECT DISTINCT written.name
FROM (SELECT 'pg_database', d.xmin FROM pg_catalog.pg_database d
    UNION ALL SELECT 'pg_tablespace', t.xmin FROM pg_catalog.pg_tablespace t) AS written(name, writer)
CROSS JOIN (SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text::pg_catalog.int8) AS us(number)
CROSS JOIN LATERAL (SELECT (written.writer::pg_catalog.text::pg_catalog.int8 - us.number) & 4294967295) AS later(distance)
WHERE later.distance < 2147483648
    AND pg_catalog.pg_xact_status((us.number + later.distance)::pg_catalog.text::pg_catalog.xid8) = 'in progress'
"""
_ROLES = b"""
SELECT r.rolname, pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') FROM pg_catalog.pg_roles r
"""


async def require_harmless(connection: Connection, name: str) -> None:
    """Raises `PrivilegeError` when the role of this connection could do harm outside of the database ``name``."""
    row = await (await connection.execute(_DANGEROUS)).fetchone()
    if row is None:
        return
    role, is_itself, why = row
    me = connection.info.user
    who = f"role {me} is {why}" if is_itself else f"role {me} is a member of {role}, which is {why}"
    raise PrivilegeError(
        f"{who}: a dump from an unknown hand may hold code, which would run with these rights",
        remedy="restore it as a role that owns the new database and nothing else: CREATE ROLE dump_reader LOGIN PASSWORD"
        f" '…'; CREATE DATABASE {quoted_identifier(name)} OWNER dump_reader TEMPLATE template0; and give --target"
        " postgresql://dump_reader@HOST/DATABASE, with the password in ~/.pgpass or PGPASSWORD",
    )


class Roles:
    """The roles of the server, and in whose name the connection may act."""

    def __init__(self, session: Session) -> None:
        found = session.rows(_ROLES)
        self.all = frozenset(name for name, _ in found if name is not None)
        self.ours = frozenset(name for name, member in found if name is not None and member == "t")


def require_nothing_outside(session: Session) -> None:
    """Before the commit, in the dump's own transaction: nothing is left that runs later, and nothing is written outside.

    A lock on a table is mostly held to the end of the transaction that wrote to it, and everybody may see it; where it is not,
    the rows say who wrote them. Raises `RefusedError`.
    """
    session.run(b"SET CONSTRAINTS ALL IMMEDIATE")  # deferred triggers run now
    session.run(b"CLOSE ALL")  # a cursor WITH HOLD would be read at the commit
    session.run(b"SET search_path = ''")
    written = [str(name) for query in (_LOCKED_OUTSIDE, _GRANTED_OUTSIDE) for (name,) in session.rows(query)]
    if written:
        raise RefusedError(
            f"code of the dump wrote outside of its database: to {', '.join(written)}",
            remedy="nothing of it is kept. Do not trust where this dump came from",
        )
