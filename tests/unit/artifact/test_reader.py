"""Segments are read by random access, and nothing stored is trusted."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.compression import RAW_PIECE
from pantry_tui.artifact.manifest import (
    MANIFEST_VERSION,
    Manifest,
    PageRange,
    Segment,
    ServerIdentity,
    SnapshotPosition,
    SourceDatabase,
    StoredFile,
    TableEntry,
)
from pantry_tui.artifact.opened import LocalPlace
from pantry_tui.artifact.openfiles import ArtifactFiles
from pantry_tui.artifact.reader import SegmentReader, check_file, layout_problems
from pantry_tui.artifact.structure import examine_segment, row_problems
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import BackupFormat, BackupKind, Compression

HEADER = b'COPY "public"."t" ("a", "b") FROM stdin;\n'
END = b"\\.\n"
SMALL = HEADER + b"1\tx\n2\t\\\\.\n" + END
LARGE = HEADER + b"".join(b"%d\t%s\n" % (number, b"y" * 90) for number in range(40_000)) + END
LAST = b"-- pantry-tui: end of backup 20261123T020000Z-x-0000: 1 tables, 40002 rows\n"
ENTRY = TableEntry(
    schema="public", name="t", oid=16384, filenode=1, columns=("a", "b"), shape="", persistence="p", rows=40_002,
    raw_bytes=0, fingerprint="7", ranges=(PageRange(first_page=0, last_page=None, rows=40_002, fingerprint="7"),),
)  # fmt: skip


def manifest_of(texts: Sequence[bytes]) -> tuple[Manifest, bytes]:
    """A manifest and the artifact that it describes."""
    stored = b""
    segments = []
    for text in texts:
        member = gzip.compress(text, 1)
        rows = text.startswith(b"COPY")
        segments.append(
            Segment(
                section="rows" if rows else "end" if text.startswith(b"--") else "pre-data",
                offset=len(stored),
                length=len(member),
                raw_length=len(text),
                sha256=hashlib.sha256(member).hexdigest(),
                table=0 if rows else None,
                range=0 if rows else None,
                rows=text.count(b"\n") - 2 if rows else 0,
            )
        )
        stored += member
    now = datetime(2026, 11, 23, 2, tzinfo=UTC)
    source = SourceDatabase(
        name="x", oid=5, owner="o", encoding="UTF8", collate="C", ctype="C", locale_provider="libc", locale=None,
        collation_version=None, connection_limit=-1,
    )  # fmt: skip
    server = ServerIdentity(
        version="17.10", version_num=170010, system_identifier="1", timeline=1, in_recovery=False, byte_order="little",
        host=None,
    )  # fmt: skip
    artifact = StoredFile(
        name="x.sql.gz", role="artifact", bytes=len(stored), sha256=hashlib.sha256(stored).hexdigest()
    )
    return Manifest(
        manifest_version=MANIFEST_VERSION, id="20261123T020000Z-x-0000", name="x", kind=BackupKind.FULL,
        format=BackupFormat.SQL, compression=Compression.GZIP, program_version="0", started_by="", started_at=now,
        finished_at=now, duration_seconds=0, database="x", source=source, server=server,
        snapshot=SnapshotPosition(xmin=1, xmax=1, insert_lsn="0/0", flush_lsn="0/0"), tools={}, files=(artifact,),
        tables=(ENTRY,), segments=tuple(segments), sequences=(), large_objects=0, extensions={}, fingerprints=True,
        bytes=len(stored), raw_bytes=sum(map(len, texts)), rows=40_002,
    ), stored  # fmt: skip


class Stored:
    """An artifact in a file, with a reader."""

    def __init__(self, path: Path, texts: Sequence[bytes] = (b"CREATE TABLE t;\n", SMALL, LARGE, LAST)) -> None:
        self.path = path
        self.manifest, self.content = manifest_of(texts)
        path.write_bytes(self.content)

    def opened(self) -> ArtifactFiles:
        return ArtifactFiles(self.manifest, lambda name: LocalPlace(self.path.parent / name).open())

    def read(self, number: int) -> bytes:
        with self.opened() as files:
            return SegmentReader(files, self.manifest).read(number)

    def rows(self, number: int) -> bytes:
        with self.opened() as files:
            return b"".join(SegmentReader(files, self.manifest).rows(number))

    def check(self, number: int) -> int:
        with self.opened() as files:
            return SegmentReader(files, self.manifest).check(number)

    def problems(self) -> list[str]:
        with self.opened() as files:
            reader = SegmentReader(files, self.manifest)
            found = {
                number: examine_segment(reader, self.manifest, number) for number in range(len(self.manifest.segments))
            }
        return [problem for one in found.values() for problem in one.problems] + row_problems(self.manifest, found)

    def change(self, number: int, **changes: object) -> None:
        segments = list(self.manifest.segments)
        segments[number] = msgspec.structs.replace(segments[number], **changes)
        self.manifest = msgspec.structs.replace(self.manifest, segments=tuple(segments))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path / "x.sql.gz")


def test_reads_each_segment_alone(stored: Stored) -> None:
    assert [stored.read(number) for number in (2, 0, 1)] == [LARGE, b"CREATE TABLE t;\n", SMALL]
    assert stored.check(2) == stored.manifest.segments[2].length


def test_rows_are_what_stands_between_header_and_end_mark(stored: Stored) -> None:
    assert stored.rows(1) == b"1\tx\n2\t\\\\.\n"
    assert stored.rows(2) == LARGE[len(HEADER) : -len(END)]


def test_pieces_are_bounded(stored: Stored) -> None:
    with stored.opened() as files:
        sizes = [len(piece) for piece in SegmentReader(files, stored.manifest).pieces(2)]
    assert max(sizes) <= RAW_PIECE
    assert sum(sizes) == len(LARGE)


@pytest.mark.parametrize("cut", range(1, len(END) + 1))
def test_end_mark_across_pieces(tmp_path: Path, cut: int) -> None:
    rows = b"1\t" + b"z" * (RAW_PIECE - len(HEADER) - 3 - cut) + b"\n"
    stored = Stored(tmp_path / "x.sql.gz", [HEADER + rows + END])
    assert stored.rows(0) == rows


def test_healthy_artifact_has_no_problems(stored: Stored) -> None:
    assert stored.problems() == []
    assert layout_problems(stored.manifest.segments, len(stored.content)) == []


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    stored = Stored(tmp_path / "x.sql.gz", [SMALL])
    for position in range(len(stored.content)):
        changed = bytearray(stored.content)
        changed[position] ^= 1 << random.Random(position).randrange(8)
        stored.path.write_bytes(changed)
        with pytest.raises(BackupDamagedError, match=r"segment 0 \(rows of public\.t\)"):
            stored.read(0)
        with pytest.raises(BackupDamagedError):
            stored.check(0)


def test_truncation_is_found_at_every_length(tmp_path: Path) -> None:
    stored = Stored(tmp_path / "x.sql.gz", [SMALL])
    for length in range(len(stored.content)):
        stored.path.write_bytes(stored.content[:length])
        with pytest.raises(BackupDamagedError, match="cut off"):
            stored.read(0)
        assert layout_problems(stored.manifest.segments, length)


def test_exchanged_segments_are_found(stored: Stored) -> None:
    first, second = stored.manifest.segments[0], stored.manifest.segments[1]
    stored.change(0, offset=second.offset, length=second.length)
    stored.change(1, offset=first.offset, length=first.length)
    for number in (0, 1):
        with pytest.raises(BackupDamagedError):
            stored.read(number)


def test_bomb_is_stopped_where_it_passes_its_length(tmp_path: Path) -> None:
    stored = Stored(tmp_path / "x.sql.gz", [HEADER + b"\0" * 50_000_000])
    stored.change(0, raw_length=1000)
    with stored.opened() as files:
        pieces = SegmentReader(files, stored.manifest).pieces(0)
        with pytest.raises(BackupDamagedError, match="unpacks to more than the 1,000 bytes"):
            next(pieces)


def test_shorter_than_the_manifest_says(stored: Stored) -> None:
    stored.change(1, raw_length=len(SMALL) + 1)
    with pytest.raises(BackupDamagedError, match="it should hold"):
        stored.read(1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'COPY "public"."other" ("a", "b") FROM stdin;\n1\tx\n' + END, "another table or of other columns"),
        (b'COPY "public"."t" ("b", "a") FROM stdin;\n1\tx\n' + END, "another table or of other columns"),
        (b'COPY "public"."t" ("a") FROM stdin;\n1\n' + END, "another table or of other columns"),
        (b'COPY "public"."t"; DROP TABLE t;\n1\tx\n' + END, "has no COPY line"),
        (b'COPY "public"."t" ("a", "b") FROM PROGRAM \'x\' FROM stdin;\n' + END, "does not begin with a COPY line"),
        (HEADER + b"1\tx\n", "does not end with the end mark"),
        (HEADER + b"1\tx" + END, "does not end with a line's end"),
        (HEADER + b"1\tx\ty\n" + END, "2 field borders in 1 rows of 2 columns"),
    ],
)
def test_copy_text_that_is_not_what_we_write(tmp_path: Path, text: bytes, problem: str) -> None:
    assert any(problem in found for found in Stored(tmp_path / "x.sql.gz", [text, LAST]).problems())


def test_rows_are_counted_against_segment_range_table_and_whole(stored: Stored) -> None:
    stored.change(1, rows=3)
    assert any("holds 2 rows; the manifest says 3" in problem for problem in stored.problems())
    fewer = Stored(stored.path, [LARGE, LAST])
    assert "public.t: range 0 has 40,000 rows; the manifest says 40,002" in fewer.problems()


@pytest.mark.parametrize("last", [b"-- pantry-tui: end of backup y: 1 tables, 40002 rows\n", LAST[:-2], b"--\n"])
def test_document_without_its_end(tmp_path: Path, last: bytes) -> None:
    assert Stored(tmp_path / "x.sql.gz", [SMALL, LARGE, last]).problems()
    assert any("no end" in problem for problem in Stored(tmp_path / "x.sql.gz", [SMALL, LARGE]).problems())


def test_layout_names_gaps_and_overlaps(stored: Stored) -> None:
    stored.change(2, offset=stored.manifest.segments[2].offset + 1)
    assert len(layout_problems(stored.manifest.segments, len(stored.content))) == 2


def test_check_file(stored: Stored) -> None:
    artifact = stored.manifest.file("artifact")
    with LocalPlace(stored.path).open() as file:
        check_file(file, artifact)
    stored.path.write_bytes(stored.content[:-1])
    with LocalPlace(stored.path).open() as file, pytest.raises(BackupDamagedError, match="bytes"):
        check_file(file, artifact)
    stored.path.write_bytes(stored.content[:-1] + b"\xff")
    with LocalPlace(stored.path).open() as file, pytest.raises(BackupDamagedError, match="sha256"):
        check_file(file, artifact)


@pytest.mark.parametrize("text", ["x", "7x", "", "1_0", " 7", "٧", pytest.param("7" * 5000, id="long")])
def test_changed_fingerprints_in_the_manifest(stored: Stored, text: str) -> None:
    """A character changed in a number is a finding, whatever it was changed to."""
    of_table = msgspec.structs.replace(ENTRY, fingerprint=text)
    of_range = msgspec.structs.replace(
        ENTRY, ranges=(msgspec.structs.replace(ENTRY.ranges[0], fingerprint=text or "-"),)
    )
    for entry, shown in ((of_table, text), (of_range, text or "-")):
        stored.manifest = msgspec.structs.replace(stored.manifest, tables=(entry,))
        assert stored.problems() == [f"public.t: {shown[:50]!r} is no fingerprint"]


def test_sums_below_zero_are_fingerprints(stored: Stored) -> None:
    """Hashes have a sign."""
    first, second = (
        PageRange(first_page=page, last_page=None, rows=rows, fingerprint=content)
        for page, rows, content in ((0, 40_002, "-7"), (9, 0, "4"))
    )
    entry = msgspec.structs.replace(ENTRY, fingerprint="-3", ranges=(first, second))
    stored.manifest = msgspec.structs.replace(stored.manifest, tables=(entry,))
    assert stored.problems() == []
    entry = msgspec.structs.replace(entry, fingerprint="3")
    stored.manifest = msgspec.structs.replace(stored.manifest, tables=(entry,))
    assert stored.problems() == ["public.t: the fingerprints of its ranges do not add up to the table's"]
