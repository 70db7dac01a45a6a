"""Statistics for the planner: a restored table has none until it is analyzed, and plans without them are bad ones.

Up to release 17 no backup can bring them along; autovacuum takes its time, and never looks at partitioned tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.errors import PantryError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import server_error
from pantry_tui.recovery.committing import take_back_cancellation
from pantry_tui.recovery.database import quoted_names, writable_session
from pantry_tui.recovery.progress import RestoreProgress

# A partitioned table is analyzed with all that is below it; the largest first. Foreign tables are other servers' affair.
_TABLES = """
SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY CASE c.relkind WHEN 'p' THEN (SELECT pg_catalog.sum(pg_catalog.pg_relation_size(t.relid))
    FROM pg_catalog.pg_partition_tree(c.oid) t) ELSE pg_catalog.pg_relation_size(c.oid) END DESC
"""


class Analyzed(NamedTuple):
    """How many tables have statistics now, and what could not be done."""

    tables: int
    warnings: list[str]


async def analyze(target: DatabaseTarget, jobs: int, only: Collection[tuple[str, str]] | None = None) -> Analyzed:
    """Analyzes every table, or ``only`` these (schema, name), over ``jobs`` connections.

    A table whose statistics cannot be made, because a function of its index fails, is a warning. Raises `ServerError` and
    its kin when the server cannot be reached.
    """
    failed: dict[str, str] = {}
    if only is None:
        async with await writable_session(target) as connection:
            try:
                tables = [(row[0], row[1]) for row in await (await connection.execute(_TABLES)).fetchall()]
            except psycopg.Error as error:
                raise server_error(error, doing="listing the tables to analyze") from error
    else:
        tables = list(only)
    waiting = iter(tables)

    async def work() -> None:
        async with await writable_session(target) as connection:
            for schema, name in waiting:
                try:
                    await connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, name)))
                except psycopg.Error as error:
                    if connection.closed:
                        raise server_error(error, doing=f"analyzing {schema}.{name}") from error
                    failed[f"{schema}.{name}"] = error.diag.message_primary or str(error)

    await asyncio.gather(*(work() for _ in range(min(jobs, len(tables)))))
    if not failed:
        return Analyzed(len(tables), [])
    why = next(iter(failed.values()))
    warning = f"the planner has no statistics of {quoted_names(list(failed))} ({why}): run ANALYZE on them"
    return Analyzed(len(tables) - len(failed), [warning])


async def analyze_or_warn(
    target: DatabaseTarget,
    jobs: int,
    warn: Callable[[str], None],
    only: Collection[tuple[str, str]] | None = None,
) -> Analyzed:
    """The same, where what cannot be done is a warning: what is restored and compared stays so."""
    try:
        analyzed = await analyze(target, jobs, only)
    except PantryError as error:
        warn(f"the tables are not analyzed: {error.message}; run ANALYZE")
        return Analyzed(0, [])
    for warning in analyzed.warnings:
        warn(warning)
    return analyzed


async def analyze_committed(
    target: DatabaseTarget, jobs: int, progress: RestoreProgress, only: Collection[tuple[str, str]]
) -> Analyzed:
    """The same for tables whose rows are committed: who cancels it now cancels no more than this."""
    if not progress.is_late:
        try:
            return await analyze_or_warn(target, jobs, progress.warn, only)
        except asyncio.CancelledError:
            take_back_cancellation()
            progress.late()
    progress.warn("the tables are not analyzed: run ANALYZE")
    return Analyzed(0, [])
