"""What becomes of each table, in the order of the foreign keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.errors import RestoreError
from pantry_tui.models import ColumnDrift, PlannedTable, RecoveryWay
from pantry_tui.postgres.columns import TableColumns, table_columns
from pantry_tui.postgres.introspect import SourceTable, foreign_keys
from pantry_tui.recovery.in_place.standing import refused_tables
from pantry_tui.recovery.planning.counting import Counted, count_tables, horizon_of
from pantry_tui.recovery.planning.drift import drift_in_place, drift_of_whole, needed_columns
from pantry_tui.recovery.planning.ground import Ground
from pantry_tui.recovery.planning.order import TableName, referenced_first, references_in


class Tables(NamedTuple):
    """The planned tables, those that are referred to first; the cycles among them; why some cannot take their rows."""

    planned: tuple[PlannedTable, ...]
    cycles: tuple[tuple[str, ...], ...]
    refusals: tuple[RestoreError, ...]


class _Found(NamedTuple):
    """What was found out about the tables that are there, by their oids, or by the manifest's index."""

    counted: Mapping[int, Counted]
    drift: Mapping[int, tuple[ColumnDrift, ...]]
    refused: Mapping[int, RestoreError]


async def plan_tables(ground: Ground) -> Tables:
    """What becomes of each selected table. Raises `psycopg.Error`."""
    there = {index: table for index, entry in ground.entries.items() if (table := ground.standing(entry))}
    found = await _look(ground, there)
    refers_to = await _references(ground)
    names = {(entry.schema, entry.name): index for index, entry in ground.entries.items()}
    groups = referenced_first(sorted(names), refers_to)
    cycles = [group for group in groups if len(group) > 1]
    cycle_of = {name: number for number, cycle in enumerate(cycles, 1) for name in cycle}
    planned = [
        msgspec.structs.replace(
            _planned(ground, names[name], there.get(names[name]), found),
            refers_to=tuple(f"{schema}.{other}" for schema, other in sorted(refers_to.get(name, set()) & names.keys())),
            cycle=cycle_of.get(name),
        )
        for group in groups
        for name in group
    ]
    shown = tuple(tuple(f"{schema}.{name}" for schema, name in sorted(cycle)) for cycle in cycles)
    return Tables(tuple(planned), shown, tuple(found.refused[index] for index in sorted(found.refused)))


async def _look(ground: Ground, there: Mapping[int, SourceTable]) -> _Found:
    connection, entries = ground.connection, ground.entries
    horizon = await horizon_of(connection, ground.manifest.snapshot.xmin) if ground.is_source else None
    counted = await count_tables(connection, [(entries[index], table) for index, table in there.items()], horizon)
    oids = [table.oid for table in there.values()]
    columns = await table_columns(connection, oids)
    needed = await needed_columns(connection, oids)
    refused: dict[int, RestoreError] = {}
    if ground.way is RecoveryWay.IN_PLACE:
        refused = await refused_tables(connection, ground.manifest, there, ground.request.strategy)
    drift = {
        index: _drift(ground, entries[index], columns[table.oid], needed.get(table.oid, set()))
        for index, table in there.items()
    }
    return _Found(counted, drift, refused)


def _drift(ground: Ground, entry: TableEntry, there: TableColumns, needed: set[str]) -> tuple[ColumnDrift, ...]:
    if ground.exchanges:
        return drift_in_place(entry, there, needed)
    return drift_of_whole(entry, there)


async def _references(ground: Ground) -> dict[TableName, set[TableName]]:
    """Which tables refer to which: in the database where rows are exchanged in it, else in the backup."""
    if not ground.exchanges:
        return references_in(ground.toc)
    names = {table.oid: (table.schema, table.name) for table in ground.there.values()}
    found = references_in(ground.toc)
    for own, other in await foreign_keys(ground.connection):
        if own in names and other in names:
            found.setdefault(names[own], set()).add(names[other])
    return found


def _planned(ground: Ground, index: int, table: SourceTable | None, found: _Found) -> PlannedTable:
    entry = ground.manifest.tables[index]
    counted = found.counted.get(table.oid) if table is not None else None
    refusal = found.refused.get(index)
    return PlannedTable(
        schema=entry.schema,
        name=entry.name,
        action=_action(ground, table),
        rows_backup=entry.rows,
        raw_bytes=entry.raw_bytes,
        rows_now=counted.rows if counted is not None else None,
        rows_now_exact=counted is None or counted.exact,
        written=counted.written if counted is not None else None,
        drift=found.drift.get(index, ()),
        refusal=refusal.message if refusal is not None else None,
    )


def _action(ground: Ground, table: SourceTable | None) -> str:
    if ground.way is RecoveryWay.IN_PLACE:
        return str(ground.request.strategy) if table is not None else "make again"
    return "fill" if ground.way is RecoveryWay.EMPTY_TABLES else "load"
