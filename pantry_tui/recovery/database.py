"""The database that a restore fills: a new one under a name that says it is unproven, or an existing empty one.

A new database gets its own name only when everything in it has been compared: until then it is `NAME.unverified-xxxx`,
so that nobody takes half a restore for the real thing, whenever it is cut off.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import SourceDatabase
from pantry_tui.config.targets import target_with_database
from pantry_tui.errors import (
    AuthenticationError,
    DatabaseMissingError,
    PantryError,
    PrivilegeError,
    RefusedError,
    RestoreError,
    ServerError,
    TargetNotEmptyError,
)
from pantry_tui.models import DatabaseTarget, Model
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.pooling import require_own_session
from pantry_tui.postgres.snapshot import Connection, open_catalog
from pantry_tui.postgres.unverified import abandoned_databases, drop_statement, unverified_prefix

APPLICATION = "restore"
# There is no such database, or this role is not let in.
NO_ENTRY = (DatabaseMissingError, PrivilegeError, AuthenticationError)
MAINTENANCE_DATABASES = ("postgres", "template1")
EXAMPLES = 5
_PROVIDERS = {"libc": "libc", "icu": "icu", "builtin": "builtin"}

# Everything a user made has an oid from 16384 on; the schema public may have been dropped and made again.
_CONTENTS = """
SELECT kind, name FROM (
    SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
        WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'type' END AS kind,
        n.nspname || '.' || c.relname AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid >= 16384 AND c.relkind NOT IN ('i', 'I', 't') AND n.nspname !~ '^pg_(toast|temp)'
    UNION ALL SELECT 'function', n.nspname || '.' || p.proname
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384
    UNION ALL SELECT 'type', n.nspname || '.' || t.typname
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid >= 16384 AND t.typrelid = 0 AND t.typelem = 0
    UNION ALL SELECT 'schema', nspname FROM pg_catalog.pg_namespace
    WHERE oid >= 16384 AND nspname <> 'public' AND nspname !~ '^pg_'
    UNION ALL SELECT 'extension', extname FROM pg_catalog.pg_extension WHERE oid >= 16384
    UNION ALL SELECT 'language', lanname FROM pg_catalog.pg_language WHERE oid >= 16384
    UNION ALL SELECT 'event trigger', evtname FROM pg_catalog.pg_event_trigger
    UNION ALL SELECT 'publication', pubname FROM pg_catalog.pg_publication
    UNION ALL SELECT 'foreign data wrapper', fdwname FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT 'default privilege', defaclrole::pg_catalog.regrole::text FROM pg_catalog.pg_default_acl
    UNION ALL SELECT 'large object', oid::text FROM pg_catalog.pg_largeobject_metadata
) found ORDER BY 1, 2
"""

_ENCODING = """
SELECT pg_catalog.pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text
FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
"""


# What is read under a lock must be as of the lock: in a transaction of REPEATABLE READ it is as of before it was waited for.
BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

_WRITING = """
SET default_transaction_read_only = off;
SET default_transaction_isolation = 'read committed';
SELECT pg_catalog.set_config('synchronous_commit', 'on', false) WHERE pg_catalog.current_setting('synchronous_commit') = 'off'
"""


class RestoreDatabase(Model, frozen=True, kw_only=True):
    """Where a restore goes. ``target`` reaches the database under the name it has while it is filled."""

    name: str  # the name asked for
    working_name: str
    target: DatabaseTarget
    created: bool


async def writable_session(target: DatabaseTarget) -> Connection:
    """A catalog connection that may write, whatever the role's or database's settings say, and whose commits last.

    `default_transaction_read_only` on a role or database otherwise lets a restore end without an error and without data, with
    `synchronous_commit` off a crash undoes what was said to be done, and `default_transaction_isolation` hides what others
    committed while a lock was waited for.
    """
    connection = await open_catalog(target, application=APPLICATION)
    try:
        await connection.execute(_WRITING)
    except psycopg.Error as error:
        await connection.close()
        raise server_error(error, doing="preparing the session") from error
    return connection


async def own_session(target: DatabaseTarget) -> Connection:
    """The same, with a session of the server behind it that is this connection's alone, as a long transaction needs it.

    Raises what connecting raises, and `ServerError` where a pooler shares sessions.
    """
    connection = await writable_session(target)
    try:
        await require_own_session(connection, target)
    except (PantryError, psycopg.Error):
        await connection.close()
        raise
    return connection


async def maintenance_session(target: DatabaseTarget) -> Connection:
    """A connection to the target's server outside the target. Raises what connecting to `postgres` raises."""
    first, second = (target_with_database(target, name) for name in MAINTENANCE_DATABASES)
    try:
        return await writable_session(first)
    except DatabaseMissingError:
        return await writable_session(second)


