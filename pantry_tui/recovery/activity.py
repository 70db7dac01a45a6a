"""What was written in a database: told by the server's counters and by its catalogs, so that two moments can be compared.

Counters are what sessions have handed in, about once a second and when they end. Rows of tables, large objects, sequences and
definitions are told apart; a temporary table is none of them.
"""

from __future__ import annotations

from typing import NamedTuple

from psycopg import sql

from pantry_tui.models import DatabaseTarget, Model
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import maintenance_session, writable_session

# The files of tables tell of TRUNCATE and of new tables. pg_largeobject itself is for superusers, its counters are for all.
_ACTIVITY = """
SELECT COALESCE(pg_catalog.sum(n_tup_ins), 0)::int8 AS inserted, COALESCE(pg_catalog.sum(n_tup_upd), 0)::int8 AS updated,
    COALESCE(pg_catalog.sum(n_tup_del), 0)::int8 AS deleted,
    (SELECT pg_catalog.md5(pg_catalog.string_agg(c.oid || ':' || c.relfilenode, ',' ORDER BY c.oid))
        FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relpersistence <> 't')
        AS files,
    (SELECT pg_catalog.md5(pg_catalog.string_agg(
        pg_catalog.concat_ws(' ', l.relid, l.n_tup_ins, l.n_tup_upd, l.n_tup_del), ',' ORDER BY l.relid))
        FROM pg_catalog.pg_stat_sys_tables l WHERE l.relname IN ('pg_largeobject', 'pg_largeobject_metadata'))
        AS large_objects,
    (SELECT pg_catalog.md5(pg_catalog.string_agg(
        pg_catalog.concat_ws(' ', q.schemaname, q.sequencename, q.last_value), ',' ORDER BY q.schemaname, q.sequencename))
        FROM pg_catalog.pg_sequences q WHERE q.schemaname !~ '^pg_') AS sequences
FROM pg_catalog.pg_stat_user_tables
"""
# A row that is written has another xmin; statistics of the planner, and what VACUUM writes there, leave it as it is.
_DEFINED = """
SELECT {name} AS catalog, d.oid, d.xmin::pg_catalog.text AS written FROM pg_catalog.{catalog} d
"""
_CATALOGS = (
    "pg_attrdef",
    "pg_cast",
    "pg_collation",
    "pg_constraint",
    "pg_conversion",
    "pg_default_acl",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_language",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_statistic_ext",
    "pg_trigger",
    "pg_ts_config",
    "pg_ts_dict",
)
_TOTALS = """
SELECT tup_inserted, tup_updated, tup_deleted FROM pg_catalog.pg_stat_database WHERE datname = %s
"""


class Activity(Model, frozen=True, kw_only=True):
    """How many rows were ever written in a database, by the server's counters, and digests of what has no such counter."""

    inserted: int
    updated: int
    deleted: int
    files: str | None
    large_objects: str | None = None
    sequences: str | None = None
    definitions: str | None = None

    def since(self, before: Activity) -> str | None:
        """In words: what was written since ``before``; None: nothing."""
        changes = (self.inserted - before.inserted, self.updated - before.updated, self.deleted - before.deleted)
        others = self._others(before)
        if not (any(changes) or others):
            return None
        if min(changes) < 0:
            return "how much cannot be said: the server's counters were reset"
        inserted, updated, deleted = changes
        return ", ".join([f"{inserted:,} rows inserted, {updated:,} updated, {deleted:,} deleted", *others])

    def _others(self, before: Activity) -> list[str]:
        """What is not rows; a record of an earlier version does not know all of it."""
        parts = {
            "tables created, dropped or rewritten": (self.files, before.files),
            "large objects written": (self.large_objects, before.large_objects),
            "sequences moved": (self.sequences, before.sequences),
            "definitions changed": (self.definitions, before.definitions),
        }
        known = {what: pair for what, pair in parts.items() if what.startswith("tables") or None not in pair}
        return [what for what, (now, then) in known.items() if now != then]


class Totals(NamedTuple):
    """The same of a whole database: these can be read when nobody may connect to it any more.

    Its catalogs are included, so autovacuum that collects statistics counts as somebody who writes.
    """

    inserted: int
    updated: int
    deleted: int

    def since(self, before: Totals) -> str | None:
        """In words: what was written since ``before``; None: nothing."""
        inserted, updated, deleted = (now - then for now, then in zip(self, before, strict=True))
        if not (inserted or updated or deleted):
            return None
        return f"{inserted:,} rows inserted, {updated:,} updated, {deleted:,} deleted"


async def activity_of(target: DatabaseTarget) -> Activity:
    """What was written in a database until now. Raises what connecting to it does, `psycopg.Error`."""
    each = [
        sql.SQL(_DEFINED).format(name=sql.Literal(catalog), catalog=sql.Identifier(catalog)) for catalog in _CATALOGS
    ]
    digest = sql.SQL(
        "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', f.catalog, f.oid, f.written), ','"
        " ORDER BY f.catalog, f.oid)) FROM ({}) f WHERE f.oid >= 16384 AND f.oid NOT IN"
        " (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^pg_')"
    ).format(sql.SQL(" UNION ALL ").join(each))
    async with await writable_session(target) as connection:
        row = await (await connection.execute(_ACTIVITY)).fetchone()
        defined = await (await connection.execute(digest)).fetchone()
    inserted, updated, deleted, files, large_objects, sequences = row or (0, 0, 0, None, None, None)
    return Activity(
        inserted=inserted,
        updated=updated,
        deleted=deleted,
        files=files,
        large_objects=large_objects or "",
        sequences=sequences or "",
        definitions=(defined[0] if defined is not None else None) or "",
    )


async def written_last(target: DatabaseTarget, name: str, kept: str, before: Totals) -> str | None:
    """In words: what was written to ``name``, now ``kept``, behind the last look at it; None: nothing. Its sessions have ended.

    Raises what connecting to the server raises, `psycopg.Error`.
    """
    async with await maintenance_session(target) as connection:
        written = (await totals_of(connection, kept)).since(before)
    if written is None:
        return None
    return (
        f"written to {name} in the last moment before the names were exchanged, by the counters of the whole database with its "
        f"catalogs: {written}; it is kept as {kept}"
    )


async def totals_of(connection: Connection, name: str) -> Totals:
    """Of the database of that name, on this connection's server. Raises `psycopg.Error`."""
    row = await (await connection.execute(_TOTALS, (name,))).fetchone()
    return Totals(*row) if row is not None else Totals(0, 0, 0)
