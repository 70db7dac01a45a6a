"""Random access to the segments of an artifact, trusting nothing that is stored.

A segment is read by offset and length, its stored bytes hashed, unpacked in pieces and measured. Memory is bounded by
the pieces, whatever the segment claims: a segment that unpacks to more than the manifest says is refused where it does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from pantry_tui.artifact.age import CHUNK, Identity
from pantry_tui.artifact.compression import RAW_PIECE, Codec, UnreadableError, unpack
from pantry_tui.artifact.content import ByteSource, source_of
from pantry_tui.artifact.copytext import END_OF_ROWS, HEADER_LIMIT, CopyHeader, names_agree, parse_header
from pantry_tui.artifact.manifest import Manifest, Segment, StoredFile
from pantry_tui.artifact.opened import OpenedFile
from pantry_tui.artifact.openfiles import ArtifactFiles
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import BackupFormat

STORED_PIECE = CHUNK  # larger ones cost more: they leave the cache, and their memory goes back to the system each time
LONGEST_TEXT = 64 * 1024 * 1024  # of what is read whole
REMEDY = "restore from another backup; the storage under this one has lost or changed bytes"


class RowsReader(Protocol):
    """Reads segments of a backup by their numbers; every method raises `BackupDamagedError`, `StorageError`."""

    @property
    def name(self) -> str:
        """What the artifact is called."""

    def title(self, number: int) -> str:
        """The segment in words, for messages."""

    def check(self, number: int) -> int:
        """Reads the stored bytes and compares their hash; returns how many they are."""

    def pieces(self, number: int) -> Iterator[bytes]:
        """The text of a segment in pieces."""

    def read(self, number: int) -> bytes:
        """The whole text of a segment, which is none of rows."""

    def rows(self, number: int) -> Iterator[bytes]:
        """The rows of a segment in pieces, without what is around them in format `sql`."""

    def layout_problems(self) -> list[str]:
        """In words, what is wrong with where the segments stand."""


class SegmentReader:
    """Reads segments of one artifact, from any number of threads; ``files`` stay the caller's.

    Raises `KeyMissingError`, `WrongKeyError` when it is encrypted and none of the identities opens it: at once where it is
    one file, and where each table has its own when that is read.
    """

    def __init__(self, files: ArtifactFiles, manifest: Manifest, identities: Sequence[Identity] = ()) -> None:
        self._files = files
        self._manifest = manifest
        self._identities = identities
        self._whole = None if files.whole is None else source_of(files.whole, files.name, identities)

    def title(self, number: int) -> str:
        """The segment in words, for messages."""
        segment = self._manifest.segments[number]
        if segment.table is None:
            return f"{self.name}: segment {number} ({segment.section})"
        return f"{self.name}: segment {number} (rows of {self._manifest.tables[segment.table].qualified_name})"

    def check(self, number: int) -> int:
        """Reads the stored bytes and compares their hash; returns how many they are. Raises `BackupDamagedError`."""
        digest = hashlib.sha256()
        for piece in self._stored(number):
            digest.update(piece)
        self._compare(number, digest.hexdigest())
        return self._manifest.segments[number].length

    def pieces(self, number: int) -> Iterator[bytes]:
        """The text of a segment in pieces of at most 128 KiB.

        Raises `BackupDamagedError`: at once where the bytes cannot be unpacked or the text is longer than it should be; after
        the last piece when the hash of the stored bytes or the length of the text differs.
        """
        segment = self._manifest.segments[number]
        digest = hashlib.sha256()
        length = 0
        try:
            for piece in unpack(self._codec(number), self._hashed(number, digest)):
                length += len(piece)
                if length > segment.raw_length:
                    raise self._damaged(number, f"unpacks to more than the {segment.raw_length:,} bytes it should hold")
                yield piece
        except UnreadableError as error:
            raise self._damaged(number, str(error)) from error
        self._compare(number, digest.hexdigest())
        if length != segment.raw_length:
            raise self._damaged(number, f"unpacks to {length:,} bytes; it should hold {segment.raw_length:,}")

    def _codec(self, number: int) -> Codec:
        if self._manifest.format is BackupFormat.CSV and not self._manifest.has_file_per_table:
            return Codec.DEFLATE if self._manifest.segments[number].section in ("rows", "header") else Codec.PLAIN
        return Codec.of(self._manifest.compression)

    def _hashed(self, number: int, digest: hashlib._Hash) -> Iterator[bytes | memoryview]:
        for piece in self._stored(number):
            digest.update(piece)
            yield piece

    def read(self, number: int) -> bytes:
        """The whole text of a segment, which is none of rows. Raises `BackupDamagedError`, also where it is far too long."""
        if self._manifest.segments[number].raw_length > LONGEST_TEXT:
            raise self._damaged(number, f"is longer than the {LONGEST_TEXT:,} bytes that any such text has")
        return b"".join(self.pieces(number))

    def rows(self, number: int) -> Iterator[bytes]:
        """The rows of a segment in pieces: in format `sql` what stands between its COPY line and its end mark, else all.

        Raises `BackupDamagedError`, also when the line names another table or other columns than the manifest.
        """
        pieces = self.pieces(number)
        if self._manifest.format is not BackupFormat.SQL:
            yield from pieces
            return
        head, length = self._head(number, pieces)
        yield from self._until_end_mark(number, head[length:], pieces)

    def copy_line(self, number: int) -> bytes:
        """The line above the rows of a segment in format `sql`. Raises `BackupDamagedError`."""
        head, length = self._head(number, self.pieces(number))
        return head[:length]

    def _head(self, number: int, pieces: Iterator[bytes]) -> tuple[bytes, int]:
        """The first pieces of a segment, and how long the COPY line is that they begin with."""
        head = b""
        for piece in pieces:
            head += piece
            if b" FROM stdin;\n" in head or len(head) > HEADER_LIMIT:
                return head, self.header(number, head).length
        raise self._damaged(number, "has no COPY line")

    def header(self, number: int, text: bytes) -> CopyHeader:
        """The COPY line that ``text`` begins with, checked against the manifest. Raises `BackupDamagedError`."""
        segment = self._manifest.segments[number]
        if segment.table is None:
            raise self._damaged(number, "holds no rows")
        table = self._manifest.tables[segment.table]
        try:
            header = parse_header(text)
        except BackupDamagedError as error:
            raise self._damaged(number, "does not begin with a COPY line", error.detail) from error
        if not names_agree(header, table.schema, table.name, table.columns, self._manifest.source.encoding):
            raise self._damaged(number, "has rows of another table or of other columns", repr(text[: header.length]))
        return header

    def _until_end_mark(self, number: int, first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
        held = first
        for piece in pieces:
            if len(piece) < len(END_OF_ROWS):  # the end mark may be cut by the border of two pieces
                held += piece
                continue
            if held:
                yield held
            held = piece
        if not held.endswith(END_OF_ROWS):
            raise self._damaged(number, "does not end with the end mark of its rows")
        if len(held) > len(END_OF_ROWS):
            yield held[: -len(END_OF_ROWS)]

    @property
    def name(self) -> str:
        """What the artifact is called: its file, or the directory of its files."""
        return self._files.name

    @property
    def source(self) -> ByteSource:
        """The bytes of an artifact that is one file, encryption apart. Raises `BackupDamagedError` for any other."""
        if self._whole is None:
            raise BackupDamagedError(f"{self.name} is no file, but has one for each table", remedy=REMEDY)
        return self._whole

    def layout_problems(self) -> list[str]:
        """In words: segments that overlap, leave a gap, or do not cover their file to its end; files without a table.

        Raises `StorageError`, and what opening encrypted files does.
        """
        segments = self._manifest.segments
        if self._whole is not None:
            return layout_problems(segments, self._whole.size)
        of_file: dict[str, list[Segment]] = {name: [] for name in self._files.names}
        for segment in segments:
            name = self._files.of_table(segment.table)
            if name is None:
                return [f"{self.name}: a segment ({segment.section}) stands in no file of a table"]
            of_file[name].append(segment)
        return [problem for name, held in of_file.items() for problem in self._file_problems(name, held)]

    def _file_problems(self, name: str, held: Sequence[Segment]) -> list[str]:
        try:
            with self._opened(name) as source:
                return [f"{name}: {problem}" for problem in layout_problems(held, source.size)]
        except BackupDamagedError as error:
            return [error.message]

    @contextmanager
    def _opened(self, name: str) -> Iterator[ByteSource]:
        with self._files.open(name) as file:
            yield source_of(file, name, self._identities)

    @contextmanager
    def _holding(self, number: int) -> Iterator[ByteSource]:
        """The file that a segment stands in."""
        if self._whole is not None:
            yield self._whole
            return
        name = self._files.of_table(self._manifest.segments[number].table)
        if name is None:
            raise self._damaged(number, "stands in no file of a table")
        with self._opened(name) as source:
            yield source

    def _stored(self, number: int) -> Iterator[bytes | memoryview]:
        segment = self._manifest.segments[number]
        position, end = segment.offset, segment.offset + segment.length
        with self._holding(number) as file:
            source = file.part(position, segment.length)
            while position < end:
                # Encrypted pieces end with a chunk, so that none is opened twice.
                piece = source.read(position, min(STORED_PIECE - position % STORED_PIECE, end - position))
                if not piece:
                    raise self._damaged(number, f"is cut off: the file ends {end - position:,} bytes early")
                position += len(piece)
                yield piece

    def _compare(self, number: int, found: str) -> None:
        if found != self._manifest.segments[number].sha256:
            raise self._damaged(number, "the stored bytes are not those that were written (sha256 differs)")

    def _damaged(self, number: int, what: str, detail: str | None = None) -> BackupDamagedError:
        return BackupDamagedError(f"{self.title(number)}: {what}", remedy=REMEDY, detail=detail)


def check_file(file: OpenedFile, stored: StoredFile) -> None:
    """Reads a whole file of a backup and compares size and hash. Raises `BackupDamagedError`, `StorageError`."""
    digest = hashlib.sha256()
    size = 0
    whole, where = file.part(0, stored.bytes), file.where
    while piece := whole.read(size, RAW_PIECE):
        digest.update(piece)
        size += len(piece)
    if size != stored.bytes:
        raise BackupDamagedError(f"{where} holds {size:,} bytes; {stored.bytes:,} were written", remedy=REMEDY)
    if digest.hexdigest() != stored.sha256:
        raise BackupDamagedError(f"{where}: its bytes are not those that were written (sha256 differs)", remedy=REMEDY)


def layout_problems(segments: Sequence[Segment], size: int) -> list[str]:
    """In words: segments that overlap, leave a gap, or do not cover a file of ``size`` bytes to its end."""
    problems: list[str] = []
    position = 0
    for number, segment in sorted(enumerate(segments), key=lambda item: item[1].offset):
        if segment.offset != position:
            problems.append(
                f"segment {number} begins at byte {segment.offset:,}; the one before it ends at {position:,}"
            )
        position = segment.offset + segment.length
    if position != size:
        problems.append(f"the segments end at byte {position:,}, the file at {size:,}")
    return problems