async def existing_contents(connection: Connection) -> str | None:
    """What users have made in this connection's database, counted and named; None when it is empty."""
    rows = await (await connection.execute(_CONTENTS)).fetchall()
    if not rows:
        return None
    counts: dict[str, int] = {}
    for kind, _ in rows:
        counts[kind] = counts.get(kind, 0) + 1
    counted = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
    names = ", ".join(name for _, name in rows[:EXAMPLES])
    return f"{counted} ({names}{', …' if len(rows) > EXAMPLES else ''})"


async def refuse_template(connection: Connection, name: str) -> None:
    """Raises `RefusedError` when this connection's database is one that others are copied from."""
    query = "SELECT datistemplate FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
    row = await (await connection.execute(query)).fetchone()
    if row is not None and row[0]:
        raise RefusedError(
            f"database {name} is a template, which new databases are copied from: no restore fills it",
            remedy="restore into a new database, by a name that does not exist yet",
        )


async def leftovers(connection: Connection, name: str) -> str | None:
    """A warning about databases of earlier restores under ``name`` that were never proven; None when there are none."""
    prefix = unverified_prefix(name)
    names = [found for found in await abandoned_databases(connection) if found.startswith(prefix)]
    if not names:
        return None
    return (
        f"earlier restores under this name left databases that were not proven, and nobody is connected to them: "
        f"{', '.join(names)}; they can go: {' '.join(map(drop_statement, names))}"
    )


async def require_empty(connection: Connection, name: str, source: SourceDatabase) -> list[str]:
    """Checks that an existing database can take the backup; returns warnings about how it differs from the source.

    Raises `TargetNotEmptyError` naming what is there, `RestoreError` when its encoding is another.
    """
    contents = await existing_contents(connection)
    if contents is not None:
        raise TargetNotEmptyError(
            f"database {name} is not empty: it has {contents}",
            remedy="restore into a new database, by a name that does not exist yet, or drop this one first",
        )
    row = await (await connection.execute(_ENCODING)).fetchone()
    encoding, collate, ctype = row or ("", "", "")
    if encoding != source.encoding:
        raise RestoreError(
            f"database {name} has encoding {encoding}; the backup was taken from {source.encoding}",
            remedy="restore into a new database: it is made with the encoding of the backup",
        )
    if (collate, ctype) != (source.collate, source.ctype):
        return [
            f"database {name} sorts by {collate} (ctype {ctype}); the source did by {source.collate} (ctype {source.ctype})"
        ]
    return []


async def create_database(
    connection: Connection, target: DatabaseTarget, name: str, source: SourceDatabase
) -> RestoreDatabase:
    """Makes a new database as the source was, from template0, under the name it has until it is verified.

    Raises `RestoreError` when the server lacks the locale, `PrivilegeError`, and what `server_error` makes of the rest.
    """
    working_name = unverified_prefix(name) + secrets.token_hex(2)
    owner = await _owner(connection, source.owner)
    statement = _create_statement(working_name, owner, source, connection.info.server_version)
    try:
        await connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise PrivilegeError(
            f"role {connection.info.user} may not create database {name}",
            remedy=f'ALTER ROLE "{connection.info.user}" CREATEDB; or create an empty database and restore into it',
            detail=str(error),
        ) from error
    except (
        psycopg.errors.WrongObjectType,
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.UndefinedObject,
    ) as error:
        raise RestoreError(
            f"the target server cannot make a database as the source was: {error.diag.message_primary}",
            remedy=f"{_locale_remedy(source)}, or create an empty database with a locale it has and restore into it",
            detail=str(error),
        ) from error
    except psycopg.Error as error:
        raise server_error(error, doing=f"creating database {working_name}") from error
    return RestoreDatabase(
        name=name, working_name=working_name, target=target_with_database(target, working_name), created=True
    )


