"""Handing the tables' rows to worker processes: the largest first, one worker per table where that keeps all busy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import RestoreError
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from pantry_tui.postgres.session import pin_statements
from pantry_tui.postgres.workers import Answers, WorkerPool
from pantry_tui.recovery.loading import LoadingSetup, LoadRows, RowsLoaded, RowsSent, TablePart
from pantry_tui.recovery.preflight import Segments
from pantry_tui.recovery.progress import RestoreProgress

HANDLERS = "pantry_tui.recovery.loading"
PART_BYTES = 64 * 1024 * 1024  # of text, that a worker takes of a large table at once
SMALL_BYTES = 1024 * 1024  # below this, FREEZE gains less than its TRUNCATE costs
SMALL_TABLES = 32
SESSION = (("default_transaction_read_only", "off"), ("synchronous_commit", "off"))


def plan_loading(manifest: Manifest, segments: Segments, workers: int) -> list[LoadRows]:
    """The commands, largest table first.

    A table of more than one worker's fair share goes in parts that any worker takes, small ones many at once, all others
    whole and frozen.
    """
    sizes = {table: raw_bytes(manifest, numbers) for table, numbers in segments.by_table.items() if numbers}
    share = sum(sizes.values()) / workers
    commands: list[LoadRows] = []
    small: list[TablePart] = []
    for table in sorted(sizes, key=lambda table: -sizes[table]):
        numbers = segments.by_table[table]
        if sizes[table] < SMALL_BYTES:
            small.append(TablePart(table=table, segments=numbers))
        elif workers > 1 and sizes[table] > share and len(numbers) > 1:
            parts = _parts(manifest, numbers, min(PART_BYTES, sizes[table] // (2 * workers)))
            commands.extend(LoadRows(parts=(TablePart(table=table, segments=part),)) for part in parts)
        else:
            commands.append(LoadRows(parts=(TablePart(table=table, segments=numbers, freeze=True),)))
    batches = (small[start : start + SMALL_TABLES] for start in range(0, len(small), SMALL_TABLES))
    return [*commands, *(LoadRows(parts=tuple(batch)) for batch in batches)]


def raw_bytes(manifest: Manifest, numbers: Sequence[int]) -> int:
    """The text of these segments, in bytes."""
    return sum(manifest.segments[number].raw_length for number in numbers)


def _parts(manifest: Manifest, numbers: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    part: list[int] = []
    held = 0
    for number in numbers:
        part.append(number)
        held += manifest.segments[number].raw_length
        if held >= size:
            yield tuple(part)
            part, held = [], 0
    if part:
        yield tuple(part)


async def open_loaders(
    pool: WorkerPool, target: DatabaseTarget, repository: RepositoryTarget, manifest: Manifest, server_version: int
) -> None:
    """Connects every worker to the database that is being filled."""
    setup = LoadingSetup(
        target=target,
        settings=pin_statements(server_version, SESSION),
        repository=repository,
        backup_id=manifest.id,
    ).to_json()
    await pool.open(HANDLERS, [setup] * pool.count)


async def load_rows(
    pool: WorkerPool, manifest: Manifest, segments: Segments, progress: RestoreProgress
) -> dict[int, int]:
    """Loads all rows; returns the server's counts by table. Raises `RestoreError` and what workers raise."""
    progress.expect({table: raw_bytes(manifest, numbers) for table, numbers in segments.by_table.items()})

    def sent(report: RowsSent) -> None:
        progress.loaded(report.table, report.rows, report.raw_bytes)

    commands = plan_loading(manifest, segments, pool.count)
    answers: Answers[RowsSent, RowsLoaded] = Answers(RowsSent, RowsLoaded)
    results = await pool.run([command.to_json() for command in commands], answers, sent)
    loaded = dict.fromkeys(segments.by_table, 0)
    for command, result in zip(commands, results, strict=True):
        for part, rows in zip(command.parts, result.rows, strict=True):
            loaded[part.table] += rows
    for table, rows in loaded.items():
        if rows != manifest.tables[table].rows:
            name = manifest.tables[table].qualified_name
            raise RestoreError(f"{name}: {rows:,} rows were loaded of {manifest.tables[table].rows:,} in the backup")
    return loaded
