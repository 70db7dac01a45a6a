"""What would disturb rows while they are exchanged: put aside in the same transaction, and put back as it was.

Foreign keys, user triggers, rules, and row-level security that is forced on the owner. Deferring a key defers neither
CASCADE nor RESTRICT, and `DISABLE TRIGGER ALL` or the replica role need a superuser; an owner may drop a key and add it
again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.postgres.snapshot import Connection

ORPHANS_SHOWN = 5
_NOT_VALID = " NOT VALID"

# A key to a table of somebody else stays: its rows do not change, and each row that comes is checked against them.
_KEYS = """
SELECT n.nspname::text, c.relname::text, k.conname::text, k.conrelid::pg_catalog.int8,
    k.confrelid::pg_catalog.int8, pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.obj_description(k.oid, 'pg_constraint'),
    rn.nspname::text, r.relname::text,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(a.attname, b.attname, o.nspname, o.oprname) ORDER BY o.place)
        FROM (SELECT f.own, f.other, f.place, e.oprname, en.nspname
            FROM ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop))
                WITH ORDINALITY f(own, other, operator, place)
            JOIN pg_catalog.pg_operator e ON e.oid = f.operator
            JOIN pg_catalog.pg_namespace en ON en.oid = e.oprnamespace) o
        JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.own
        JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = o.other)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
    AND (k.conrelid = ANY (%(oids)s::pg_catalog.oid[]) OR k.confrelid = ANY (%(oids)s::pg_catalog.oid[]))
    AND (k.confrelid = ANY (%(oids)s::pg_catalog.oid[]) OR pg_catalog.pg_has_role(r.relowner, 'USAGE'))
ORDER BY 1, 2, 3
"""

_ROOTS = """
SELECT DISTINCT a.relid::pg_catalog.oid::pg_catalog.int8
FROM pg_catalog.unnest(%s::pg_catalog.oid[]) t(oid) CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(t.oid) a
"""

# In release 14 what a partition has of its root's triggers counts as internal; so do those of foreign keys in all of them.
_TRIGGERS = """
SELECT n.nspname::text, c.relname::text, t.tgname::text, t.tgenabled::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
WHERE (NOT t.tgisinternal OR t.tgparentid <> 0 AND COALESCE(k.contype, 't') = 't')
    AND t.tgrelid = ANY (%s::pg_catalog.oid[])