async def _owner(connection: Connection, wanted: str) -> str | None:
    """The source's owner, where that role is here and we may act for it; None: ourselves."""
    query = "SELECT pg_catalog.pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = %s"
    row = await (await connection.execute(query, (wanted,))).fetchone()
    return wanted if row is not None and row[0] else None


def _create_statement(name: str, owner: str | None, source: SourceDatabase, server_version: int) -> sql.Composed:
    options: list[tuple[str, str]] = [
        ("ENCODING", source.encoding),
        ("LC_COLLATE", source.collate),
        ("LC_CTYPE", source.ctype),
    ]
    if server_version >= 150000:
        options.append(("LOCALE_PROVIDER", _PROVIDERS[source.locale_provider]))
        if source.locale_provider == "icu" and source.locale is not None:
            options.append(("ICU_LOCALE", source.locale))
            if source.icu_rules is not None:
                options.append(("ICU_RULES", source.icu_rules))
        if source.locale_provider == "builtin" and source.locale is not None:
            options.append(("BUILTIN_LOCALE", source.locale))
    clauses: list[sql.Composable] = [sql.SQL(f"{key} = {{}}").format(sql.Literal(value)) for key, value in options]
    if owner is not None:
        clauses.append(sql.SQL("OWNER = {}").format(sql.Identifier(owner)))
    return sql.SQL("CREATE DATABASE {} WITH TEMPLATE = template0 {}").format(
        sql.Identifier(name), sql.SQL(" ").join(clauses)
    )


def _locale_remedy(source: SourceDatabase) -> str:
    if source.locale_provider == "icu":
        return f"use a PostgreSQL that was built with ICU for the locale {source.locale}"
    if source.locale_provider == "builtin":
        return f"use a PostgreSQL whose builtin provider has the locale {source.locale}"
    return (
        f"install the locale {source.collate} on the target server's machine (`locale -a` there lists those it has) and "
        "restart the server"
    )


async def settle(connection: Connection, database: RestoreDatabase, source: SourceDatabase) -> None:
    """Gives a verified new database its own name, durably. Raises `psycopg.Error`, when the name was taken meanwhile."""
    working, wanted = sql.Identifier(database.working_name), sql.Identifier(database.name)
    await connection.execute("SET synchronous_commit = on")  # this commit's flush makes the whole restore durable
    if source.connection_limit >= 0:
        limit = sql.Literal(source.connection_limit)
        await connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT = {}").format(working, limit))
    await connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(working, wanted))


async def make_durable(target: DatabaseTarget) -> None:
    """Has the server flush its log up to here: the restore committed asynchronously. Raises `ServerError`."""
    connection = await writable_session(target)
    try:
        await connection.execute("SET synchronous_commit = on")
        await connection.execute("SELECT pg_catalog.pg_logical_emit_message(true, 'pantry-tui', 'restored')")
    except psycopg.Error as error:
        raise server_error(error, doing="making the restore durable") from error
    finally:
        await connection.close()


async def drop_database(connection: Connection, name: str) -> None:
    """Drops a database that this restore made, with whatever is still connected to it."""
    await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def as_restore_error(error: PantryError, *, remedy: str | None) -> PantryError:
    """A statement that failed is a failed restore; errors of the server with a class of their own keep it."""
    if type(error) is not ServerError:
        return error
    return RestoreError(error.message, remedy=remedy, detail=error.detail)


def quoted_names(names: Sequence[str], limit: int = 20) -> str:
    """Names for a message, cut to a readable number."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
