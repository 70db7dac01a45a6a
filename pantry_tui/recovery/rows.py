"""Rows, indexes and constraints by worker processes: the largest table first, one worker per table where that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.toc import PG_CLASS
from pantry_tui.errors import RestoreError
from pantry_tui.models import BackupFormat, DatabaseTarget
from pantry_tui.postgres.introspect import list_tables
from pantry_tui.postgres.rowjson import json_columns, json_insert
from pantry_tui.postgres.session import pin_statements
from pantry_tui.postgres.workers import Answers, WorkerPool
from pantry_tui.recovery.archive import build_settings
from pantry_tui.recovery.building import Building
from pantry_tui.recovery.content import Expected
from pantry_tui.recovery.database import writable_session
from pantry_tui.recovery.loading import LoadingSetup, LoadRows, RowsLoaded, RowsSent, TablePart
from pantry_tui.recovery.plan import RestorePlan
from pantry_tui.recovery.preflight import Segments, raw_bytes
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.schedule import Work, WorkSchedule
from pantry_tui.repository.handed_over import HandedOver

HANDLERS = "pantry_tui.recovery.loading"
PART_BYTES = 64 * 1024 * 1024  # of text, that a worker takes of a large table at once
SMALL_BYTES = 1024 * 1024  # below this, FREEZE gains less than its TRUNCATE costs
SMALL_TABLES = 32
UNEVEN = 1.5  # a table may be this much larger than a worker's fair share: the others build indexes meanwhile
SESSION = (
    ("default_transaction_read_only", "off"),
    ("synchronous_commit", "off"),
    ("check_function_bodies", "off"),
    ("client_min_messages", "warning"),
    ("default_tablespace", ""),
    ("jit", "off"),  # compiling a foreign key's check costs more than it saves
)


def plan_loading(manifest: Manifest, segments: Segments, workers: int) -> list[LoadRows]:
    """The loads, largest table first.

    A table that would keep one worker busy long after all others are done goes in parts that any worker takes, small
    ones go many at once, all others whole and frozen.
    """
    sizes = {table: raw_bytes(manifest, numbers) for table, numbers in segments.by_table.items() if numbers}
    most = UNEVEN * sum(sizes.values()) / workers
    commands: list[LoadRows] = []
    small: list[TablePart] = []
    for table in sorted(sizes, key=lambda table: -sizes[table]):
        numbers = segments.by_table[table]
        if sizes[table] < SMALL_BYTES:
            small.append(TablePart(table=table, segments=numbers))
        elif workers > 1 and sizes[table] > most and len(numbers) > 1:
            parts = _parts(manifest, numbers, min(PART_BYTES, sizes[table] // (2 * workers)))
            commands.extend(LoadRows(parts=(TablePart(table=table, segments=part),)) for part in parts)
        else:
            commands.append(LoadRows(parts=(TablePart(table=table, segments=numbers, freeze=True),)))
    batches = (small[start : start + SMALL_TABLES] for start in range(0, len(small), SMALL_TABLES))
    return [*commands, *(LoadRows(parts=tuple(batch)) for batch in batches)]


class Filling:
    """All the work of the workers on one database: loads, and what is built on them."""

    def __init__(self, expected: Expected, workers: int) -> None:
        self._manifest = expected.manifest
        self._segments = expected.segments
        tables = {entry.oid: entry.id for entry in expected.toc if entry.catalog == PG_CLASS}
        self._locks = {
            index: tables[table.oid] for index, table in enumerate(self._manifest.tables) if table.oid in tables
        }
        commands = plan_loading(self._manifest, self._segments, workers)
        loads = [self._load(-1 - number, command) for number, command in enumerate(commands)]
        self._in_parts = any(work.shared for work in loads)
        by_table: dict[int, list[int]] = {}
        for work, command in zip(loads, commands, strict=True):
            for part in command.parts:
                by_table.setdefault(part.table, []).append(work.number)
        self._building = Building(self._manifest, expected.toc, by_table)
        self._works = [*loads, *by_chain(self._building.works())]
        self._inserts: dict[int, str] = {}  # by table, for rows of format `json`

    @property
    def entries(self) -> frozenset[int]:
        """The archive's entries that are built here and not by pg_restore."""
        return self._building.entries

    async def open(self, pool: WorkerPool, plan: RestorePlan, target: DatabaseTarget) -> None:
        """Connects every worker to the database that is to be filled."""
        settings = (*SESSION, *build_settings(target, pool.count))
        if not self._in_parts and pool.count > 1:
            # Every worker builds: more processes for one index would only get in the way of the others.
            settings += (("max_parallel_maintenance_workers", "0"),)
        setup = LoadingSetup(
            target=target,
            settings=pin_statements(plan.server_version, settings),
            backup=HandedOver.of(self._manifest, plan.expected.repository, plan.expected.unlocking),
        ).to_json()
        await pool.open(HANDLERS, [setup] * pool.count)

    async def look(self, target: DatabaseTarget) -> None:
        """Looks at the tables, now that they are there: rows of format `json` are inserted by what their columns are."""
        if self._manifest.format is not BackupFormat.JSON:
            return
        async with await writable_session(target) as connection:
            there = {(table.schema, table.name): table.oid for table in await list_tables(connection)}
            entries = {index: self._manifest.tables[index] for index in self._segments.by_table}
            oids = {index: there[entry.schema, entry.name] for index, entry in entries.items()}
            columns = await json_columns(connection, list(oids.values()))
            for index, entry in entries.items():
                statement = json_insert(entry.schema, entry.name, columns.get(oids[index], ()))
                self._inserts[index] = statement.as_string(connection)

    def _command(self, work: Work) -> bytes:
        if not isinstance(work.command, LoadRows) or not self._inserts:
            return work.command.to_json()
        parts = [msgspec.structs.replace(part, insert=self._inserts[part.table]) for part in work.command.parts]
        return LoadRows(parts=tuple(parts)).to_json()

    async def run(self, pool: WorkerPool, progress: RestoreProgress) -> dict[int, int]:
        """Does everything; returns the server's row counts by table. Raises `RestoreError` and what workers raise."""
        progress.expect(
            {table: raw_bytes(self._manifest, numbers) for table, numbers in self._segments.by_table.items()},
            building=sum(work.weight for work in self._works if not isinstance(work.command, LoadRows)),
        )
        loaded = dict.fromkeys(self._segments.by_table, 0)
        schedule = WorkSchedule(self._works)

        def finished(work: Work, result: RowsLoaded) -> None:
            schedule.done(work)
            if isinstance(work.command, LoadRows):
                for part, rows in zip(work.command.parts, result.rows, strict=True):
                    loaded[part.table] += rows
            else:
                progress.built(work.weight)

        async def take(worker: int) -> tuple[bytes, Callable[[RowsLoaded], None]] | None:
            work = await schedule.take()
            return None if work is None else (self._command(work), partial(finished, work))

        answers: Answers[RowsSent, RowsLoaded] = Answers(RowsSent, RowsLoaded)
        await pool.run_as_ready(take, answers, lambda sent: progress.loaded(sent.table, sent.rows, sent.raw_bytes))
        self._require_all(loaded)
        return loaded

    def _load(self, number: int, command: LoadRows) -> Work:
        """Parts of a table may be loaded side by side; nothing else may touch it meanwhile."""
        locks = frozenset(self._locks[part.table] for part in command.parts)
        in_parts = len(command.parts) == 1 and len(command.parts[0].segments) < len(
            self._segments.by_table[command.parts[0].table]
        )
        weight = sum(raw_bytes(self._manifest, part.segments) for part in command.parts)
        nothing: frozenset[int] = frozenset()
        return Work(
            number=number,
            command=command,
            exclusive=nothing if in_parts else locks,
            shared=locks if in_parts else nothing,
            weight=weight,
            rank=(0, -weight),
        )

    def _require_all(self, loaded: dict[int, int]) -> None:
        for table, rows in loaded.items():
            entry = self._manifest.tables[table]
            if rows != entry.rows:
                raise RestoreError(f"{entry.qualified_name}: {rows:,} rows were loaded of {entry.rows:,} in the backup")


def by_chain(works: Sequence[Work]) -> list[Work]:
    """The same work, ranked by the longest chain of work that waits for it: what keeps most waiting begins first.

    What a task needs stands before it in ``works``.
    """
    longest: dict[int, int] = {}
    ranked: list[Work] = []
    for work in reversed(works):
        chain = work.weight + longest.get(work.number, 0)
        for number in work.needs:
            longest[number] = max(longest.get(number, 0), chain)
        ranked.append(msgspec.structs.replace(work, rank=(work.rank[0], -chain)))
    return ranked[::-1]


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