ORDER BY 1, 2, 3
"""

_RULES = """
SELECT n.nspname::text, c.relname::text, r.rulename::text, r.ev_enabled::text
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) ORDER BY 1, 2, 3
"""

_FORCED = """
SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) AND c.relforcerowsecurity ORDER BY 1, 2
"""

_ENABLE = {
    "D": sql.SQL("DISABLE"),
    "O": sql.SQL("ENABLE"),
    "R": sql.SQL("ENABLE REPLICA"),
    "A": sql.SQL("ENABLE ALWAYS"),
}


class ForeignKey(NamedTuple):
    """A foreign key of one table to another, both by name and oid."""

    schema: str
    table: str
    name: str
    table_oid: int
    referenced_oid: int
    definition: str
    comment: str | None
    referenced_schema: str
    referenced_table: str
    columns: tuple[tuple[str, str, str, str], ...]  # own, the referenced one's, schema and name of the operator

    @property
    def orphans(self) -> sql.Composed:
        """The query for rows without the row that they refer to."""
        own = [sql.SQL("r.{}").format(sql.Identifier(name)) for name, *_ in self.columns]
        match = sql.SQL(" AND ").join(
            sql.SQL("p.{} OPERATOR({}.{}) r.{}").format(
                sql.Identifier(other), sql.Identifier(operators), sql.SQL(operator), sql.Identifier(name)
            )
            for name, other, operators, operator in self.columns
        )
        given = sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(column) for column in own)
        return sql.SQL(
            "SELECT ROW({})::pg_catalog.text AS content FROM {} r WHERE {} AND NOT EXISTS (SELECT FROM {} p WHERE {})"
        ).format(
            sql.SQL(", ").join(own),
            sql.Identifier(self.schema, self.table),
            given,
            sql.Identifier(self.referenced_schema, self.referenced_table),
            match,
        )

    @property
    def title(self) -> str:
        """`schema.table.key`, for people."""
        return f"{self.schema}.{self.table}.{self.name}"


class _Named(NamedTuple):
    """A trigger or rule and its state: D, O, R or A."""

    schema: str
    table: str
    name: str
    state: str


class SetAside(NamedTuple):
    """What of some tables is to be put aside."""

    keys: tuple[ForeignKey, ...]
    triggers: tuple[_Named, ...]
    rules: tuple[_Named, ...]
    forced: tuple[tuple[str, str], ...]  # tables whose policies bind their owner too

    @classmethod
    async def find(cls, connection: Connection, oids: Collection[int]) -> SetAside:
        """What these tables have; nothing is changed."""
        tables = list(oids)
        roots = [oid for (oid,) in await (await connection.execute(_ROOTS, (tables,))).fetchall()]
        found = await connection.execute(_KEYS, {"oids": [*tables, *roots]})  # a partition's keys are its root's
        keys = [ForeignKey(*row) for row in await found.fetchall()]
        found = await connection.execute(_TRIGGERS, (tables,))
        triggers = tuple(_Named(*row) for row in await found.fetchall())
        found = await connection.execute(_RULES, (tables,))
        rules = tuple(_Named(*row) for row in await found.fetchall())
        found = await connection.execute(_FORCED, (tables,))
        return cls(tuple(keys), triggers, rules, tuple([(schema, table) async for schema, table in found]))

    @property
    def touched(self) -> frozenset[int]:
        """The oids of all tables that a foreign key ties together here."""
        return frozenset(oid for key in self.keys for oid in (key.table_oid, key.referenced_oid))

    async def put_aside(self, connection: Connection) -> None:
        """Drops the keys, disables triggers and rules, and frees the owner of policies; in the caller's transaction."""
        for key in self.keys:
            await connection.execute(_alter(key, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(key.name))))
        for what, named in self._named():
            disable = sql.SQL("DISABLE {} {}").format(what, sql.Identifier(named.name))
            await connection.execute(_alter_only(named, disable))
        for schema, table in self.forced:
            name = sql.Identifier(schema, table)
            await connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))

    async def broken(self, connection: Connection) -> dict[str, int]:
        """Keys that rows break already, which were brought in past them, and how many rows do."""
        found = {}
        for key in self.keys:
            if not key.definition.endswith(_NOT_VALID):
                found[key.title] = await _count(connection, key.orphans)
        return {title: orphans for title, orphans in found.items() if orphans}

    async def wake(self, connection: Connection) -> None:
        """Gives triggers and rules their own state back, when no rows change any more."""
        for what, named in self._named():
            enable = sql.SQL("{} {} {}").format(_ENABLE[named.state], what, sql.Identifier(named.name))
            await connection.execute(_alter_only(named, enable))

    async def put_back(self, connection: Connection, broken: Mapping[str, int] | None = None) -> list[str]:
        """Adds the keys again, which checks every row, and binds owners by their policies; triggers are awake by then.

        Returns in words what the keys found wrong, with the first rows; what was not wrong is back. A key of ``broken`` that no
        more rows break than did before is put back without the check.
        """
        violations = []
        for key in self.keys:
            if (problem := await _add(connection, key)) is None:
                continue
            if await _count(connection, key.orphans) <= (broken or {}).get(key.title, 0):
                await _add(connection, key._replace(definition=key.definition + _NOT_VALID))
            else:
                violations.append(problem)
        for schema, table in self.forced:
            name = sql.Identifier(schema, table)
            await connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name))
        return violations

    def _named(self) -> list[tuple[sql.SQL, _Named]]:
        return [
            *((sql.SQL("TRIGGER"), trigger) for trigger in self.triggers),
            *((sql.SQL("RULE"), rule) for rule in self.rules),
        ]


async def _add(connection: Connection, key: ForeignKey) -> str | None:
    # The definition is the server's own text, with every name qualified: search_path is empty.
    add = sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(key.name), sql.SQL(key.definition))
    try:
        async with connection.transaction():
            await connection.execute(_alter(key, add))
    except psycopg.errors.ForeignKeyViolation:
        return await _violation(connection, key)
    if key.comment is not None:
        comment = sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(
            sql.Identifier(key.name), sql.Identifier(key.schema, key.table), sql.Literal(key.comment)
        )
        await connection.execute(comment)
    return None


async def _count(connection: Connection, query: sql.Composed) -> int:
    row = await (await connection.execute(sql.SQL("SELECT pg_catalog.count(*) FROM ({}) o").format(query))).fetchone()
    return int(row[0]) if row is not None else 0


async def _violation(connection: Connection, key: ForeignKey) -> str:
    title = f"{key.schema}.{key.table} breaks {key.name}"
    count = await _count(connection, key.orphans)
    first = sql.SQL("SELECT content FROM ({}) o LIMIT {}").format(key.orphans, sql.Literal(ORPHANS_SHOWN))
    shown = [content for (content,) in await (await connection.execute(first)).fetchall()]
    return f"{title}: {count:,} rows refer to rows that are not there, the first: {', '.join(shown)}"


def _alter(key: ForeignKey, action: sql.Composable) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(key.schema, key.table), action)


def _alter_only(named: _Named, action: sql.Composable) -> sql.Composed:
    """Of the table itself: its partitions have states of their own."""
    return sql.SQL("ALTER TABLE ONLY {} {}").format(sql.Identifier(named.schema, named.table), action)
