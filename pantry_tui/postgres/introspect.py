"""What is in a database, as far as a backup must know it: tables, sequences, identity of server and database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from pantry_tui.artifact.manifest import SequenceState, ServerIdentity, SnapshotPosition, SourceDatabase
from pantry_tui.models import Model
from pantry_tui.postgres.fingerprint import BASE_TYPES, EMPTY_ROW, EXPRESSIONS

Connection = psycopg.AsyncConnection[Any]

# hashtextextended('byte order', 0) where the least significant byte comes first; content sums depend on it.
BYTE_ORDER_PROBE = "SELECT pg_catalog.hashtextextended('byte order', 0)"
CONFIGURATION_REASON = "configuration of an extension: pg_dump applies its filter"
LITTLE_ENDIAN_PROBE = -5662017705334102641


class SourceTable(Model, frozen=True, kw_only=True):
    """An ordinary or partitioned table, as the catalogs show it now."""

    oid: int
    schema: str
    name: str
    kind: str  # r or p
    persistence: str  # p or u
    columns: tuple[str, ...]  # as COPY writes them: neither dropped nor generated
    expression: str  # to fingerprint a row
    shape: str  # digest of everything that the meaning of a row depends on
    is_restless: bool  # other objects' names or a setting change the text of its rows, though no row changes
    archive_reason: str | None  # why pg_dump must carry its rows itself; None: we copy them
    loaded_through: str | None  # the partitioned table that decides anew where the rows go
    unreadable_reason: str | None  # why its rows cannot be read on this server

    @property
    def qualified_name(self) -> str:
        """`schema.name`, unquoted, for people."""
        return f"{self.schema}.{self.name}"

    @property
    def is_configuration(self) -> bool:
        """Whether it belongs to an extension, which brings rows of its own."""
        return self.archive_reason == CONFIGURATION_REASON


# The shape: a table whose digest is unchanged has rows of unchanged meaning. A column dropped and added under its name, or
# a renamed enum value, changes it; so does what makes its fingerprints another sum. Types are followed into domains,
# composites and enums. What has an oid below 16384 is the server's own (initdb made it). Of those, the restless types are
# looked for: a value that is a table, a function or a role is written with the name it has now, money as lc_monetary says.
_TABLES = f"""
WITH RECURSIVE base_types(oid, base) AS ({BASE_TYPES}),
fp AS MATERIALIZED ({EXPRESSIONS}),
configurations AS MATERIALIZED (SELECT pg_catalog.unnest(extconfig) AS oid FROM pg_catalog.pg_extension),
members AS MATERIALIZED (
    SELECT objid FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
        AND objid NOT IN (SELECT oid FROM configurations WHERE oid IS NOT NULL)),
enum_rooted AS MATERIALIZED (
    SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent AND p.partstrat = 'h'
    WHERE EXISTS (SELECT FROM pg_catalog.pg_opclass o
        WHERE o.oid = ANY (p.partclass::pg_catalog.oid[]) AND o.opcname = 'enum_ops')
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN enum_rooted e ON e.oid = i.inhparent
    JOIN pg_catalog.pg_class k ON k.oid = i.inhparent AND k.relkind = 'p'),
restless AS MATERIALIZED (
    SELECT oid FROM pg_catalog.pg_type WHERE oid < 16384 AND typname ~ '^_?(reg|money$|aclitem$)'),
type_reach AS (
    SELECT DISTINCT a.attrelid, a.atttypid AS oid FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384
        AND (a.atttypid >= 16384 OR a.atttypid IN (SELECT oid FROM restless))
    UNION
    SELECT r.attrelid, next.oid FROM type_reach r JOIN pg_catalog.pg_type t ON t.oid = r.oid
    CROSS JOIN LATERAL (
        SELECT t.typbasetype AS oid UNION ALL SELECT t.typelem
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT g.rngsubtype FROM pg_catalog.pg_range g WHERE t.oid IN (g.rngtypid, g.rngmultitypid)
    ) next WHERE next.oid >= 16384 OR next.oid IN (SELECT oid FROM restless)),
type_shape AS MATERIALIZED (
    SELECT t.oid, pg_catalog.concat_ws('/', t.oid, t.typname, t.typtype, t.typnotnull, t.typbasetype, t.typtypmod,
        (SELECT pg_catalog.string_agg(e.oid || '=' || e.enumlabel || '@' || e.enumsortorder, ',' ORDER BY e.oid)
            FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
        (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attisdropped),
            ',' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0),
        (SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ',' ORDER BY k.oid)
            FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid)) AS shape
    FROM pg_catalog.pg_type t WHERE t.oid IN (SELECT oid FROM type_reach)),
