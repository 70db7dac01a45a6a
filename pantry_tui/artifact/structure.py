"""Whether the text of an artifact is what its manifest says: COPY text, rows, the line at the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.reader import RowsReader, SegmentReader
from pantry_tui.artifact.structure_csv import count_csv, csv_problems, table_file_problems
from pantry_tui.artifact.structure_json import count_json_rows, json_problems
from pantry_tui.errors import PantryError
from pantry_tui.models import BackupFormat, Model

LONGEST_FRAMES = 256 * 1024 * 1024  # of a JSON document, together
SECTIONS = {
    BackupFormat.SQL: ("guard", "pre-data", "rows", "data", "post-data", "end"),
    BackupFormat.JSON: ("head", "frame", "rows", "end"),
    BackupFormat.CSV: ("frame", "header", "rows", "end"),
}
_END_LINE = re.compile(rb"-- pantry-tui: end of backup (\S+): (\d{1,19}) tables, (\d{1,19}) rows\n")
_SUM = re.compile(r"-?[0-9]{1,40}")  # of at most 2**64 numbers of 64 bits


class SegmentFindings(Model, frozen=True, kw_only=True):
    """What a segment was found to hold."""

    rows: int = 0
    raw_bytes: int = 0
    problems: tuple[str, ...] = ()
    text: bytes = b""  # of the frame of a JSON document
    crc32: int | None = None  # of the text of a file in a zip file


def examine_segment(reader: RowsReader, manifest: Manifest, number: int) -> SegmentFindings:
    """Reads a segment whole. Problems, unreadable storage included, are findings and not errors."""
    segment = manifest.segments[number]
    if segment.table is not None and not 0 <= segment.table < len(manifest.tables):
        return SegmentFindings(problems=(f"segment {number} has rows of a table that the manifest does not name",))
    if segment.section not in SECTIONS[manifest.format]:
        return SegmentFindings(problems=(f"{reader.title(number)} belongs to no section that this program knows",))
    try:
        return _EXAMINE[manifest.format](reader, manifest, number)
    except PantryError as error:
        named = (
            error.message
            if error.message.startswith(reader.title(number))
            else f"{reader.title(number)}: {error.message}"
        )
        return SegmentFindings(problems=(named,))


def _examine_sql(reader: RowsReader, manifest: Manifest, number: int) -> SegmentFindings:
    section = manifest.segments[number].section
    if section == "rows":
        return _examine_rows(reader, manifest, number)
    if section == "end":
        return _examine_end(reader, manifest, number)
    return SegmentFindings(raw_bytes=sum(len(piece) for piece in reader.pieces(number)))


def _examine_json(reader: RowsReader, manifest: Manifest, number: int) -> SegmentFindings:
    segment = manifest.segments[number]
    if segment.section != "rows" or segment.table is None:
        text = reader.read(number)
        return SegmentFindings(raw_bytes=len(text), text=text)
    rows = count_json_rows(reader.pieces(number), manifest.tables[segment.table], manifest.source.encoding)
    problems = [] if rows == segment.rows else [_row_count(reader.title(number), rows, segment.rows)]
    return SegmentFindings(rows=rows, raw_bytes=segment.raw_length, problems=tuple(problems))


def _examine_csv(reader: RowsReader, manifest: Manifest, number: int) -> SegmentFindings:
    segment = manifest.segments[number]
    if segment.section not in ("rows", "header") or segment.table is None:
        return SegmentFindings(raw_bytes=sum(len(piece) for piece in reader.pieces(number)))
    counted = count_csv(reader.pieces(number))
    expected = segment.rows if segment.section == "rows" else 1
    columns = len(manifest.tables[segment.table].columns)
    title = reader.title(number)
    problems = [] if counted.rows == expected else [_row_count(title, counted.rows, expected)]
    if counted.commas != counted.rows * max(0, columns - 1):
        problems.append(f"{title}: {counted.commas:,} field borders in {counted.rows:,} rows of {columns} columns")
    return SegmentFindings(
        rows=counted.rows if segment.section == "rows" else 0,
        raw_bytes=segment.raw_length,
        problems=tuple(problems),
        crc32=counted.crc32,
    )


_EXAMINE = {BackupFormat.SQL: _examine_sql, BackupFormat.JSON: _examine_json, BackupFormat.CSV: _examine_csv}


def _row_count(title: str, found: int, expected: int) -> str:
    return f"{title}: holds {found:,} rows; the manifest says {expected:,}"


def document_problems(reader: SegmentReader, manifest: Manifest, found: Mapping[int, SegmentFindings]) -> list[str]:
    """In words: what is wrong with the document as a whole."""
    if manifest.format is BackupFormat.JSON:
        around = sum(segment.raw_length for segment in manifest.segments if segment.section != "rows")
        if around > LONGEST_FRAMES:
            return [f"{around:,} bytes stand around the rows: that is no document of this program"]
        return json_problems(manifest, {number: each.text for number, each in found.items() if each.text})
    if manifest.has_file_per_table:
        return table_file_problems(manifest)
    if manifest.format is BackupFormat.CSV:
        crcs = {number: each.crc32 for number, each in found.items() if each.crc32 is not None}
        return csv_problems(manifest, reader.source, crcs, where=manifest.file("artifact").name)
    return []


def _examine_rows(reader: RowsReader, manifest: Manifest, number: int) -> SegmentFindings:
    segment = manifest.segments[number]
    rows = tabs = length = 0
    last = b"\n"
    for piece in reader.rows(number):
        rows += piece.count(b"\n")
        tabs += piece.count(b"\t")
        length += len(piece)
        last = piece[-1:]
    problems = []
    title = reader.title(number)
    if last != b"\n":
        problems.append(f"{title}: the last row does not end with a line's end")
    if rows != segment.rows:
        problems.append(_row_count(title, rows, segment.rows))
    columns = len(manifest.tables[segment.table].columns) if segment.table is not None else 0
    if tabs != rows * max(0, columns - 1):
        problems.append(f"{title}: {tabs:,} field borders in {rows:,} rows of {columns} columns")
    return SegmentFindings(rows=rows, raw_bytes=segment.raw_length, problems=tuple(problems))


def _examine_end(reader: RowsReader, manifest: Manifest, number: int) -> SegmentFindings:
    text = reader.read(number)
    problems = []
    line = _END_LINE.fullmatch(text)
    if line is None:
        problems.append(f"{reader.title(number)}: the line that ends a whole document is missing")
    elif line[1].decode("ascii", "replace") != manifest.id:
        problems.append(f"{reader.title(number)}: the document is of backup {line[1].decode('ascii', 'replace')}")
    elif int(line[3]) != manifest.rows:
        problems.append(
            f"{reader.title(number)}: the document says {int(line[3]):,} rows, the manifest {manifest.rows:,}"
        )
    return SegmentFindings(raw_bytes=len(text), problems=tuple(problems))


def row_problems(manifest: Manifest, found: Mapping[int, SegmentFindings]) -> list[str]:
    """In words: sums that do not agree between segments, ranges, tables and the whole; a document without an end."""
    problems: list[str] = []
    by_range: Counter[tuple[int, int]] = Counter()
    for number, segment in enumerate(manifest.segments):
        if segment.table is not None and segment.range is not None:
            by_range[segment.table, segment.range] += found[number].rows if number in found else 0
    for index, table in enumerate(manifest.tables):
        if table.carried_by == "segments":
            problems.extend(_table_problems(manifest, index, by_range))
    total = sum(table.rows for table in manifest.tables)
    if total != manifest.rows:
        problems.append(f"the tables have {total:,} rows together; the manifest says {manifest.rows:,}")
    if manifest.has_file_per_table:  # each of its files is whole when its segments cover it
        return problems
    if not manifest.segments or max(manifest.segments, key=lambda segment: segment.offset).section != "end":
        problems.append("the document has no end: its last segment is not the one that closes a backup")
    return problems


def _table_problems(manifest: Manifest, index: int, by_range: Counter[tuple[int, int]]) -> list[str]:
    table = manifest.tables[index]
    problems = [
        f"{table.qualified_name}: range {number} has {by_range[index, number]:,} rows; the manifest says {part.own_rows:,}"
        for number, part in enumerate(table.ranges)
        if by_range[index, number] != part.own_rows
    ]
    if sum(part.rows for part in table.ranges) != table.rows:
        problems.append(f"{table.qualified_name}: its ranges do not add up to {table.rows:,} rows")
    if table.fingerprint is not None:
        problems.extend(_fingerprint_problems(table, table.fingerprint))
    return problems


def _fingerprint_problems(table: TableEntry, whole: str) -> list[str]:
    parts = [part.fingerprint or "0" for part in table.ranges]
    strange = next((text for text in (whole, *parts) if not _SUM.fullmatch(text)), None)
    if strange is not None:
        return [f"{table.qualified_name}: {strange[:50]!r} is no fingerprint"]
    if sum(map(int, parts)) != int(whole):
        return [f"{table.qualified_name}: the fingerprints of its ranges do not add up to the table's"]
    return []
