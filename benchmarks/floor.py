"""The floor: what the server alone needs to produce the rows, with nobody reading them."""

from __future__ import annotations

import queue
import threading

import psycopg
from psycopg import sql

from pantry_tui.models import DatabaseTarget

BACKENDS = 2
PAGES = 2048  # of 8 KiB: large tables are shared by the backends

TABLES = """
SELECT n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid) / 8192,
       (SELECT array_agg(attname ORDER BY attnum) FROM pg_catalog.pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY 3 DESC
"""


def copy_to_nowhere(target: DatabaseTarget) -> None:
    """Has two backends copy every table to the server's own /dev/null."""
    work: queue.SimpleQueue[sql.Composed] = queue.SimpleQueue()
    with psycopg.connect(target.conninfo) as connection:
        for schema, table, pages, columns in connection.execute(TABLES).fetchall():
            for statement in _statements(sql.Identifier(schema, table), pages, columns):
                work.put(statement)
    threads = [threading.Thread(target=_drain, args=(target, work)) for _ in range(BACKENDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _statements(table: sql.Identifier, pages: int, columns: list[str]) -> list[sql.Composed]:
    fields = sql.SQL(", ").join(map(sql.Identifier, columns))
    if pages <= PAGES:
        return [sql.SQL("COPY {} ({}) TO '/dev/null'").format(table, fields)]
    ranged = sql.SQL("COPY (SELECT {} FROM ONLY {} WHERE ctid >= {} AND ctid < {}) TO '/dev/null'")
    return [
        ranged.format(fields, table, sql.Literal(f"({first},0)"), sql.Literal(f"({first + PAGES},0)"))
        for first in range(0, pages, PAGES)
    ]


def _drain(target: DatabaseTarget, work: queue.SimpleQueue[sql.Composed]) -> None:
    with psycopg.connect(target.conninfo, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        while True:
            try:
                statement = work.get_nowait()
            except queue.Empty:
                return
            connection.execute(statement)