columns AS MATERIALIZED (
    SELECT attrelid,
        pg_catalog.array_agg(attname::pg_catalog.text ORDER BY attnum)
            FILTER (WHERE NOT attisdropped AND attgenerated = '') AS names,
        pg_catalog.string_agg(pg_catalog.concat_ws(':', attnum, attname, atttypid, atttypmod, attnotnull, attisdropped,
            attgenerated, attmissingval), ',' ORDER BY attnum) AS shape
    FROM pg_catalog.pg_attribute WHERE attrelid >= 16384 AND attnum > 0 GROUP BY attrelid)
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name,
    c.relkind::pg_catalog.text AS kind, c.relpersistence::pg_catalog.text AS persistence,
    COALESCE(l.names, '{{}}') AS columns, COALESCE(fp.expression, '{EMPTY_ROW}') AS expression,
    pg_catalog.md5(pg_catalog.concat_ws('|', l.shape, fp.expression,
        pg_catalog.pg_get_expr(c.relpartbound, c.oid),
        (SELECT pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ',' ORDER BY k.oid)
            FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'n')),
        (SELECT pg_catalog.string_agg(s.shape, ';' ORDER BY s.oid)
            FROM type_reach r JOIN type_shape s ON s.oid = r.oid WHERE r.attrelid = c.oid))) AS shape,
    EXISTS (SELECT FROM type_reach r WHERE r.attrelid = c.oid AND r.oid < 16384) AS is_restless,
    CASE WHEN c.oid IN (SELECT oid FROM enum_rooted) THEN 'hash partition by an enum: pg_dump loads it through its root'
        WHEN c.relkind = 'r' AND m.amname IS DISTINCT FROM 'heap' THEN 'not stored as a heap'
        WHEN c.oid IN (SELECT oid FROM configurations) THEN '{CONFIGURATION_REASON}'
    END AS archive_reason,
    CASE WHEN c.oid IN (SELECT oid FROM enum_rooted) THEN (
        SELECT rn.nspname || '.' || r.relname FROM pg_catalog.pg_class r
        JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = pg_catalog.pg_partition_root(c.oid))
    END AS loaded_through,
    CASE WHEN c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()
        THEN 'unlogged: a standby has no rows of it' END AS unreadable_reason
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
LEFT JOIN columns l ON l.attrelid = c.oid
LEFT JOIN fp ON fp.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.oid NOT IN (SELECT objid FROM members)
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""  # noqa: S608  # made of constants of this program


async def list_tables(connection: Connection) -> list[SourceTable]:
    """Every table with rows of its own, in name order.

    Of the members of extensions only configuration tables are there: the others come with the extension.
    """
    async with connection.cursor() as cursor:
        await cursor.execute(_TABLES)
        names = [column.name for column in cursor.description or ()]
        return [SourceTable.from_builtins(dict(zip(names, row, strict=True))) async for row in cursor]


class TableSize(Model, frozen=True, kw_only=True):
    """How large a table is on the server: pages of its heap, and bytes with TOAST."""

    oid: int
    filenode: int
    pages: int
    bytes: int


_SIZES = """
SELECT c.oid::pg_catalog.int8 AS oid, COALESCE(pg_catalog.pg_relation_filenode(c.oid), 0)::pg_catalog.int8 AS filenode,
    (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8) AS pages,
    pg_catalog.pg_relation_size(c.oid)
        + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END AS bytes
FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s::pg_catalog.oid[])
"""


async def table_sizes(connection: Connection, tables: list[SourceTable]) -> dict[int, TableSize]:
    """Sizes by oid; to be called with the locks held, so that no page is added behind the last one read."""
    async with connection.cursor(row_factory=class_row(TableSize)) as cursor:
        await cursor.execute(_SIZES, ([table.oid for table in tables],))
        return {size.oid: size async for size in cursor}


_SEQUENCES = """
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'
        AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
ORDER BY 1, 2
"""


async def read_sequences(connection: Connection, without: Collection[str] = ()) -> tuple[SequenceState, ...]:
    """The state of every sequence, now: sequences follow no snapshot. The connection must be in no transaction.

    One that is dropped meanwhile is not listed; those in the schemas ``without`` are not looked at.
    """
    while True:
        found = await (await connection.execute(_SEQUENCES)).fetchall()
        listed = [(schema, name) for schema, name in found if schema not in without]
        try:
            return tuple([state async for state in _sequence_states(connection, listed)])
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            continue  # dropped between listing and reading: the next list is without it


async def _sequence_states(connection: Connection, listed: list[tuple[str, str]]) -> AsyncIterator[SequenceState]:
    """In batches: a statement for each of many sequences would add up."""
    for start in range(0, len(listed), 500):
        batch = listed[start : start + 500]
        query = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}::int, last_value, is_called FROM {}").format(
                sql.Literal(number), sql.Identifier(schema, name)
            )
            for number, (schema, name) in enumerate(batch)
        )
        for number, last_value, is_called in await (await connection.execute(query)).fetchall():
            schema, name = batch[number]
            yield SequenceState(schema=schema, name=name, last_value=last_value, is_called=is_called)


def moved_between(before: Sequence[SequenceState], after: Sequence[SequenceState]) -> tuple[SequenceState, ...]:
    """The later states; those that moved say from where, because pg_dump read them somewhere in between."""
    earlier = {(state.schema, state.name): state for state in before}
    return tuple(
        state
        if (was := earlier.get((state.schema, state.name), state)) == state
        else msgspec.structs.replace(state, moved_from=was.last_value)
        for state in after
    )


