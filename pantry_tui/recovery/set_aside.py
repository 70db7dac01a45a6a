"""Foreign keys and triggers of tables that are being filled: put aside in the same transaction, and put back as they were.

Deferring a key defers neither CASCADE nor RESTRICT, and `DISABLE TRIGGER ALL` or the replica role need a superuser; an
owner may drop a key and add it again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from psycopg import sql

from pantry_tui.postgres.snapshot import Connection

_KEYS = """
SELECT n.nspname::text, c.relname::text, k.conname::text, pg_catalog.pg_get_constraintdef(k.oid),
    pg_catalog.obj_description(k.oid, 'pg_constraint')
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
    AND (k.conrelid = ANY (%(oids)s::pg_catalog.oid[]) OR k.confrelid = ANY (%(oids)s::pg_catalog.oid[]))
ORDER BY 1, 2, 3
"""

_ROOTS = """
SELECT DISTINCT a.relid::pg_catalog.oid::pg_catalog.int8
FROM pg_catalog.unnest(%s::pg_catalog.oid[]) t(oid) CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(t.oid) a
"""

_TRIGGERS = """
SELECT n.nspname::text, c.relname::text, t.tgname::text, t.tgenabled::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgrelid = ANY (%s::pg_catalog.oid[])
ORDER BY (SELECT pg_catalog.count(*) FROM pg_catalog.pg_partition_ancestors(c.oid)), 1, 2, 3
"""

_ENABLE = {
    "D": sql.SQL("DISABLE"),
    "O": sql.SQL("ENABLE"),
    "R": sql.SQL("ENABLE REPLICA"),
    "A": sql.SQL("ENABLE ALWAYS"),
}


class _Key(NamedTuple):
    schema: str
    table: str
    name: str
    definition: str
    comment: str | None


class _Trigger(NamedTuple):
    schema: str
    table: str
    name: str
    state: str  # D, O, R or A


class SetAside(NamedTuple):
    """What was put aside."""

    keys: tuple[_Key, ...]
    triggers: tuple[_Trigger, ...]

    @classmethod
    async def of(cls, connection: Connection, oids: Collection[int]) -> SetAside:
        """Drops the foreign keys that touch these tables and disables their triggers; in the caller's transaction."""
        tables = list(oids)
        roots = [oid for (oid,) in await (await connection.execute(_ROOTS, (tables,))).fetchall()]
        found = await connection.execute(_KEYS, {"oids": [*tables, *roots]})  # a partition's keys are its root's
        keys = tuple(_Key(*row) for row in await found.fetchall())
        # A partitioned table's come first: what is done to them is done to its partitions', whose own state follows. In
        # release 14 those of partitions cannot be named at all.
        found = await connection.execute(_TRIGGERS, ([*tables, *roots],))
        triggers = tuple(_Trigger(*row) for row in await found.fetchall())
        for key in keys:
            await connection.execute(_alter(key, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(key.name))))
        for trigger in triggers:
            disable = sql.SQL("DISABLE TRIGGER {}").format(sql.Identifier(trigger.name))
            await connection.execute(_alter(trigger, disable))
        return cls(keys, triggers)

    async def put_back(self, connection: Connection) -> None:
        """Adds the keys again, which checks every row, and gives each trigger its own state."""
        for key in self.keys:
            # The definition is the server's own text, with every name qualified: search_path is empty.
            add = sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(key.name), sql.SQL(key.definition))
            await connection.execute(_alter(key, add))
            if key.comment is not None:
                comment = sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(
                    sql.Identifier(key.name), sql.Identifier(key.schema, key.table), sql.Literal(key.comment)
                )
                await connection.execute(comment)
        for trigger in self.triggers:
            enable = sql.SQL("{} TRIGGER {}").format(_ENABLE[trigger.state], sql.Identifier(trigger.name))
            await connection.execute(_alter(trigger, enable))


def _alter(of: _Key | _Trigger, action: sql.Composable) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(of.schema, of.table), action)
