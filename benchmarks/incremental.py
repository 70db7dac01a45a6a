"""Incremental backups: ours beside our full ones and beside pg_dump's copies, after changes of three kinds.

Run with `python -m benchmarks.incremental`. Fingerprints are taken in both; each incremental builds on a full backup of before
the changes. Every copy that pg_dump makes is a full one.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from benchmarks import data
from benchmarks.backup import pg_dump
from benchmarks.measure import Memory, Usage, median, watched_memory
from benchmarks.place import Place, add_arguments, place
from benchmarks.restore import empty_database
from benchmarks.table import MEGABYTE, Target, print_memory, print_targets, print_usages
from pantry_tui.config.targets import target_with_database
from pantry_tui.models import BackupKind, BackupRequest, BackupSummary, DatabaseTarget, RestoreRequest

SCATTERED, NOTHING, GROWN = "1 % updated and 0.2 % deleted", "nothing changed", "1 % appended"
FULL, INCREMENTAL, DIRECTORY = "ours, full", "ours, incremental", "`pg_dump -Fd -j2`, full"
BASE_RESTORED, BOTH_RESTORED = "restore of the base", "restore of base and incremental"
MOST = {SCATTERED: 0.70, NOTHING: 0.45, GROWN: 0.50}
MOST_STORED = 0.03  # of the full backup, where 1 % was updated
MEMORY_MOST = 200 * MEGABYTE
CHANGED = "changed"

_TABLES = """
SELECT c.oid::pg_catalog.regclass::pg_catalog.text, pg_catalog.quote_ident(a.attname), c.reltuples,
    EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY c.reltuples DESC
"""


def change(target: DatabaseTarget, what: str) -> None:
    """Changes every table, but deletes only rows to which none refers; triggers do not act."""
    with psycopg.connect(target.conninfo, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SELECT pg_catalog.setseed(0.5)")
        tables = connection.execute(_TABLES).fetchall()
        for name, first, rows, referenced in tables:
            if what == SCATTERED:
                connection.execute(f"UPDATE {name} SET {first} = {first} WHERE random() < 0.01".encode())
                if not referenced:
                    connection.execute(f"DELETE FROM {name} WHERE random() < 0.002".encode())
            elif what == GROWN:
                _append(connection, name, max(1, int(rows / 100)))


def _append(connection: psycopg.Connection[tuple[object, ...]], name: str, rows: int) -> None:
    """Copies of rows that are there, with keys of their own; unique ones that stand in the way are left out."""
    found = connection.execute(
        "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', '), pg_catalog.string_agg("
        "CASE WHEN attname = 'id' AND atttypid = 'pg_catalog.uuid'::pg_catalog.regtype"
        " THEN 'pg_catalog.gen_random_uuid()' ELSE pg_catalog.quote_ident(attname) END, ', ') FROM pg_catalog.pg_attribute"
        " WHERE attrelid = %s::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        (name,),
    ).fetchone()
    columns, values = found or ("", "")
    connection.execute(
        f"INSERT INTO {name} ({columns}) OVERRIDING USER VALUE"
        f" SELECT {values} FROM {name} LIMIT {rows} ON CONFLICT DO NOTHING".encode()
    )


@contextmanager
def changed_database(where: Place, source: DatabaseTarget, what: str) -> Iterator[tuple[DatabaseTarget, BackupSummary]]:
    """A copy of the database with its full backup, changed since."""
    data.drop(where.maintenance, CHANGED)
    name = psycopg.conninfo.conninfo_to_dict(source.conninfo)["dbname"]
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    data.execute(where.maintenance, copy.format(sql.Identifier(CHANGED), sql.Identifier(str(name))))
    target = target_with_database(where.maintenance, CHANGED)
    data.execute(target, sql.SQL("ANALYZE"))
    base = BackupSummary.from_builtins(where.ours(_request(where, target, BackupKind.FULL))[1])
    change(target, what)
    try:
        yield target, base
    finally:
        shutil.rmtree(base.path)
        data.drop(where.maintenance, CHANGED)


def _request(
    where: Place, target: DatabaseTarget, kind: BackupKind, base: BackupSummary | None = None
) -> BackupRequest:
    return BackupRequest(
        database=target,
        repository=where.repository,
        name="bench",
        kind=kind,
        base=base.id if base is not None else None,
    )


def ours(where: Place, target: DatabaseTarget, base: BackupSummary | None = None) -> Usage:
    """A backup by the warm runner: a full one, or one on that base."""
    kind = BackupKind.FULL if base is None else BackupKind.INCREMENTAL
    usage, result = where.ours(_request(where, target, kind, base))
    backup = BackupSummary.from_builtins(result)
    shutil.rmtree(backup.path)
    return usage._replace(size=backup.bytes)


def restored(where: Place, backup: BackupSummary) -> Usage:
    """A restore by the warm runner, verified."""
    with empty_database(where) as target:
        return where.ours(RestoreRequest(repository=where.repository, backup_id=backup.id, target=target))[0]


def contenders(
    where: Place, target: DatabaseTarget, base: BackupSummary, delta: BackupSummary
) -> dict[str, Callable[[], Usage]]:
    """What is compared, by name."""
    return {
        FULL: lambda: ours(where, target),
        INCREMENTAL: lambda: ours(where, target, base),
        DIRECTORY: lambda: pg_dump(where, target),
        BASE_RESTORED: lambda: restored(where, base),
        BOTH_RESTORED: lambda: restored(where, delta),
    }


def memory(where: Place, target: DatabaseTarget, base: BackupSummary) -> Memory:
    """The peak of an incremental backup, in a round of its own: looking at memory costs time."""
    with watched_memory(where.runner) as peak:
        ours(where, target, base)
        return peak()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.incremental", description=__doc__)
    add_arguments(parser)
    args = parser.parse_args()
    with place(args) as where:
        source = where.database("crm", args.megabytes)
        for what, most in MOST.items():
            if args.only not in what:
                continue
            with changed_database(where, source, what) as (target, base):
                request = _request(where, target, BackupKind.INCREMENTAL, base)
                delta = BackupSummary.from_builtins(where.ours(request)[1])
                chosen = contenders(where, target, base, delta)
                usages: dict[str, list[Usage]] = {name: [] for name in chosen}
                for _ in range(args.rounds):
                    for name, run in chosen.items():
                        data.settle(where.maintenance)
                        usages[name].append(run())
                medians = {name: median(found) for name, found in usages.items()}
                print_usages(f"Incremental, crm, {args.megabytes} MB, {what}, medians of {args.rounds}", medians)
                targets = (Target(INCREMENTAL, FULL, most), Target(BOTH_RESTORED, BASE_RESTORED, 1.25))
                print_targets(medians, targets, judged=True)
                share = medians[INCREMENTAL].size / medians[FULL].size
                verdict = f"; at most {MOST_STORED:.0%}" if what == SCATTERED else ""
                print(f"\nStored: {share:.1%} of the full backup{verdict}")
                if what == SCATTERED:
                    print_memory({"incremental backup of crm": memory(where, target, base)}, MEMORY_MOST)
                shutil.rmtree(delta.path)


if __name__ == "__main__":
    main()
