"""The figures of a plan that are no table's: the room it needs, what is lost by it, how much work it is."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.artifact.toc import PG_CLASS
from pantry_tui.models import DataLoss, PlannedRoom, PlannedTable, RecoveryWay, utc_now
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.recovery.planning.durations import Work
from pantry_tui.recovery.planning.ground import Ground
from pantry_tui.recovery.preflight import USUAL_SPACE, raw_bytes, room_of

_LOG = "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), %s::pg_catalog.pg_lsn)"
_INDEXES = ("INDEX", "CONSTRAINT")
# In place rows lie three times on the disk: beside their table, in it as new versions, and in what undoes it.
_COPIES_IN_PLACE = 3


async def room(ground: Ground) -> PlannedRoom:
    """What is needed on the server's disk, and what is free there, as far as this program can see. Raises `psycopg.Error`."""
    rows = sum(_size(ground, index) for index in ground.selection.tables)
    if ground.way is RecoveryWay.IN_PLACE:
        needed, why = rows * _COPIES_IN_PLACE, "rows beside their tables, in them, and in what undoes it"
    else:
        needed, why = int(rows * USUAL_SPACE), "rows, indexes and log"
    if ground.way is RecoveryWay.BESIDE:
        needed, why = needed * 2, f"{why}, twice: in the working database, and beside what is there"
    if ground.way is RecoveryWay.SIDE_BY_SIDE:
        why += "; the earlier database stays beside it"
    found = await room_of(ground.connection)
    if found is None:
        hidden = "this program cannot see the server's disk: look there with df"
        return PlannedRoom(needed=needed, free=None, words=f"{why}; {hidden}")
    return PlannedRoom(needed=needed, free=found.free, words=f"{why}; in {found.directory}")


def _rows(number: int) -> str:
    return f"{number:,} row" + ("" if number == 1 else "s")


def _size(ground: Ground, index: int) -> int:
    """What a table took on the source's disk, or else the text of its rows."""
    entry = ground.manifest.tables[index]
    if entry.server_bytes is not None:
        return entry.server_bytes
    return raw_bytes(ground.manifest, ground.segments.by_table.get(index, ()))


async def loss(ground: Ground, tables: Sequence[PlannedTable]) -> DataLoss:
    """What was written since the backup, and is gone after the recovery. Raises `psycopg.Error`."""
    manifest = ground.manifest
    age = max(0.0, (utc_now() - manifest.started_at).total_seconds())
    known = [table for table in tables if table.written is not None]
    written = sum(table.written or 0 for table in known)
    changed = sorted((table for table in known if table.written), key=lambda table: -(table.written or 0))
    words = [f"{table.qualified_name}: {_rows(table.written or 0)} written since" for table in changed]
    if unknown := [table for table in tables if table.written is None and table.rows_now is not None]:
        words.append(f"of {len(unknown)} tables it cannot be told how many rows were written since")
    return DataLoss(
        backup_at=manifest.started_at,
        age_seconds=age,
        written_rows=written if known and not unknown else None,
        log_bytes=await _log_since(ground) if ground.is_source else None,
        rpo_seconds=ground.request.rpo_seconds,
        words=tuple(words),
    )


async def _log_since(ground: Ground) -> int | None:
    if ground.identity.in_recovery:
        return None
    row = await (await ground.connection.execute(_LOG, (ground.manifest.snapshot.insert_lsn,))).fetchone()
    return int(row[0]) if row is not None and row[0] >= 0 else None


def work(ground: Ground, tables: Sequence[PlannedTable]) -> Work:
    """How much there is to be done."""
    manifest = ground.manifest
    rows = {manifest.tables[index].oid: manifest.tables[index].rows for index in ground.selection.tables}
    by_id = {entry.id: entry.oid for entry in ground.toc if entry.catalog == PG_CLASS and entry.oid in rows}
    indexes = [entry for entry in ground.toc if entry.kind in _INDEXES]
    owners = (by_id[number] for entry in indexes for number in entry.depends_on if number in by_id)
    numbers = ground.segments.numbers
    return Work(
        way=ground.way,
        raw_bytes=sum(table.raw_bytes for table in tables),
        stored_bytes=sum(manifest.segments[number].length for number in numbers),
        rows=sum(table.rows_backup for table in tables),
        indexed_rows=sum(rows[oid] for oid in owners),
        tables=len(tables),
        jobs=ground.request.jobs or default_worker_count(),
        rows_now=sum(table.rows_now or 0 for table in tables),
        statements=sum(1 for entry in ground.toc if entry.statement),
    )
