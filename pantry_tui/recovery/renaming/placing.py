"""Renamed schemas in the database where they are to be: under working names, until they are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.errors import PrivilegeError, RefusedError
from pantry_tui.postgres.snapshot import Connection

_DATABASE_OWNER = "pg_database_owner"
_PRIVILEGES = """
SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END, a.privilege_type,
    a.is_grantable
FROM pg_catalog.pg_namespace n,
    pg_catalog.aclexplode(COALESCE(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a
WHERE n.nspname = %s AND a.grantee <> n.nspowner
"""
_PRIVILEGE_NAMES = frozenset({"USAGE", "CREATE"})
_OWNER = "SELECT pg_catalog.pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace WHERE nspname = %s"
_STANDING = """
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), pg_catalog.pg_has_role(datdba, 'USAGE')
FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""


class Grant(NamedTuple):
    """A privilege on a schema. ``grantee`` None: everybody."""

    grantee: str | None
    privilege: str
    may_pass_on: bool


async def require_place(connection: Connection, names: Sequence[str]) -> bool:
    """Checks that schemas can be made here, and that nothing has these names; returns whether the database is our own.

    Raises `RefusedError`, `PrivilegeError`, `psycopg.Error`.
    """
    query = "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s::pg_catalog.text[])"
    taken = [name for (name,) in await (await connection.execute(query, (list(names),))).fetchall()]
    if taken:
        raise RefusedError(
            f"database {connection.info.dbname} has a schema {taken[0]} already",
            remedy=f'choose another name, or remove it first: DROP SCHEMA "{taken[0]}" CASCADE',
        )
    may_create, is_own = await (await connection.execute(_STANDING)).fetchone() or (False, False)
    if not may_create:
        raise PrivilegeError(
            f"role {connection.info.user} may not create schemas in database {connection.info.dbname}",
            remedy=f'GRANT CREATE ON DATABASE "{connection.info.dbname}" TO "{connection.info.user}"',
        )
    return bool(is_own)


async def leave_to_us(connection: Connection, schema: str) -> None:
    """Makes a schema of the database's owner our own, where we could not give it to that role in the other database."""
    row = await (await connection.execute(_OWNER, (schema,))).fetchone()
    if row is not None and row[0] == _DATABASE_OWNER:
        statement = sql.SQL("ALTER SCHEMA {} OWNER TO CURRENT_USER")
        await connection.execute(statement.format(sql.Identifier(schema)))


async def privileges(connection: Connection, schema: str) -> list[Grant]:
    """What others than its owner may do with a schema.

    pg_dump writes those of the schema `public` as changes of what a new database has, whatever it is called now.
    """
    return [Grant(*row) for row in await (await connection.execute(_PRIVILEGES, (schema,))).fetchall()]


async def grant(connection: Connection, schema: str, grants: Sequence[Grant]) -> None:
    """Gives a schema these privileges and no others."""
    name = sql.Identifier(schema)
    await connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(name))
    for grantee, privilege, may_pass_on in grants:
        if privilege not in _PRIVILEGE_NAMES:
            continue
        to = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
        ending = sql.SQL(" WITH GRANT OPTION" if may_pass_on else "")
        statement = sql.SQL("GRANT {} ON SCHEMA {} TO {}").format(sql.SQL(privilege), name, to)
        await connection.execute(statement + ending)


async def give_names(connection: Connection, names: dict[str, str], grants: dict[str, list[Grant]]) -> None:
    """Gives schemas their names, all at once. Raises `RefusedError` where one was taken meanwhile, `psycopg.Error`."""
    await connection.execute("SET synchronous_commit = on")
    async with connection.transaction():
        for working, name in names.items():
            await grant(connection, working, grants[working])
            rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(working), sql.Identifier(name))
            try:
                await connection.execute(rename)
            except psycopg.errors.DuplicateSchema as error:
                raise RefusedError(
                    f"somebody has made a schema {name} meanwhile", remedy="choose another name, and try again"
                ) from error


async def remove(connection: Connection, schemas: Sequence[str]) -> None:
    """Removes schemas that this restore made, with all that is in them. Raises `psycopg.Error`."""
    for schema in schemas:
        await connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def drop_schema_statement(name: str) -> str:
    """The statement that removes a schema."""
    return 'DROP SCHEMA "' + name.replace('"', '""') + '" CASCADE'
