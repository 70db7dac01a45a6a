"""The database that a foreign dump fills: a new one in the dump's own encoding, or one that is there, empty and one's own."""

from __future__ import annotations

import secrets

import psycopg
from psycopg import sql

from pantry_tui.config.restoring import check_target_name
from pantry_tui.config.targets import target_with_database
from pantry_tui.errors import PrivilegeError, RestoreError, TargetNotEmptyError
from pantry_tui.models import DatabaseTarget, Model
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.unverified import unverified_prefix
from pantry_tui.recovery.database import (
    RestoreDatabase,
    drop_database,
    existing_contents,
    leftovers,
    maintenance_session,
    refuse_template,
)
from pantry_tui.recovery.foreign.containment import require_harmless
from pantry_tui.recovery.plan import reach
from pantry_tui.recovery.requirements import quoted_identifier

DEFAULT_ENCODING = "UTF8"
_TEMPLATE = """
SELECT pg_catalog.pg_encoding_to_char(encoding)::text, pg_catalog.pg_char_to_encoding(%s) = encoding
FROM pg_catalog.pg_database WHERE datname = 'template0'
"""
_OWNED = """
SELECT pg_catalog.pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""


class Place(Model, frozen=True, kw_only=True):
    """Where a dump is to go. ``exists``: an empty database of that name is there, and our own."""

    name: str
    exists: bool
    remarks: tuple[str, ...]


async def look_at_target(target: DatabaseTarget) -> Place:
    """Looks at the server before anything of the dump is read.

    Raises `PrivilegeError` for a role that could do harm outside of the database, `TargetNotEmptyError`, `RestoreError` for a
    database that is not the role's own, `RefusedError` for a template, and what connecting raises.
    """
    connection, name, exists = await reach(target)
    check_target_name(name)
    try:
        async with connection:
            await require_harmless(connection, name)
            if exists:
                await refuse_template(connection, name)
                await _require_own_and_empty(connection, name)
            remains = await leftovers(connection, name)
    except psycopg.Error as error:
        raise server_error(error, doing="looking at the target server") from error
    return Place(name=name, exists=exists, remarks=() if remains is None else (remains,))


async def _require_own_and_empty(connection: Connection, name: str) -> None:
    contents = await existing_contents(connection)
    if contents is not None:
        raise TargetNotEmptyError(
            f"database {name} is not empty: it has {contents}",
            remedy="restore into a new database, by a name that does not exist yet, or drop this one first",
        )
    row = await (await connection.execute(_OWNED)).fetchone()
    if row is None or not row[0]:
        raise RestoreError(
            f"database {name} does not belong to role {connection.info.user}, which could not restore everything into it",
            remedy=f"ALTER DATABASE {quoted_identifier(name)} OWNER TO {quoted_identifier(connection.info.user)};",
        )


async def take_database(target: DatabaseTarget, place: Place, encoding: str | None) -> RestoreDatabase:
    """The empty database that is there, or a new one. Raises what `create` does."""
    if place.exists:
        return RestoreDatabase(name=place.name, working_name=place.name, target=target, created=False)
    return await create(target, place.name, encoding)


async def create(target: DatabaseTarget, name: str, encoding: str | None) -> RestoreDatabase:
    """Makes a new database under a name that says that it is unfinished.

    In the encoding of the dump, which is that of the database it was taken of unless somebody asked pg_dump for another.
    Raises `PrivilegeError`, `RestoreError` for an encoding that the server does not know.
    """
    working_name = unverified_prefix(name) + secrets.token_hex(2)
    wanted = encoding or DEFAULT_ENCODING
    async with await maintenance_session(target) as connection:
        try:
            row = await (await connection.execute(_TEMPLATE, (wanted,))).fetchone()
            await connection.execute(_statement(working_name, wanted, as_template=row is not None and bool(row[1])))
        except psycopg.errors.InsufficientPrivilege as error:
            raise _may_not_create(connection, name) from error
        except (psycopg.errors.WrongObjectType, psycopg.errors.InvalidParameterValue) as error:
            raise RestoreError(
                f"the server cannot make a database in encoding {wanted}, which the dump is in: {error.diag.message_primary}",
                remedy="create an empty database that the role owns, and name it as the target",
                detail=str(error),
            ) from error
        except psycopg.Error as error:
            raise server_error(error, doing=f"creating database {working_name}") from error
    reached = target_with_database(target, working_name)
    return RestoreDatabase(name=name, working_name=working_name, target=reached, created=True)


def _statement(name: str, encoding: str, *, as_template: bool) -> sql.Composed:
    """In another encoding than the server's own, its locale may not fit: C fits every one."""
    locale = "" if as_template else " LC_COLLATE = 'C' LC_CTYPE = 'C'"
    return sql.SQL("CREATE DATABASE {} WITH TEMPLATE = template0 ENCODING = {}" + locale).format(
        sql.Identifier(name), sql.Literal(encoding)
    )


def _may_not_create(connection: Connection, name: str) -> PrivilegeError:
    role = quoted_identifier(connection.info.user)
    return PrivilegeError(
        f"role {connection.info.user} may not create database {name}",
        remedy=f"as an administrator: CREATE DATABASE {quoted_identifier(name)} OWNER {role} TEMPLATE template0;"
        f" or ALTER ROLE {role} CREATEDB;",
    )


async def give_name(target: DatabaseTarget, database: RestoreDatabase) -> None:
    """Gives a new database the name that was asked for. Raises `RestoreError`; it then keeps its working name."""
    working, wanted = sql.Identifier(database.working_name), sql.Identifier(database.name)
    try:
        async with await maintenance_session(target) as connection:
            await connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(working, wanted))
    except psycopg.Error as error:
        raise RestoreError(
            f"everything is restored, but the database could not be given the name {database.name}",
            remedy=f'it stays as "{database.working_name}": rename it with ALTER DATABASE … RENAME TO',
            detail=str(error),
        ) from error


async def drop(target: DatabaseTarget, database: RestoreDatabase) -> None:
    """Drops a database that was made for this restore. Raises `psycopg.Error`, and what connecting raises."""
    async with await maintenance_session(target) as connection:
        await drop_database(connection, database.working_name)
