"""Reading what surrounds a database: its own settings and privileges, roles, extensions, collations, server settings."""

from __future__ import annotations

from typing import Any

from pantry_tui.artifact.environment import (
    DatabaseSetting,
    Environment,
    InstalledExtension,
    NeededRole,
    UsedCollation,
    may_be_secret,
)
from pantry_tui.postgres.introspect import Connection

LOCALE_SETTINGS = ("lc_monetary", "lc_numeric", "lc_time", "lc_messages")

_DATABASE = """
SELECT d.datacl::pg_catalog.text[], pg_catalog.shobj_description(d.oid, 'pg_database'),
    (SELECT t.spcname::pg_catalog.text FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace), d.datistemplate,
    EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public'), {version},
    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class k ON k.oid = a.attrelid
        WHERE a.atttypid = 'pg_catalog.money'::pg_catalog.regtype AND NOT a.attisdropped AND k.relkind = 'r')
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""

_SETTINGS = """
SELECT pg_catalog.split_part(o.option, '=', 1), pg_catalog.substr(o.option, pg_catalog.strpos(o.option, '=') + 1),
    r.rolname::pg_catalog.text
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY o(option, place)
WHERE s.setrole = 0 OR r.oid IS NOT NULL
ORDER BY r.rolname COLLATE "C" NULLS FIRST, o.place
"""

# pg_shdepend names who owns or is granted something, but for the role that initdb made.
_ROLES = """
WITH RECURSIVE here AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
direct AS (
    SELECT p.refobjid AS oid FROM pg_catalog.pg_shdepend p CROSS JOIN here
    WHERE p.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND (p.dbid = here.oid
        OR p.dbid = 0 AND p.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND p.objid = here.oid)
    UNION SELECT datdba FROM here
    UNION SELECT s.setrole FROM pg_catalog.pg_db_role_setting s JOIN here ON here.oid = s.setdatabase),
needed AS (
    SELECT oid FROM direct
    UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN needed n ON n.oid = m.member)
SELECT r.rolname::pg_catalog.text,
    pg_catalog.array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END,
        CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
        CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL),
    ARRAY(SELECT g.rolname::pg_catalog.text FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid GROUP BY 1 ORDER BY 1),
    r.rolconnlimit
FROM pg_catalog.pg_roles r WHERE {which} AND r.rolname !~ '^pg_' ORDER BY r.rolname COLLATE "C"
"""
_OF_THIS_DATABASE = "r.oid IN (SELECT oid FROM needed)"
_NAMED = "r.rolname = ANY (%s)"

_EXTENSIONS = """
SELECT e.extname::pg_catalog.text, e.extversion, n.nspname::pg_catalog.text,
    (SELECT v.trusted FROM pg_catalog.pg_available_extension_versions v
        WHERE v.name = e.extname AND v.version = e.extversion LIMIT 1),
    ARRAY(SELECT DISTINCT pg_catalog.regexp_replace(p.probin, '^.*/', '')
        FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND p.probin IS NOT NULL
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid ORDER BY 1)
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY e.extname COLLATE "C"
"""

_LANGUAGES = 'SELECT lanname::pg_catalog.text FROM pg_catalog.pg_language WHERE lanispl ORDER BY lanname COLLATE "C"'

# The default collation, the database's own, has no provider of its own ('d').
_COLLATIONS = """
SELECT n.nspname::pg_catalog.text, c.collname::pg_catalog.text,
    CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, c.collversion,
    pg_catalog.pg_collation_actual_version(c.oid)
FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE c.collprovider <> 'd' AND (c.oid >= 16384 OR c.oid IN (
    SELECT a.attcollation FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384 AND NOT a.attisdropped
    UNION SELECT t.typcollation FROM pg_catalog.pg_type t WHERE t.oid >= 16384))
ORDER BY n.nspname COLLATE "C", c.collname COLLATE "C"
"""

_SORTED_PARTITIONS = """
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_partitioned_table p
JOIN pg_catalog.pg_class c ON c.oid = p.partrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE p.partstrat = 'r' AND EXISTS (SELECT FROM pg_catalog.unnest(p.partcollation::pg_catalog.oid[]) used
    JOIN pg_catalog.pg_collation l ON l.oid = used WHERE l.collname NOT IN ('C', 'POSIX', 'ucs_basic'))
