"""A dump as the script that it is or stands for, and the reading of it that only looks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import NamedTuple

from pantry_tui.artifact.foreign.archive import ArchiveScript
from pantry_tui.artifact.foreign.archive_reading import ArchiveReader, PartedReader
from pantry_tui.artifact.foreign.inspection import FILE_FUNCTIONS, script_encoding, table_parts, treatment
from pantry_tui.artifact.foreign.lexer import Lexer
from pantry_tui.artifact.foreign.opening import FileKind, ForeignDirectory, ForeignFile
from pantry_tui.artifact.foreign.parts import TarParts
from pantry_tui.artifact.foreign.statement import EndLine, Place, Statement
from pantry_tui.errors import BackupDamagedError, CancelledError

_HEAD = 4096  # of the script, where pg_dump says which releases were at work
_DUMPED_FROM = re.compile(rb"^-- Dumped from database version ([^\r\n]{1,80})\r?$", re.MULTILINE)


class Script(NamedTuple):
    """A dump as text. ``pieces`` begins a new reading; ``place`` names a line in words."""

    pieces: Callable[[], Iterator[bytes]]
    place: Place


class FoundTable(NamedTuple):
    """A table that a dump makes or fills. ``schema`` is empty where the dump leaves it to its search_path."""

    schema: str
    name: str
    rows: int  # behind its COPY statements
    bytes: int


class Inspected(NamedTuple):
    """What the first reading found."""

    digest: bytes  # of the whole script
    encoding: str | None
    statements: int
    lines: int  # of rows, behind COPY statements
    end_line: EndLine | None
    bytes: int  # of the whole script
    tables: tuple[FoundTable, ...]
    inserts: int  # statements that bring rows without a COPY
    source_version: str | None  # of the server that was dumped, as pg_dump says


class Watched:
    """Passes pieces on and hashes them; ends the reading when somebody wants it ended."""

    def __init__(self, pieces: Iterator[bytes], stop: Flag, moved: Callable[[], None]) -> None:
        self._pieces = pieces
        self._stop = stop
        self._moved = moved
        self._hash = hashlib.sha256()
        self.size = 0
        self.head = b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if self._stop.is_set():
                raise CancelledError("the reading of the dump was cancelled")
            self._hash.update(piece)
            self.size += len(piece)
            if len(self.head) < _HEAD:
                self.head += piece[:_HEAD]
            self._moved()
            yield piece

    def digest(self) -> bytes:
        """SHA-256 of what went by."""
        return self._hash.digest()


class _Tables:
    """The tables of a script, and their rows, as the reading goes on."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, int]] = {}
        self.inserts = 0

    def heed(self, statement: Statement) -> None:
        """Takes note of a statement that is about a table."""
        words = statement.words
        if words[:1] == (b"CREATE",) and b"TABLE" in words[1:3] and words[1] in (b"TABLE", b"UNLOGGED"):
            self._found.setdefault(table_parts(words), (0, 0))
        elif words[:2] == (b"INSERT", b"INTO"):
            self.inserts += 1
            self._found.setdefault(table_parts(words), (0, 0))

    def took(self, statement: Statement, rows: int, size: int) -> None:
        """Rows stood behind a COPY."""
        name = table_parts(statement.words)
        before = self._found.get(name, (0, 0))
        self._found[name] = before[0] + rows, before[1] + size

    def listed(self) -> tuple[FoundTable, ...]:
        return tuple(
            FoundTable(schema, name, rows, size) for (schema, name), (rows, size) in sorted(self._found.items())
        )


def script_of(file: ForeignFile | ForeignDirectory) -> Script:
    """The script that a file holds, or that its archive stands for."""
    if isinstance(file, ForeignDirectory):
        return _of_archive(lambda: PartedReader(file.parts(), file.name), file.name)
    if file.kind is FileKind.TAR:
        return _of_archive(lambda: PartedReader(TarParts(file.unpacked(), file.name), file.name), file.name)
    if file.kind is FileKind.ARCHIVE:
        return _of_archive(lambda: ArchiveReader(file.unpacked(), file.name), file.name)
    return Script(file.text, lambda line: f"{file.name}, line {line:,}")


def _of_archive(opened: Callable[[], ArchiveReader], name: str) -> Script:
    archive = ArchiveScript(opened, name)
    return Script(archive.pieces, archive.place)


def inspect(script: Script, stop: Flag, moved: Callable[[], None]) -> Inspected:
    """Reads a dump to its end and runs nothing. Raises `RefusedError`, `BackupDamagedError`, `CancelledError`."""
    source = Watched(script.pieces(), stop, moved)
    lexer = Lexer(iter(source), script.place, FILE_FUNCTIONS)
    encoding, statements, lines, tables = None, 0, 0, _Tables()
    for statement in lexer.statements():
        treatment(statement, script.place)
        statements += 1
        encoding = encoding or script_encoding(statement.words)
        if statement.copies_in:
            rows, size = _count(lexer.rows())
            lines += rows
            tables.took(statement, rows, size)
        else:
            tables.heed(statement)
    if not lexer.is_complete:
        raise BackupDamagedError(
            f"{script.place(lexer.line)}: the dump ends without the line that pg_dump writes last,"
            ' "-- PostgreSQL database dump complete"',
            remedy="it is cut off, or no dump of pg_dump; no part of it was run. Bring the whole dump",
        )
    version = _DUMPED_FROM.search(source.head)
    return Inspected(
        source.digest(),
        encoding,
        statements,
        lines,
        lexer.end_line,
        source.size,
        tables.listed(),
        tables.inserts,
        version[1].decode(errors="replace").strip() if version else None,
    )


def _count(rows: Iterator[bytes]) -> tuple[int, int]:
    lines = size = 0
    for piece in rows:
        lines += piece.count(b"\n")
        size += len(piece)
    return lines, size
