"""Reading the rows: the workers' commands in, places for what they packed out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import BinaryIO

import msgspec
from psycopg import sql

from pantry_tui.artifact.files import storage_errors
from pantry_tui.backup.collect import Collector
from pantry_tui.backup.commands import DocumentRows, TableWork, read_commands
from pantry_tui.backup.placing import Placement
from pantry_tui.backup.progress import ProgressMeter
from pantry_tui.backup.reading import Join, RangeRead, ReadReport, Store
from pantry_tui.backup.removing import RemovedLines
from pantry_tui.backup.snapshotted import POSITIONS, READING_SHARES, Snapshotted
from pantry_tui.postgres.session import RANGE_SETTINGS, pin_statements
from pantry_tui.postgres.workers import Answers


async def read_rows(
    backup: Snapshotted,
    work: Sequence[TableWork],
    document: DocumentRows,
    placement: Placement,
    removed: RemovedLines | None = None,
) -> Collector:
    """Has the workers read every range of these tables, in the document's order, and write its segments."""
    if not backup.has_positions:
        return await _read_ranges(backup, work, document, placement, None, removed)
    descriptor = backup.staged.create(POSITIONS)
    with storage_errors(backup.file(POSITIONS), "writing the backup"), os.fdopen(descriptor, "wb") as positions:
        return await _read_ranges(backup, work, document, placement, positions, removed)


async def _read_ranges(
    backup: Snapshotted,
    work: Sequence[TableWork],
    document: DocumentRows,
    placement: Placement,
    positions: BinaryIO | None,
    removed: RemovedLines | None,
) -> Collector:
    weights = {item.table.qualified_name: item.weight for item in work}
    first, last = READING_SHARES
    meter = ProgressMeter(backup.listener, weights, first=first, last=last)
    collector = Collector(work, meter, placement, positions, removed)
    horizon = backup.base.horizon if backup.base is not None else None
    commands = read_commands(backup.connection, work, document, fingerprints=backup.fingerprints, horizon=horizon)
    await backup.pool.run_on_each(_join(backup))

    async def take(worker: int) -> tuple[bytes, Callable[[RangeRead | None], None]] | None:
        await placement.room(worker)
        command = next(commands, None)
        if command is not None:
            command = msgspec.structs.replace(command, places=placement.places(worker))
            return command.to_json(), lambda read: collector.on_result(worker, read)
        await placement.all_placed(worker)
        places = placement.places(worker)
        return (Store(places=places).to_json(), lambda nothing: None) if places else None

    answers: Answers[ReadReport, RangeRead | None] = Answers(ReadReport, RangeRead | None)
    await backup.pool.run_as_ready(take, answers, collector.on_report)
    return collector


def _join(backup: Snapshotted) -> bytes:
    snapshot = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(backup.snapshot.id)
    return Join(
        settings=pin_statements(backup.connection.info.server_version, RANGE_SETTINGS, local=True),
        snapshot=snapshot.as_string(backup.connection),
        codec=backup.rows_codec,
        format=backup.request.format,
        batch_size=backup.request.batch_size,
        bytes_per_second=backup.request.max_rate / backup.pool.count if backup.request.max_rate is not None else None,
    ).to_json()
