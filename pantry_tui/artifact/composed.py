"""An incremental backup and its base, read as one backup that is whole.

The composed manifest is the incremental's own, with the base's segments of which rows are left before its own segments; every
reader of rows takes it as it takes any other. Segments of the base come first, so that the last one is still the document's
end; their offsets are in another file, which only their reader knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from pantry_tui.artifact.copytext import END_OF_ROWS
from pantry_tui.artifact.manifest import KeptSegment, Manifest, Segment
from pantry_tui.artifact.reader import SegmentReader
from pantry_tui.artifact.removed import Lines, lines_of_segments, unpack_removed
from pantry_tui.artifact.survivors import without_rows
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import BackupFormat, BackupKind

ReadBytes = Callable[[int, int], bytes]  # of a file, by offset and length

_REMEDY = "restore from another backup; the base alone can be restored too"


def compose(delta: Manifest, base: Manifest) -> Manifest:
    """The manifest of both together. Raises `BackupDamagedError` when they do not fit."""
    if problems := kept_problems(delta, base):
        raise BackupDamagedError(f"backup {delta.id} and its base {base.id} do not fit: {problems[0]}", remedy=_REMEDY)
    kept = tuple(_segment(base.segments[each.number], each) for each in delta.kept)
    raw_bytes: Counter[int] = Counter()
    for each in kept:
        raw_bytes[each.table or 0] += each.raw_length
    return msgspec.structs.replace(
        delta,
        kind=BackupKind.FULL,
        segments=(*kept, *delta.segments),
        tables=tuple(
            msgspec.structs.replace(table, raw_bytes=table.raw_bytes + raw_bytes[index])
            for index, table in enumerate(delta.tables)
        ),
        raw_bytes=delta.raw_bytes + raw_bytes.total(),
    )


def kept_problems(delta: Manifest, base: Manifest) -> list[str]:
    """In words, what an incremental manifest says of its base's segments that cannot be."""
    problems: list[str] = []
    rows: Counter[int] = Counter()
    for each in delta.kept:
        segment = base.segments[each.number] if 0 <= each.number < len(base.segments) else None
        table = delta.tables[each.table] if 0 <= each.table < len(delta.tables) else None
        if segment is None or segment.section != "rows" or segment.table is None or table is None:
            problems.append(f"there is no segment {each.number} of rows in the base")
            continue
        of = base.tables[segment.table]
        if (of.schema, of.name, of.columns) != (table.schema, table.name, table.columns):
            problems.append(f"segment {each.number} of the base is not of {table.qualified_name}")
        if not 0 < each.rows <= segment.rows or (each.removed_offset is None) != (each.rows == segment.rows):
            problems.append(
                f"segment {each.number} of the base has {segment.rows:,} rows, of which {each.rows:,} are kept"
            )
        rows[each.table] += each.rows
    if sorted({each.number for each in delta.kept}) != [each.number for each in delta.kept]:
        problems.append("segments of the base are not named once each, in their order")
    for index, table in enumerate(delta.tables):
        if table.carried_by == "segments" and table.own_rows + rows[index] != table.rows:
            problems.append(
                f"{table.qualified_name}: {table.own_rows:,} rows here and {rows[index]:,} in the base are not {table.rows:,}"
            )
    return problems


def removed_problems(delta: Manifest, base: Manifest, removed: ReadBytes) -> list[str]:
    """In words, what is wrong with the file of removed lines of a manifest that fits its base."""
    lines = lines_of_segments(base)
    problems = []
    for each in delta.kept:
        try:
            _removed_rows(each, lines[each.number], removed)
        except BackupDamagedError as error:
            problems.append(f"segment {each.number} of the base: {error.message}")
    return problems


def _removed_rows(kept: KeptSegment, lines: Lines, removed: ReadBytes) -> list[int]:
    """The rows of a segment that are gone. Raises `BackupDamagedError`."""
    if kept.removed_offset is None or kept.removed_length is None:
        return []
    member = removed(kept.removed_offset, kept.removed_length)
    return unpack_removed(member, lines, expected=lines.rows - kept.rows)


def _segment(of_base: Segment, kept: KeptSegment) -> Segment:
    return msgspec.structs.replace(of_base, table=kept.table, rows=kept.rows)


class ComposedReader:
    """Reads the segments of a composed manifest: those of the base without the rows that are gone."""

    def __init__(
        self, manifest: Manifest, own: SegmentReader, base_manifest: Manifest, base: SegmentReader, removed: ReadBytes
    ) -> None:
        """``manifest`` is the incremental's own; ``removed`` gives parts of its file of that role, whose hash was checked."""
        self._own = own
        self._base = base
        self._base_id = base_manifest.id
        self._removed = removed
        self._kept = manifest.kept
        self._lines = lines_of_segments(base_manifest)
        self._format = manifest.format

    def title(self, number: int) -> str:
        """The segment in words, for messages."""
        if number < len(self._kept):
            return f"of the base, {self._base.title(self._kept[number].number)}"
        return self._own.title(number - len(self._kept))

    def check(self, number: int) -> int:
        """Reads the stored bytes and compares their hash; returns how many they are. Raises `BackupDamagedError`."""
        if number >= len(self._kept):
            return self._own.check(number - len(self._kept))
        self._gone(number)
        with self._of_base():
            return self._base.check(self._kept[number].number)

    def pieces(self, number: int) -> Iterator[bytes]:
        """The text of a segment in pieces. Raises `BackupDamagedError`, as that of a segment of one backup does."""
        if number >= len(self._kept):
            yield from self._own.pieces(number - len(self._kept))
            return
        if self._format is not BackupFormat.SQL:
            yield from self.rows(number)
            return
        with self._of_base():
            header = self._base.copy_line(self._kept[number].number)
        yield header
        yield from self.rows(number)
        yield END_OF_ROWS

    def read(self, number: int) -> bytes:
        """The whole text of a segment, which is none of rows, and so the incremental's own. Raises `BackupDamagedError`."""
        return self._own.read(number - len(self._kept))

    def rows(self, number: int) -> Iterator[bytes]:
        """The rows of a segment in pieces, without those that are gone. Raises `BackupDamagedError`."""
        if number >= len(self._kept):
            return self._own.rows(number - len(self._kept))
        kept = self._kept[number].number
        return without_rows(self._rows_of_base(kept), self._gone(number), self._format, rows=self._lines[kept].rows)

    @property
    def name(self) -> str:
        """What the incremental's artifact is called."""
        return self._own.name

    def layout_problems(self) -> list[str]:
        """In words, what is wrong with where the segments of both stand."""
        return [*self._own.layout_problems(), *(f"of the base, {each}" for each in self._base.layout_problems())]

    def _rows_of_base(self, number: int) -> Iterator[bytes]:
        with self._of_base():
            yield from self._base.rows(number)

    @contextmanager
    def _of_base(self) -> Iterator[None]:
        """Says which of the two backups is damaged: their files have the same names."""
        try:
            yield
        except BackupDamagedError as error:
            raise BackupDamagedError(
                f"the base {self._base_id}: {error.message}",
                remedy="restore from a backup that does not build on it",
                detail=error.detail,
            ) from error

    def _gone(self, number: int) -> list[int]:
        kept = self._kept[number]
        try:
            return _removed_rows(kept, self._lines[kept.number], self._removed)
        except BackupDamagedError as error:
            raise BackupDamagedError(f"{self.title(number)}: {error.message}", remedy=_REMEDY) from error
