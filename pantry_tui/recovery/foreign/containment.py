"""The role that runs a foreign dump can do nothing outside of its database; before the commit that is looked at once more.

A dump may hold code: functions, triggers, DO blocks. SET ROLE and SET SESSION AUTHORIZATION can be undone by RESET from
within, so it is the role of the connection itself that must be harmless. What such a role may still do to itself and to other
databases that it owns (ALTER ROLE … PASSWORD, ALTER DATABASE … SET) shows in the locks that its transaction holds.
"""

from __future__ import annotations

from pantry_tui.errors import PrivilegeError, RefusedError
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.foreign.session import Session, StatementError
from pantry_tui.recovery.requirements import quoted_identifier

# Roles that reach files, programs or sessions of others.
_DANGEROUS = """
SELECT r.rolname::text, r.rolname OPERATOR(pg_catalog.=) session_user,
    CASE WHEN r.rolsuper THEN 'a superuser' WHEN r.rolcreaterole THEN 'allowed to make roles'
        WHEN r.rolreplication THEN 'allowed to read everything by replication'
        ELSE 'allowed to reach files, programs or sessions of the server' END
FROM pg_catalog.pg_roles r
WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER') AND (r.rolsuper OR r.rolcreaterole OR r.rolreplication
    OR r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend',
        'pg_create_subscription'))
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
# GRANT lets go of its lock at once; what it writes are privileges. The third has rows since release 15.
_PRIVILEGES = (
    b"SELECT 'pg_database', datname, datacl::pg_catalog.text FROM pg_catalog.pg_database",
    b"SELECT 'pg_tablespace', spcname, spcacl::pg_catalog.text FROM pg_catalog.pg_tablespace",
    b"SELECT 'pg_parameter_acl', parname, paracl::pg_catalog.text FROM pg_catalog.pg_parameter_acl",
)
_WITH_PARAMETERS = 150000
# What else of the role's own stands outside of a database, and of databases that it may alter.
_OWN = (
    b"""SELECT 'pg_authid', rolname, pg_catalog.concat_ws(' ', rolconnlimit, rolvaliduntil) FROM pg_catalog.pg_roles
    WHERE rolname OPERATOR(pg_catalog.=) session_user""",
    b"""SELECT 'pg_db_role_setting', pg_catalog.concat_ws(' ', s.setdatabase, s.setrole), s.setconfig::pg_catalog.text
    FROM pg_catalog.pg_db_role_setting s
    LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.setrole
    LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
    WHERE r.rolname OPERATOR(pg_catalog.=) session_user OR pg_catalog.pg_has_role(session_user, d.datdba, 'MEMBER')""",
    b"""SELECT 'pg_shdescription', datname, pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database
    WHERE pg_catalog.pg_has_role(session_user, datdba, 'MEMBER')""",
)
# Where something may wait for the commit, and a statement that changes nothing, which the server refuses where it does.
_DEFERRABLE = b"""
SELECT DISTINCT n.nspname, c.relname
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE t.tgdeferrable ORDER BY 1, 2
"""
_NOTHING = "ALTER TABLE ONLY {} DROP CONSTRAINT IF EXISTS {}"
_NO_CONSTRAINT = "pantry-tui: no constraint"
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


class Outside:
    """What is outside of the dump's database, as it was when the dump's transaction began."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._before = self._privileges()
        self._own_before = self._own()

    def require_untouched(self) -> None:
        """Before the commit, in the same transaction: nothing is left that runs later, and nothing is written outside.

        A lock on a table is mostly held to the end of the transaction that wrote to it, and everybody may see it; where it is
        not, privileges are compared. Raises `RefusedError`.
        """
        self._session.run(b"SET CONSTRAINTS ALL IMMEDIATE")  # deferred triggers run now
        self._require_nothing_pending()
        self._session.run(b"CLOSE ALL")  # a cursor WITH HOLD would be read at the commit
        self._session.run(b"SET search_path = ''")
        written = {str(name) for (name,) in self._session.rows(_LOCKED_OUTSIDE)}
        for (catalog, name), privileges in self._privileges().items():
            if self._before.get((catalog, name), privileges) != privileges:
                written.add(catalog)
        if written:
            raise RefusedError(
                f"code of the dump wrote outside of its database: to {', '.join(sorted(written))}",
                remedy="nothing of it is kept. Do not trust where this dump came from",
            )

    def require_still_untouched(self) -> None:
        """After the commit: what may be compared is as it was, whatever ran meanwhile. Raises `RefusedError`."""
        before, now = self._before | self._own_before, self._privileges() | self._own()
        changed = {catalog for catalog, name in before.keys() | now.keys() if _differ(before, now, (catalog, name))}
        if changed:
            raise RefusedError(
                f"while the dump was committed something was written outside of its database: to {', '.join(sorted(changed))}",
                remedy="look at the settings, privileges and comments there; if nobody else changed them, it was code of the "
                "dump. Do not trust where it came from",
            )

    def _require_nothing_pending(self) -> None:
        """A deferred trigger may defer again what it does: that would run in the commit, behind every look at it."""
        for schema, table in self._session.rows(_DEFERRABLE):
            name = f"{quoted_identifier(str(schema))}.{quoted_identifier(str(table))}"
            statement = _NOTHING.format(name, quoted_identifier(_NO_CONSTRAINT))
            try:
                self._session.run(statement.encode(errors="surrogateescape"))
            except StatementError as failure:
                raise RefusedError(
                    "code of the dump may wait for the commit, where nobody could see what it does: a deferred trigger of "
                    f"{name} is pending",
                    remedy="nothing of it is kept. Do not trust where this dump came from",
                    detail=failure.error.detail,
                ) from failure

    def _own(self) -> dict[tuple[str, str], str | None]:
        rows = [row for query in _OWN for row in self._session.rows(query)]
        return {(str(catalog), str(name)): value for catalog, name, value in rows}

    def _privileges(self) -> dict[tuple[str, str], str | None]:
        queries = _PRIVILEGES if self._session.server_version >= _WITH_PARAMETERS else _PRIVILEGES[:2]
        rows = [row for query in queries for row in self._session.rows(query)]
        return {(str(catalog), str(name)): privileges for catalog, name, privileges in rows}


def _differ(
    before: dict[tuple[str, str], str | None], now: dict[tuple[str, str], str | None], key: tuple[str, str]
) -> bool:
    """Whether a value changed, or is new or gone; a database that others made or dropped meanwhile is none."""
    if key[0] == "pg_db_role_setting":
        return before.get(key) != now.get(key)
    return key in before and key in now and before[key] != now[key]
