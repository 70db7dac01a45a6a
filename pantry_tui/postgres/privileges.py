"""Whether a role sees everything that a backup must hold, and the SQL that makes a role which does.

`pg_read_all_data` covers tables, sequences and schemas, but neither row-level security nor large objects (seen on 15 to
18).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from pantry_tui.errors import PrivilegeError
from pantry_tui.models import Finding, FindingStatus, Model

DEFAULT_ROLE = "pantry_backup"
_NAMES_SHOWN = 5

# Tables, sequences and materialised views of users; members of extensions are pg_dump's affair.
_RELATIONS = """
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
UNREADABLE = f"""
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) {_RELATIONS}
AND c.relkind IN ('r', 'p', 'S', 'm') AND NOT (
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind
        WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
        ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)
ORDER BY 1
"""
ROW_SECURITY = f"""
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) {_RELATIONS}
AND c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid) ORDER BY 1
"""
LARGE_OBJECTS = """
SELECT l.oid::text FROM pg_catalog.pg_largeobject_metadata l
WHERE NOT pg_catalog.current_setting('is_superuser')::bool
AND NOT pg_catalog.current_setting('lo_compat_privileges')::bool
AND NOT pg_catalog.pg_has_role(l.lomowner, 'USAGE')
AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT'
    AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))
ORDER BY l.oid
"""


_CREATE_ROLE = (
    sql.SQL("CREATE ROLE {role} LOGIN BYPASSRLS;"),
    sql.SQL("ALTER ROLE {role} SET default_transaction_read_only = on;"),
    sql.SQL("GRANT pg_read_all_data TO {role};"),
    sql.SQL("GRANT CONNECT ON DATABASE {database} TO {role};"),
)
_GRANT_LARGE_OBJECTS = sql.SQL(
    "DECLARE lo oid; BEGIN FOR lo IN SELECT oid FROM pg_catalog.pg_largeobject_metadata LOOP "
    "EXECUTE pg_catalog.format('GRANT SELECT ON LARGE OBJECT %s TO %I', lo, {}); END LOOP; END"
)


class Sight(Model, frozen=True, kw_only=True):
    """What a role cannot see whole in one database."""

    role: str
    superuser: bool
    unreadable: tuple[str, ...]
    row_security: tuple[str, ...]
    large_objects: tuple[str, ...]
    role_passwords: bool  # readable


def sight_findings(sight: Sight, *, database: str, subject: str, role: str) -> list[Finding]:
    """The findings about a role; ``role`` is the name that the SQL of the remedies uses."""
    findings: list[Finding] = []
    for check, names, what, remedy in (
        ("privileges", sight.unreadable, "may not read", "Grant it pg_read_all_data"),
        ("row_security", sight.row_security, "sees only some rows of", "Give it BYPASSRLS"),
        ("large_objects", sight.large_objects, "may not read the large objects", "Grant it SELECT on each of them"),
    ):
        if names:
            message = f"Role {sight.role} {what} {listed(names)}"
            # The same statements mend all of them: they stand at the first
            mend = None if findings else backup_role_sql(role, database)
            instead = f"{remedy}, or use a backup role{' as above' if findings else ''}."
            findings.append(_finding(check, subject, FindingStatus.PROBLEM, message, instead, mend))
    if not findings:
        whole = "is a superuser" if sight.superuser else "sees every table, row, sequence and large object"
        findings.append(_finding("privileges", subject, FindingStatus.OK, f"Role {sight.role} {whole}"))
    if not sight.role_passwords:
        message = f"Role {sight.role} may not read the passwords of roles: they are left out of the backup"
        remedy = "Grant it pg_read_all_data, or set them anew after a disaster."
        findings.append(_finding("role_passwords", subject, FindingStatus.WARNING, message, remedy))
    return findings


async def require_large_objects(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raises `PrivilegeError` naming large objects that the role may not read: found out before the rows are, not after."""
    unreadable = [str(oid) for (oid,) in await (await connection.execute(LARGE_OBJECTS)).fetchall()]
    if unreadable:
        role = connection.info.user
        raise PrivilegeError(
            f"role {role} may not read large objects of the database: {listed(unreadable)}",
            remedy=f"let a superuser run {large_object_sql(role)} or back up chosen schemas, to which no large object belongs",
        )


def backup_role_sql(role: str, database: str) -> str:
    """The statements that create a least-privilege backup role; for PostgreSQL 14 and newer, run by a superuser."""
    names = {"role": sql.Identifier(role), "database": sql.Identifier(database)}
    comment = "-- As a superuser, connected to the database. Then set a password that no log shows: \\password "
    return "\n".join(
        (
            comment + " ".join(role.split()),
            *(statement.format(**names).as_string() for statement in _CREATE_ROLE),
            "-- pg_read_all_data does not cover large objects. Run this again after new ones were created:",
            large_object_sql(role),
        )
    )


def large_object_sql(role: str) -> str:
    """The statement that lets ``role`` read every large object of the database it is run in."""
    body = _GRANT_LARGE_OBJECTS.format(sql.Literal(role)).as_string()
    return f"DO {sql.Literal(body).as_string()};" if "$" in role else f"DO $$ {body} $$;"


def listed(names: Sequence[str]) -> str:
    """The first names and how many more there are."""
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _finding(
    check: str,
    subject: str,
    status: FindingStatus,
    message: str,
    remedy: str | None = None,
    mend: str | None = None,
) -> Finding:
    return Finding(check=check, subject=subject, status=status, message=message, remedy=remedy, sql=mend)
