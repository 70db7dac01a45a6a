"""Comparing as text, in a worker process: the lines of a table's stored segments against a COPY of the restored table.

Fingerprints depend on the server's major version and byte order; the text of a row does not. Both sides' lines are hashed
with this process's keyed hash and summed, so that order does not matter and only equal multisets agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pantry_tui.models import BackupFormat, Model
from pantry_tui.postgres.connect import adopt_environment
from pantry_tui.postgres.link import Link
from pantry_tui.postgres.rowcsv import with_line_ends
from pantry_tui.recovery.loading import LoadingSetup


class CompareTable(Model, frozen=True, kw_only=True):
    """Compare the table with these segments."""

    table: int
    segments: tuple[int, ...]
    copy: str  # the statement that sends the restored rows as they are stored


class TextCompared(Model, frozen=True, kw_only=True):
    """Row counts on both sides, and whether all lines agree."""

    table: int
    stored_rows: int
    restored_rows: int
    equal: bool


_Report = Callable[[bytes], None]


def open_session(setup: bytes) -> Callable[[bytes, _Report], bytes]:
    """Connects and opens the artifact; for `pantry_tui.postgres.worker`."""
    comparer = _Comparer(LoadingSetup.from_json(setup))

    def session(line: bytes, report: _Report) -> bytes:
        return comparer.compare(CompareTable.from_json(line)).to_json()

    return session


class _Comparer:
    def __init__(self, setup: LoadingSetup) -> None:
        adopt_environment(setup.target)
        self._manifest = setup.backup.manifest()
        self._reader = setup.backup.reader(self._manifest)
        self._link = Link.open(setup.target, application="restore verification", settings=setup.settings)

    def compare(self, command: CompareTable) -> TextCompared:
        entry = self._manifest.tables[command.table]
        stored = (piece for number in command.segments for piece in self._segment(number))
        stored_rows, stored_sum = sum_lines(stored)
        stream = self._link.rows_out(command.copy, doing=f"reading {entry.qualified_name}")
        restored_rows, restored_sum = sum_lines(self._lines(rows, text) for rows, text in stream)
        if self._manifest.format is BackupFormat.CSV:  # whose rows may have several lines
            stored_rows, restored_rows = entry.rows, stream.rows
        equal = (stored_rows, stored_sum) == (restored_rows, restored_sum)
        return TextCompared(table=command.table, stored_rows=stored_rows, restored_rows=restored_rows, equal=equal)

    def _segment(self, number: int) -> Iterator[bytes]:
        """The lines of a segment, each with an end."""
        yield from self._reader.rows(number)
        if self._manifest.format is BackupFormat.JSON:
            yield b",\n"  # which stands between two rows, and segments are compared together

    def _lines(self, rows: int, text: bytes) -> bytes:
        """Rows as the server sent them, as they would be stored."""
        if self._manifest.format is BackupFormat.JSON:
            return text.replace(b"\n", b",\n")
        return with_line_ends(text, rows) if self._manifest.format is BackupFormat.CSV else text


def sum_lines(pieces: Iterable[bytes]) -> tuple[int, int]:
    """How many lines the pieces have together, and the sum of their hashes; pieces may end anywhere.

    The hash is Python's own, keyed anew in each process: sums compare only within one.
    """
    count = total = 0
    rest = b""
    for piece in pieces:
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        count += len(lines)
        total += sum(map(hash, lines))
    return count, total
