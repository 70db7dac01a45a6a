"""What a restore's worker process does: read segments, check them, and send their rows to the server.

A table is loaded whole by one worker, in one transaction that truncates it first, so that COPY can FREEZE: rows arrive
with their hint bits set, which was the largest single win measured (server CPU 9.3 s to 8.0 s, foreign-key checks
1.4 s to 0.4 s). Only a table larger than one worker's share goes in parts, without FREEZE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from psycopg import sql

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.reader import SegmentReader
from pantry_tui.errors import PantryError, RestoreError
from pantry_tui.models import DatabaseTarget, Model, RepositoryTarget
from pantry_tui.postgres.connect import adopt_environment
from pantry_tui.postgres.copy import copy_in
from pantry_tui.postgres.link import Link
from pantry_tui.repository.local import LocalRepository

BLOCK_BYTES = 256 * 1024


class LoadingSetup(Model, frozen=True, kw_only=True):
    """What a worker needs before its first table."""

    target: DatabaseTarget
    settings: str
    repository: RepositoryTarget
    backup_id: str


class LoadTable(Model, frozen=True, kw_only=True):
    """Load these segments of a table, ``whole``: they are all of it and nobody else loads it."""

    table: int
    segments: tuple[int, ...]
    whole: bool


class RowsSent(Model, frozen=True, kw_only=True):
    """A segment has been sent; its rows are not committed yet."""

    table: int
    rows: int
    raw_bytes: int


class RowsLoaded(Model, frozen=True, kw_only=True):
    """The command is done and committed; ``rows`` is the server's own count."""

    table: int
    rows: int


_commands: msgspec.json.Decoder[LoadTable] = msgspec.json.Decoder(LoadTable)
_Report = Callable[[bytes], None]


def open_session(setup: bytes) -> Callable[[bytes, _Report], bytes]:
    """Connects and opens the artifact; for `pantry_tui.postgres.worker`."""
    loader = _Loader(LoadingSetup.from_json(setup))

    def session(line: bytes, report: _Report) -> bytes:
        return loader.load(_commands.decode(line), report).to_json()

    return session


class _Loader:
    def __init__(self, setup: LoadingSetup) -> None:
        adopt_environment(setup.target)
        repository = LocalRepository(setup.repository)
        self._manifest: Manifest = repository.manifest(setup.backup_id)
        self._file = repository.open(setup.backup_id, self._manifest.file("artifact").name)
        self._reader = SegmentReader(self._file, self._manifest)
        self._link = Link.open(setup.target, application="restore worker", settings=setup.settings)

    def load(self, command: LoadTable, report: _Report) -> RowsLoaded:
        """Loads in one transaction and compares the server's count with the manifest's."""
        name = self._manifest.tables[command.table].qualified_name
        doing = f"loading {name}"
        self._link.execute("BEGIN", doing=doing)
        if command.whole:
            # ONLY: a plain TRUNCATE would empty the inheritance children too, loaded or not.
            self._link.execute(self._truncate(command.table), doing=doing)
        rows = self._copy(command, report, doing)
        expected = sum(self._manifest.segments[number].rows for number in command.segments)
        if rows != expected:
            raise RestoreError(f"{name}: the server took {rows:,} rows of {expected:,} in the backup")
        self._link.execute("COMMIT", doing=doing)
        return RowsLoaded(table=command.table, rows=rows)

    def _truncate(self, table: int) -> str:
        entry = self._manifest.tables[table]
        return sql.SQL("TRUNCATE ONLY {}").format(sql.Identifier(entry.schema, entry.name)).as_string()

    def _copy(self, command: LoadTable, report: _Report, doing: str) -> int:
        entry = self._manifest.tables[command.table]
        statement = copy_in(
            entry.schema, entry.name, entry.columns, freeze=command.whole, encoding=self._manifest.source.encoding
        )
        self._link.start_copy_in(statement.as_string(), doing=doing)
        try:
            for number in command.segments:
                for block in self._blocks(number):
                    self._link.write(block)
                segment = self._manifest.segments[number]
                report(RowsSent(table=command.table, rows=segment.rows, raw_bytes=segment.raw_length).to_json())
        except PantryError as error:
            self._link.abort_copy_in(error.message)
            raise
        return self._link.finish_copy_in()

    def _blocks(self, number: int) -> Iterator[bytes]:
        for piece in self._reader.rows(number):
            for start in range(0, len(piece), BLOCK_BYTES):
                yield piece[start : start + BLOCK_BYTES]
