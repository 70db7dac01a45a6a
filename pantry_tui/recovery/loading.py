"""What a restore's worker process does: read segments, check them, and send their rows to the server.

A table is loaded whole by one worker, in one transaction that truncates it first, so that COPY can FREEZE: rows arrive
with their hint bits set, which was the largest single win measured (server CPU 9.3 s to 8.0 s, foreign-key checks
1.4 s to 0.4 s). A table larger than one worker's share goes in parts, without FREEZE; small tables go many to a
transaction, because a truncation and a commit each cost more than their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from psycopg import sql

from pantry_tui.artifact.jsondocument import row_batches
from pantry_tui.errors import PantryError, RestoreError
from pantry_tui.models import BackupFormat, DatabaseTarget, Model
from pantry_tui.postgres.connect import adopt_environment
from pantry_tui.postgres.copy import copy_in
from pantry_tui.postgres.link import Link
from pantry_tui.postgres.rowcsv import csv_copy_in
from pantry_tui.repository.handed_over import HandedOver

BLOCK_BYTES = 256 * 1024


class LoadingSetup(Model, frozen=True, kw_only=True):
    """What a worker needs before its first table."""

    target: DatabaseTarget
    settings: str
    backup: HandedOver


class TablePart(Model, frozen=True, kw_only=True):
    """Segments of a table. ``freeze``: they are all of it, nobody else loads it, and truncating it first pays."""

    table: int
    segments: tuple[int, ...]
    freeze: bool = False
    insert: str | None = None  # the statement that takes rows of format `json`


class LoadRows(Model, frozen=True, kw_only=True, tag="load"):
    """Load these in one transaction."""

    parts: tuple[TablePart, ...]


class RunStatement(Model, frozen=True, kw_only=True, tag="run"):
    """Run a statement of the archive: an index, a constraint. ``doing`` says it for people."""

    statement: str
    doing: str
    tablespace: str = ""


LoaderCommand = LoadRows | RunStatement


class RowsSent(Model, frozen=True, kw_only=True):
    """A segment has been sent; its rows are not committed yet."""

    table: int
    rows: int
    raw_bytes: int


class RowsLoaded(Model, frozen=True, kw_only=True):
    """The command is done and committed; ``rows`` are the server's own counts, in the order of its parts."""

    rows: tuple[int, ...] = ()


_commands: msgspec.json.Decoder[LoaderCommand] = msgspec.json.Decoder(LoaderCommand)
_Report = Callable[[bytes], None]


def open_session(setup: bytes) -> Callable[[bytes, _Report], bytes]:
    """Connects and opens the artifact; for `pantry_tui.postgres.worker`."""
    loader = _Loader(LoadingSetup.from_json(setup))

    def session(line: bytes, report: _Report) -> bytes:
        command = _commands.decode(line)
        if isinstance(command, RunStatement):
            return loader.run(command).to_json()
        return loader.load(command, report).to_json()

    return session


class _Loader:
    def __init__(self, setup: LoadingSetup) -> None:
        adopt_environment(setup.target)
        self._manifest = setup.backup.manifest()
        self._reader = setup.backup.reader(self._manifest)
        self._link = Link.open(setup.target, application="restore worker", settings=setup.settings)
        self._tablespace = ""

    def load(self, command: LoadRows, report: _Report) -> RowsLoaded:
        """Loads in one transaction and compares the server's counts with the manifest's."""
        self._link.execute("BEGIN", doing="loading rows")
        rows = tuple(self._load_part(part, report) for part in command.parts)
        self._link.execute("COMMIT", doing="loading rows")
        return RowsLoaded(rows=rows)

    def run(self, command: RunStatement) -> RowsLoaded:
        """Runs a statement in a transaction of its own."""
        if command.tablespace != self._tablespace:
            setting = sql.SQL("SET default_tablespace = {}").format(sql.Literal(command.tablespace))
            self._link.execute(setting.as_string(), doing=command.doing)
            self._tablespace = command.tablespace
        self._link.execute(command.statement, doing=command.doing)
        return RowsLoaded()

    def _load_part(self, part: TablePart, report: _Report) -> int:
        entry = self._manifest.tables[part.table]
        doing = f"loading {entry.qualified_name}"
        if part.freeze:
            # ONLY: a plain TRUNCATE would empty the inheritance children too, loaded or not.
            truncate = sql.SQL("TRUNCATE ONLY {}").format(sql.Identifier(entry.schema, entry.name))
            self._link.execute(truncate.as_string(), doing=doing)
        rows = self._insert(part, report) if part.insert is not None else self._copy(part, report)
        expected = sum(self._manifest.segments[number].rows for number in part.segments)
        if rows != expected:
            raise RestoreError(f"{entry.qualified_name}: the server took {rows:,} rows of {expected:,} in the backup")
        return rows

    def _copy(self, part: TablePart, report: _Report) -> int:
        entry = self._manifest.tables[part.table]
        if self._manifest.format is BackupFormat.CSV:
            copy = csv_copy_in(entry.schema, entry.name, entry.columns, freeze=part.freeze)
        else:
            encoding = self._manifest.source.encoding
            copy = copy_in(entry.schema, entry.name, entry.columns, freeze=part.freeze, encoding=encoding)
        self._link.start_copy_in(copy.as_string(), doing=f"loading {entry.qualified_name}")
        try:
            self._send(part, report)
        except PantryError as error:
            self._link.abort_copy_in(error.message)
            raise
        return self._link.finish_copy_in()

    def _insert(self, part: TablePart, report: _Report) -> int:
        """Rows of format `json`, which only an INSERT can take."""
        doing = f"loading {self._manifest.tables[part.table].qualified_name}"
        rows = 0
        for number in part.segments:
            for batch in row_batches(self._reader.rows(number)):
                rows += self._link.insert(part.insert or "", batch.array, doing=doing)
            segment = self._manifest.segments[number]
            report(RowsSent(table=part.table, rows=segment.rows, raw_bytes=segment.raw_length).to_json())
        return rows

    def _send(self, part: TablePart, report: _Report) -> None:
        for number in part.segments:
            for block in self._blocks(number):
                self._link.write(block)
            segment = self._manifest.segments[number]
            report(RowsSent(table=part.table, rows=segment.rows, raw_bytes=segment.raw_length).to_json())

    def _blocks(self, number: int) -> Iterator[bytes]:
        for piece in self._reader.rows(number):
            for start in range(0, len(piece), BLOCK_BYTES):
                yield piece[start : start + BLOCK_BYTES]
