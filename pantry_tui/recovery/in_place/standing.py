"""Tables of the target that rows go into where they are: their columns, what tells their rows apart, whose they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.errors import PrivilegeError, RestoreError
from pantry_tui.models import Model, Strategy
from pantry_tui.postgres.columns import table_columns
from pantry_tui.postgres.introspect import SourceTable, list_tables
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import quoted_names
from pantry_tui.recovery.fitting import is_widened, require_fitting


class KeyColumn(Model, frozen=True, kw_only=True):
    """A column of a key, and the operator that its index calls equal."""

    name: str
    operator_schema: str
    operator: str


class StandingTable(Model, frozen=True, kw_only=True):
    """A table of the target and how the backup's rows fit it.

    ``columns`` are those of the backup, in the order of the rows' fields; ``added`` those that the table got since.
    ``key`` is empty where nothing but the whole row tells rows apart.
    """

    index: int  # of the manifest's table
    oid: int
    schema: str
    name: str
    columns: tuple[str, ...]
    added: tuple[str, ...]
    key: tuple[KeyColumn, ...]
    widened: bool = False  # a column takes more than the backup's did: fingerprints go by other bytes there
    expression: str  # to fingerprint a row
    shape: str

    @property
    def qualified_name(self) -> str:
        """`schema.name`, unquoted, for people."""
        return f"{self.schema}.{self.name}"


# A key tells rows apart wherever it is asked: whole, of columns that are never null, without a condition. The primary key
# comes first, then the shortest. Equality is what the index calls so: 1.0 and 1.00 are one key, and so are A and a of citext.
_KEYS = """
SELECT DISTINCT ON (i.indrelid) i.indrelid::pg_catalog.int8,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
            'name', a.attname, 'operator_schema', n.nspname, 'operator', o.oprname) ORDER BY k.place)
        FROM ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[]))
            WITH ORDINALITY k(attnum, opclass, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        JOIN pg_catalog.pg_opclass c ON c.oid = k.opclass
        JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype
            AND m.amoprighttype = c.opcintype AND m.amopstrategy = 3
        JOIN pg_catalog.pg_operator o ON o.oid = m.amopopr
        JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE k.place <= i.indnkeyatts)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am h ON h.oid = x.relam AND h.amname = 'btree'
WHERE i.indrelid = ANY (%s::pg_catalog.oid[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, place)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.place <= i.indnkeyatts AND NOT a.attnotnull)
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid
"""

_OWNERS = """
SELECT n.nspname::pg_catalog.text || '.' || c.relname::pg_catalog.text, pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
ORDER BY 1
"""


async def standing_tables(
    connection: Connection, manifest: Manifest, tables: Sequence[int], strategy: Strategy
) -> list[StandingTable]:
    """The target's tables for those of the manifest, in that order.

    Raises `RestoreError` naming each table that is not there or cannot take the rows, with the reason.
    """
    there = {(table.schema, table.name): table for table in await list_tables(connection) if table.kind == "r"}
    entries = {index: manifest.tables[index] for index in tables}
    missing = [entry.qualified_name for entry in entries.values() if (entry.schema, entry.name) not in there]
    if missing:
        raise RestoreError(
            f"the database has no table {quoted_names(missing)}",
            remedy="restore into a new database, and copy from there what is missing here",
        )
    found = {index: there[entry.schema, entry.name] for index, entry in entries.items()}
    keys = await _keys(connection, [table.oid for table in found.values()])
    reasons = [
        reason
        for index, entry in entries.items()
        if (reason := _misfit(entry, found[index], keys.get(found[index].oid, ()), strategy))
    ]
    if reasons:
        raise RestoreError(
            f"{len(reasons)} of {len(entries)} tables cannot take the rows where they are: {'; '.join(reasons)}",
            remedy="leave them out with -x, or restore into a new database",
        )
    columns = await table_columns(connection, [table.oid for table in found.values()])
    require_fitting([(entry, columns[found[index].oid]) for index, entry in entries.items()])
    return [
        _standing(index, entry, found[index], keys, widened=is_widened(entry, columns[found[index].oid]))
        for index, entry in entries.items()
    ]


async def refused_tables(
    connection: Connection, manifest: Manifest, there: Mapping[int, SourceTable], strategy: Strategy
) -> dict[int, RestoreError]:
    """Why tables cannot take the rows, each by itself; ``there`` are the target's, by the manifest's index."""
    oids = [table.oid for table in there.values()]
    keys, columns = await _keys(connection, oids), await table_columns(connection, oids)
    found = {}
    for index, table in there.items():
        entry = manifest.tables[index]
        if reason := _misfit(entry, table, keys.get(table.oid, ()), strategy):
            found[index] = RestoreError(reason, remedy="leave it out with -x, or restore into a new database")
            continue
        try:
            require_fitting([(entry, columns[table.oid])])
        except RestoreError as error:
            found[index] = error
    return found


async def require_owner(connection: Connection, oids: Collection[int]) -> None:
    """Raises `PrivilegeError` naming the tables whose foreign keys and triggers this role cannot put aside."""
    foreign = await (await connection.execute(_OWNERS, (list(oids),))).fetchall()
    if foreign:
        role = connection.info.user
        owners = sorted({owner for _, owner in foreign})
        raise PrivilegeError(
            f"role {role} does not own {quoted_names([name for name, _ in foreign])}: foreign keys and triggers there "
            "have to be put aside while rows are exchanged",
            remedy=f'connect as their owner, or GRANT "{owners[0]}" TO "{role}"',
        )


async def _keys(connection: Connection, oids: Sequence[int]) -> dict[int, tuple[KeyColumn, ...]]:
    rows = await (await connection.execute(_KEYS, (list(oids),))).fetchall()
    return {oid: tuple(KeyColumn.from_builtins(column) for column in columns) for oid, columns in rows}


def _misfit(entry: TableEntry, table: SourceTable, key: tuple[KeyColumn, ...], strategy: Strategy) -> str | None:
    """Why the rows cannot go into the table; None: they can."""
    name = entry.qualified_name
    if entry.carried_by != "segments":
        return f"{name}: its rows are in pg_dump's archive ({entry.reason or 'as the manifest says'})"
    lost = sorted(set(entry.columns) - set(table.columns))
    if lost:
        return f"{name} has no column {quoted_names(lost)} to write to, which the backup has values for"
    if strategy is Strategy.MERGE and not key:
        return f"{name} has no key to merge by: no primary key, no unique index of columns that are never null"
    unknown = [column.name for column in key if column.name not in entry.columns]
    if unknown and strategy is not Strategy.REPLACE:
        return f"{name} is told apart by {quoted_names(unknown)}, which the backup does not have"
    return None


def _standing(
    index: int, entry: TableEntry, table: SourceTable, keys: dict[int, tuple[KeyColumn, ...]], *, widened: bool
) -> StandingTable:
    key = keys.get(table.oid, ())
    return StandingTable(
        index=index,
        oid=table.oid,
        schema=table.schema,
        name=table.name,
        columns=entry.columns,
        added=tuple(name for name in table.columns if name not in entry.columns),
        key=key if all(column.name in entry.columns for column in key) else (),
        widened=widened,
        expression=table.expression,
        shape=table.shape,
    )
