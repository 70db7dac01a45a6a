"""An archive of pg_dump in custom format, read by a reader of our own from front to back.

pg_restore has had holes that crafted archives reach (CVE-2026-116314), so it never sees a stranger's. The format is that of
pg_backup_archiver.c and pg_backup_custom.c, archive versions 1.12 to 1.16 (PostgreSQL 9.0 to 18): a header, the table of
contents, then the blocks of data in the order of the table.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import NamedTuple

import zstandard

from pantry_tui.artifact.foreign.parts import Objects, Parts
from pantry_tui.artifact.toc import CUSTOM, DIRECTORY, MAGIC, NEWEST, OLDEST, TAR
from pantry_tui.errors import BackupDamagedError, UsageError

TOC_LIMIT = 256 * 1024 * 1024  # bytes of definitions; it is kept in memory
PIECE = 128 * 1024
_FED = 4 * 1024  # packed bytes given to zstd at once: four of them may stand for 128 KiB
_WINDOW = 1 << 27
_WIDTHS = range(4, 9)  # of an integer or an offset, in bytes
TABLE_BLOCK, OBJECTS_BLOCK = 1, 3


class Packing(IntEnum):
    """How data are packed, as archive version 1.15 numbers it."""

    NONE = 0
    ZLIB = 1
    LZ4 = 2
    ZSTD = 3


class Entry(NamedTuple):
    """One object of the table of contents, byte for byte. ``statement`` creates it, ``copy`` begins its rows."""

    id: int
    has_data: bool
    tag: bytes
    kind: bytes  # TABLE, FK CONSTRAINT, ACL …
    statement: bytes
    copy: bytes
    schema: bytes
    tablespace: bytes | None  # None: not of those that have one
    access_method: bytes | None
    is_partitioned: bool
    depends_on: tuple[int, ...]
    file: str = ""  # that has its rows, where they are not in the archive itself


class ArchiveReader:
    """Reads what the pieces of a file hold. Raises `BackupDamagedError` for what is cut off or no archive."""

    forms: tuple[int, ...] = (CUSTOM,)

    def __init__(self, pieces: Iterator[bytes], name: str) -> None:
        self._pieces = pieces
        self._name = name
        self._buffer = bytearray()
        self._room = TOC_LIMIT
        self._integer_size = 4
        self._offset_size = 8
        self._version = (1, 0)
        self._packing: int = Packing.NONE
        self.source_version = b""  # of the server that was dumped, once the table of contents is read

    def entries(self) -> list[Entry]:
        """The table of contents; the reader then stands before the first block."""
        self._head()
        return [self._entry() for _ in range(self._integer())]

    def holds_objects(self, entry: Entry) -> bool:
        """Whether the data of an entry, which are read next, are large objects. Raises where they are of another entry."""
        kind, owner = self._take(1)[0], self._integer()
        if owner != entry.id or kind not in (TABLE_BLOCK, OBJECTS_BLOCK):
            raise self._damaged(f"has data of another entry where those of entry {entry.id} belong")
        return kind == OBJECTS_BLOCK

    def content(self, entry: Entry) -> Iterator[bytes]:  # they stand where the reader stands
        """The rows of an entry, unpacked, in pieces."""
        return self._content()

    def _content(self) -> Iterator[bytes]:
        match self._packing:
            case Packing.ZLIB:
                yield from self._inflated(self._chunks())
            case Packing.ZSTD:
                yield from self._unzstd(self._chunks())
            case _:
                yield from self._chunks()

    def large_objects(self, entry: Entry) -> Objects:
        """The large objects of an entry: oid and content, which must be read before the next."""
        while oid := self._integer():
            yield oid, self._content()

    def require_end(self) -> None:
        """Raises `BackupDamagedError` where something follows."""
        if self._buffer or any(self._pieces):
            raise self._damaged("has bytes behind its end")

    def _head(self) -> None:
        if self._take(len(MAGIC)) != MAGIC:
            raise self._damaged("is no archive of pg_dump")
        major, minor, _ = self._take(3)
        self._version = (major, minor)
        if not OLDEST <= self._version <= NEWEST:
            raise UsageError(
                f"{self._name} is of archive version {major}.{minor}, which this program does not know",
                remedy="have whoever made it take it again in plain format: pg_dump --file=NAME.sql",
            )
        self._integer_size, self._offset_size, form = self._take(3)
        if self._integer_size not in _WIDTHS or self._offset_size not in _WIDTHS:
            raise self._damaged("is no readable archive: its integers have an impossible size")
        if form not in self.forms:
            raise self._damaged("is no archive of the format that it seems to be")
        self._packing = self._take(1)[0] if self._version >= (1, 15) else int(self._integer() != 0)
        if self._packing not in (Packing.NONE, Packing.ZLIB, Packing.ZSTD):
            raise UsageError(
                f"{self._name} is packed by {'lz4' if self._packing == Packing.LZ4 else 'a method that is not known here'}",
                remedy="take the dump with --compress=gzip or --compress=zstd",
            )
        for _ in range(7):
            self._integer()  # when it was made
        self._string()  # database
        self.source_version = self._string() or b""
        self._string()  # version of pg_dump

    def _entry(self) -> Entry:
        number, has_data = self._integer(), self._integer()
        self._string()  # catalog
        self._string()  # oid
        tag, kind = self._string() or b"", self._string() or b""
        self._integer()  # section
        statement = self._string() or b""
        self._string()  # DROP statement
        copy, schema, tablespace = self._string() or b"", self._string() or b"", self._string()
        access_method = self._string() if self._version >= (1, 14) else None
        relation = self._integer() if self._version >= (1, 16) else 0
        self._string()  # owner
        self._string()  # whether it has oids
        depends_on = []
        while (dependency := self._string()) is not None:
            depends_on.append(int(dependency) if dependency.isdigit() else 0)
        file = self._place()
        return Entry(
            number,
            has_data == 1,
            tag,
            kind,
            statement,
            copy,
            schema,
            tablespace,
            access_method,
            relation == ord("p"),
            tuple(depends_on),
            file,
        )

    def _place(self) -> str:
        """Where the data of an entry stand: here behind each other."""
        self._take(1 + self._offset_size)
        return ""

    def _chunks(self) -> Iterator[bytes]:
        while length := self._integer():
            if length < 0:
                raise self._damaged("is no readable archive: a piece of its data has less than no bytes")
            while length:
                self._fill(1, "in its data")
                piece = bytes(self._buffer[: min(length, PIECE)])
                del self._buffer[: len(piece)]
                length -= len(piece)
                yield piece

    def _inflated(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        unpacker = zlib.decompressobj()
        for chunk in chunks:
            rest = chunk
            while rest:
                text = self._unpacked(lambda packed: unpacker.decompress(packed, PIECE), rest)
                rest = unpacker.unconsumed_tail
                if text:
                    yield text
                if not text and not rest:
                    break
        while text := self._unpacked(lambda _: unpacker.decompress(b"", PIECE), b""):
            yield text
        if not unpacker.eof:
            raise self._damaged("is cut off: packed data have no end")

    def _unzstd(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        for chunk in chunks:
            for start in range(0, len(chunk), _FED):
                if text := self._unpacked(unpacker.decompress, chunk[start : start + _FED]):
                    yield text
        if not unpacker.eof:
            raise self._damaged("is cut off: packed data have no end")

    def _unpacked(self, unpack: Callable[[bytes], bytes], packed: bytes) -> bytes:
        try:
            return unpack(packed)
        except (zlib.error, zstandard.ZstdError) as error:
            raise self._damaged(f"has packed data that cannot be read ({error})") from error

    def _integer(self) -> int:
        data = self._take(1 + self._integer_size)
        value = int.from_bytes(data[1:], "little")
        return -value if data[0] else value

    def _string(self) -> bytes | None:
        length = self._integer()
        if length < 0:
            return None
        self._room -= length
        if self._room < 0:
            raise self._damaged(f"has a table of contents of more than {TOC_LIMIT // 1024 // 1024} MB")
        return self._take(length)

    def _take(self, length: int) -> bytes:
        self._fill(length, "in its table of contents")
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def _fill(self, length: int, where: str) -> None:
        while len(self._buffer) < length:
            piece = next(filter(None, self._pieces), b"")
            if not piece:
                raise self._damaged(f"is cut off {where}")
            self._buffer += piece

    def _damaged(self, what: str) -> BackupDamagedError:
        return BackupDamagedError(f"{self._name} {what}", remedy="no part of it was run; bring the whole dump")


class PartedReader(ArchiveReader):
    """Reads an archive whose rows stand in files of their own."""

    forms = (TAR, DIRECTORY)

    def __init__(self, parts: Parts, name: str) -> None:
        super().__init__(parts.toc(), name)
        self._parts = parts

    def entries(self) -> list[Entry]:
        """The table of contents, which is a file of its own."""
        entries = super().entries()
        super().require_end()
        return entries

    def holds_objects(self, entry: Entry) -> bool:
        """Whether its file is a list of large objects."""
        return entry.kind == b"BLOBS"

    def content(self, entry: Entry) -> Iterator[bytes]:
        """The rows of an entry."""
        return self._parts.rows(entry.file)

    def large_objects(self, entry: Entry) -> Objects:
        """The large objects of an entry."""
        return self._parts.objects(entry.file)

    def require_end(self) -> None:
        """Raises `BackupDamagedError` where something follows."""
        self._parts.require_end()

    def _place(self) -> str:
        return (self._string() or b"").decode("ascii", "replace")