# The control file learns of a promotion's timeline at the next checkpoint; the name of the log's file tells it at once.
_SERVER = """
SELECT pg_catalog.current_setting('server_version') AS version,
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS version_num,
    (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()) AS system_identifier,
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())
        ELSE ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8))
            ::pg_catalog.bit(32)::pg_catalog.int4 END AS timeline,
    pg_catalog.pg_is_in_recovery() AS in_recovery
"""

_DATABASE = """
SELECT d.datname::pg_catalog.text AS name, d.oid::pg_catalog.int8 AS oid,
    pg_catalog.pg_get_userbyid(d.datdba)::pg_catalog.text AS owner,
    pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text AS encoding,
    d.datcollate::pg_catalog.text AS collate, d.datctype::pg_catalog.text AS ctype,
    {provider} AS locale_provider, {locale} AS locale, {rules} AS icu_rules, {version} AS collation_version,
    d.datconnlimit AS connection_limit
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""


async def server_identity(connection: Connection) -> ServerIdentity:
    """Which server this is."""
    async with connection.cursor() as cursor:
        await cursor.execute(_SERVER)
        version, version_num, system_identifier, timeline, in_recovery = _one(await cursor.fetchone())
        await cursor.execute(BYTE_ORDER_PROBE)
        (probe,) = _one(await cursor.fetchone())
    return ServerIdentity(
        version=version,
        version_num=version_num,
        system_identifier=system_identifier,
        timeline=timeline,
        in_recovery=in_recovery,
        byte_order="little" if probe == LITTLE_ENDIAN_PROBE else "big",
        host=connection.info.host or None,
    )


async def source_database(connection: Connection) -> SourceDatabase:
    """The database this connection is to, as far as a new one must resemble it."""
    version = connection.info.server_version
    parts = {
        "provider": "CASE d.datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END",
        "locale": "d.datlocale" if version >= 170000 else "d.daticulocale",
        "version": "d.datcollversion",
        "rules": "d.daticurules" if version >= 160000 else "NULL",
    }
    if version < 150000:
        parts = {"provider": "'libc'", "locale": "NULL", "version": "NULL", "rules": "NULL"}
    query = _DATABASE.format(**parts)
    async with connection.cursor() as cursor:
        await cursor.execute(query.encode())
        names = [column.name for column in cursor.description or ()]
        return SourceDatabase.from_builtins(dict(zip(names, _one(await cursor.fetchone()), strict=True)))


_POSITION = """
SELECT (pg_catalog.pg_snapshot_xmin(s.now))::pg_catalog.text::pg_catalog.int8,
    (pg_catalog.pg_snapshot_xmax(s.now))::pg_catalog.text::pg_catalog.int8, {insert}::pg_catalog.text, {flush}::pg_catalog.text
FROM (SELECT pg_catalog.pg_current_snapshot() AS now) s
"""


async def snapshot_position(connection: Connection, *, in_recovery: bool) -> SnapshotPosition:
    """Where the current snapshot stands in the server's history; to be read right after the snapshot was taken."""
    functions = {"insert": "pg_catalog.pg_current_wal_insert_lsn()", "flush": "pg_catalog.pg_current_wal_flush_lsn()"}
    if in_recovery:
        functions = dict.fromkeys(functions, "pg_catalog.pg_last_wal_replay_lsn()")
    cursor = await connection.execute(_POSITION.format(**functions).encode())
    xmin, xmax, insert_lsn, flush_lsn = _one(await cursor.fetchone())
    return SnapshotPosition(xmin=xmin, xmax=xmax, insert_lsn=insert_lsn, flush_lsn=flush_lsn)


async def extensions(connection: Connection) -> dict[str, str]:
    """Installed extensions and their versions."""
    cursor = await connection.execute("SELECT extname::text, extversion FROM pg_catalog.pg_extension ORDER BY 1")
    return dict(await cursor.fetchall())


async def large_object_count(connection: Connection) -> int:
    """How many large objects the database has."""
    cursor = await connection.execute("SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata")
    (count,) = _one(await cursor.fetchone())
    return int(count)


async def foreign_keys(connection: Connection) -> list[tuple[int, int]]:
    """Pairs of oids: a table, and one that a foreign key of it refers to."""
    cursor = await connection.execute(
        "SELECT DISTINCT conrelid::pg_catalog.int8, confrelid::pg_catalog.int8 FROM pg_catalog.pg_constraint"
        " WHERE contype = 'f' ORDER BY 1, 2"
    )
    return await cursor.fetchall()


async def may_read_passwords(connection: Connection) -> bool:
    """Whether this role may read the other roles' password hashes: a superuser, or a member of pg_read_all_data."""
    cursor = await connection.execute("SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')")
    (allowed,) = _one(await cursor.fetchone())
    return bool(allowed)


def _one(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if row is None:
        raise msgspec.ValidationError("the server's catalogs gave no row where there is always one")
    return row
