"""The base of an incremental backup: which one, whether it can be one, and what of each table can be told by it."""

from __future__ import annotations

from typing import NamedTuple

from pantry_tui.artifact.manifest import (
    BaseBackup,
    Manifest,
    PageRange,
    TableEntry,
)
from pantry_tui.artifact.positions import decode_pages
from pantry_tui.artifact.removed import lines_of_segments
from pantry_tui.backup.layout import RANGE_BYTES, Cut, cut_pages
from pantry_tui.backup.since import BaseSegment
from pantry_tui.postgres.introspect import SourceTable, TableSize


class BaseRange(NamedTuple):
    """A range of pages to be read, and what the base has of it; ``positions`` None: nothing."""

    cut: Cut
    rows: int = 0
    fingerprint: str = "0"
    positions: memoryview | None = None
    segments: tuple[BaseSegment, ...] = ()


class Base:
    """A base that was found fit; ``positions`` are all bytes of its file of that role, whose hash was checked."""

    def __init__(self, manifest: Manifest, link: BaseBackup, positions: bytes) -> None:
        self.manifest = manifest
        self.link = link
        self.horizon = manifest.snapshot.xmin
        self._positions = memoryview(positions)
        self._tables = {table.oid: index for index, table in enumerate(manifest.tables)}
        self._segments: dict[tuple[int, int], list[BaseSegment]] = {}
        for number, lines in lines_of_segments(manifest).items():
            segment = manifest.segments[number]
            key = (segment.table if segment.table is not None else -1, segment.range or 0)
            found = BaseSegment(number=number, first_line=lines.first, rows=lines.rows)
            self._segments.setdefault(key, []).append(found)

    @property
    def segments(self) -> list[BaseSegment]:
        """All segments of rows, in the base's order."""
        return sorted((each for of_range in self._segments.values() for each in of_range), key=lambda each: each.number)

    def why_whole(self, table: SourceTable, size: TableSize) -> str | None:
        """Why all rows of a table must be copied, in words; None when those that changed are enough."""
        index = self._tables.get(table.oid)
        entry = self.manifest.tables[index] if index is not None else None
        if entry is None:
            return "the base does not have it"
        if (entry.schema, entry.name) != (table.schema, table.name):
            return f"it was {entry.qualified_name} in the base"
        if entry.carried_by != "segments" or not entry.ranges:
            return "the base does not have its rows in segments of their own"
        if entry.shape != table.shape or entry.columns != table.columns or entry.persistence != table.persistence:
            return "its definition has changed since, or that of a type that it uses"
        if table.is_restless:
            return "it has values that change with the names of other objects, or with a setting (regclass, money)"
        if not size.filenode or entry.filenode != size.filenode:
            return "the server has written it anew since (TRUNCATE, VACUUM FULL, CLUSTER, ALTER TABLE)"
        if not _has_positions(entry):
            return "the base has no positions of its rows"
        return None

    def ranges(self, table: SourceTable, size: TableSize) -> list[BaseRange]:
        """The base's ranges of a table, and ranges of the pages that it has got since."""
        index = self._tables[table.oid]
        entry = self.manifest.tables[index]
        weight = size.bytes // max(1, len(entry.ranges))
        found = [
            BaseRange(
                Cut(part.first_page, part.last_page, weight),
                part.rows,
                part.fingerprint or "0",
                self._map(part),
                tuple(self._segments.get((index, number), ())),
            )
            for number, part in enumerate(entry.ranges)
        ]
        last = found[-1]
        ends = self._end_page(last)
        page_bytes = size.bytes / max(1, size.pages)
        if (size.pages - ends) * page_bytes <= RANGE_BYTES / 2:
            return found
        closed = [last._replace(cut=last.cut._replace(last_page=ends))] if last.rows else []
        grown = [BaseRange(cut) for cut in cut_pages(ends, size.pages, round((size.pages - ends) * page_bytes))]
        return [*found[:-1], *closed, *grown]

    def _map(self, part: PageRange) -> memoryview:
        start = part.positions_offset or 0
        return self._positions[start : start + (part.positions_length or 0)]

    def _end_page(self, last: BaseRange) -> int:
        """The page behind the last one on which the base has a row."""
        end = last.cut.first_page
        for page, _ in decode_pages(last.positions or b""):
            end = page + 1
        return end


def _has_positions(entry: TableEntry) -> bool:
    known = all(part.fingerprint is not None and part.positions_offset is not None for part in entry.ranges)
    return known and entry.fingerprint is not None
