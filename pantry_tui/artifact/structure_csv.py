"""Whether a document in format `csv` is a zip file, or a directory, of tables as the manifest has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from isal import isal_zlib

from pantry_tui.artifact.content import ByteSource
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.zipreading import StoredEntry, check_entries, read_directory
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model


class CsvCount(Model, frozen=True, kw_only=True):
    """What a piece of CSV holds: ends of rows, commas between fields, and the text's CRC-32."""

    rows: int
    commas: int
    crc32: int


def count_csv(pieces: Iterable[bytes]) -> CsvCount:
    """Counts outside of quotes; pieces may end anywhere. Raises `BackupDamagedError` where a quote stays open."""
    rows = commas = crc32 = 0
    quoted = False
    last = b""  # of what stood outside of quotes
    for piece in pieces:
        crc32 = isal_zlib.crc32(piece, crc32)
        parts = piece.split(b'"')
        outside = b'"'.join(parts[1 if quoted else 0 :: 2])
        if not quoted or len(parts) > 1:
            if quoted:
                last = b""  # a quote stands between
            rows += (last + outside).count(b"\r\n")
            commas += outside.count(b",")
        quoted ^= len(parts) % 2 == 0
        last = b"\r" if not quoted and piece.endswith(b"\r") else b""
    if quoted:
        raise BackupDamagedError("a quoted value has no end")
    return CsvCount(rows=rows, commas=commas, crc32=crc32)


def csv_problems(manifest: Manifest, source: ByteSource, crcs: Mapping[int, int], *, where: str) -> list[str]:
    """In words, what is wrong with the zip file; ``crcs`` has the checksum of each segment's text, by its number."""

    def read(offset: int, length: int) -> bytes:
        return bytes(source.read(offset, length))

    expected: dict[str, tuple[int, int]] = {}  # length and CRC-32 by name
    for number in sorted(crcs, key=lambda number: manifest.segments[number].offset):
        segment = manifest.segments[number]
        table = manifest.tables[segment.table] if segment.table is not None else None
        if table is None or table.file is None:
            return [f"{where}: segment {number} belongs to no file"]
        length, crc32 = expected.get(table.file, (0, 0))
        joined = isal_zlib.crc32_combine(crc32, crcs[number], segment.raw_length)
        expected[table.file] = (length + segment.raw_length, joined)
    try:
        entries = read_directory(read, source.size, where=where)
        check_entries(entries, {name: length for name, (length, _) in expected.items()}, where=where)
    except BackupDamagedError as error:
        return [error.message]
    return [
        f"{where}: the checksum of {each.name} is not its text's" for each in entries if not _agrees(each, expected)
    ]


def table_file_problems(manifest: Manifest) -> list[str]:
    """In words, what is wrong with a directory of plain files as the manifest has it: each table has one, with a header."""
    headers = Counter(
        segment.table for segment in manifest.segments if segment.section == "header" and segment.offset == 0
    )
    strange = {segment.section for segment in manifest.segments} - {"header", "rows"}
    problems = [f"no file of a table has a section {section}" for section in sorted(strange)]
    copied = [(index, table) for index, table in enumerate(manifest.tables) if table.carried_by == "segments"]
    problems += [f"{table.qualified_name}: its file has no header" for index, table in copied if headers[index] != 1]
    shared = Counter(table.file for _, table in copied)
    return problems + [f"{name} is said to be of {count} tables" for name, count in shared.items() if count > 1]


def _agrees(entry: StoredEntry, expected: Mapping[str, tuple[int, int]]) -> bool:
    return entry.crc32 == expected[entry.name][1]