ORDER BY 1
"""

# What our own session has pinned shows as what it would be without (reset_val), unless a database or role sets it. Paths,
# ports and the like are the machine's own affair, whatever the application needs.
_SERVER_SETTINGS = """
SELECT s.name, s.reset_val FROM pg_catalog.pg_settings s
WHERE (s.source NOT IN ('default', 'override', 'client', 'session', 'database', 'user', 'database user')
    OR s.source = 'session' AND s.reset_val IS DISTINCT FROM s.boot_val AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_db_role_setting r CROSS JOIN LATERAL pg_catalog.unnest(r.setconfig) o
        WHERE pg_catalog.lower(pg_catalog.split_part(o, '=', 1)) = pg_catalog.lower(s.name)))
    AND s.name !~ '_(file|directory|directories|command|conninfo)$'
    AND s.name NOT IN ('port', 'listen_addresses', 'cluster_name', 'client_encoding')
ORDER BY s.name COLLATE "C"
"""


async def read_environment(connection: Connection) -> Environment:
    """What surrounds this connection's database. Values of settings that may be secret are left out.

    The catalogs it reads are open to every role; of the server's settings a role sees those that it may. Takes 10 to 20 ms,
    most of it the list of installable extensions.
    """
    by_version = {"version": "NULL"}
    if connection.info.server_version >= 150000:
        by_version = {"version": "pg_catalog.pg_database_collation_actual_version(d.oid)"}
    ((privileges, comment, tablespace, is_template, public, version, money),) = await _rows(
        connection, _DATABASE.format(**by_version)
    )
    return Environment(
        settings=tuple(
            DatabaseSetting(name=name, value=None if may_be_secret(name, value) else value, role=role)
            for name, value, role in await _rows(connection, _SETTINGS)
        ),
        privileges=None if privileges is None else tuple(privileges),
        comment=comment,
        tablespace=tablespace,
        is_template=is_template,
        public_schema=public,
        roles=tuple(_role(row) for row in await _rows(connection, _ROLES.format(which=_OF_THIS_DATABASE))),
        extensions=tuple(
            InstalledExtension(name=name, version=number, schema=schema, trusted=trusted, libraries=tuple(libraries))
            for name, number, schema, trusted, libraries in await _rows(connection, _EXTENSIONS)
        ),
        languages=tuple(name for (name,) in await _rows(connection, _LANGUAGES)),
        actual_collation_version=version,
        collations=tuple(
            UsedCollation(schema=schema, name=name, provider=provider, version=recorded, actual_version=actual)
            for schema, name, provider, recorded, actual in await _rows(connection, _COLLATIONS)
        ),
        sorted_partitions=tuple(name for (name,) in await _rows(connection, _SORTED_PARTITIONS)),
        money_columns=money,
        locale=await locale_settings(connection),
        server_settings=await server_settings(connection),
    )


async def locale_settings(connection: Connection) -> dict[str, str]:
    """The locale of this session's money, numbers, dates and messages."""
    current = ", ".join(f"pg_catalog.current_setting('{name}')" for name in LOCALE_SETTINGS)
    ((*values,),) = await _rows(connection, f"SELECT {current}")
    return dict(zip(LOCALE_SETTINGS, values, strict=True))


async def server_settings(connection: Connection) -> dict[str, str | None]:
    """The server's settings that differ from the built-in ones, as far as this role may see them."""
    return {
        name: None if may_be_secret(name, value or "") else value
        for name, value in await _rows(connection, _SERVER_SETTINGS)
    }


async def roles_named(connection: Connection, names: list[str]) -> dict[str, NeededRole]:
    """The roles of these names that the server has."""
    found = await _rows(connection, _ROLES.format(which=_NAMED), (names,))
    return {role.name: role for role in map(_role, found)}


def _role(row: tuple[Any, ...]) -> NeededRole:
    name, attributes, groups, limit = row
    return NeededRole(name=name, attributes=tuple(attributes), member_of=tuple(groups), connection_limit=limit)


async def _rows(connection: Connection, query: str, values: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query.encode(), values)).fetchall()
