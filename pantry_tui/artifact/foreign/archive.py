"""An archive as the script that it stands for, in the order of pg_restore, without owners: for the lexer, like any other.

Rows are streamed; of the archive only its definitions are in memory.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from pantry_tui.artifact.foreign.archive_reading import ArchiveReader, Entry

_WRITTEN_AT_ONCE = 16 * 1024  # bytes of a large object in a statement
_FIRST = (b"ENCODING", b"STDSTRINGS", b"SEARCHPATH")
_OF_THE_DATABASE = frozenset({b"DATABASE", b"DATABASE PROPERTIES"})
_ATTACHED = frozenset({b"ACL", b"COMMENT", b"SECURITY LABEL"})
_NO_OBJECTS = frozenset({*_FIRST, *_OF_THE_DATABASE, b"WARNING", b"<Init>"})
_PRIVILEGES = frozenset({b"ACL", b"ACL LANGUAGE", b"DEFAULT ACL"})
_LAST = frozenset({b"EVENT TRIGGER", b"MATERIALIZED VIEW DATA"})
_VERSION = re.compile(rb"[0-9A-Za-z][ -~]{0,79}")
_LARGE_OBJECT = re.compile(rb"(LARGE OBJECT )\d+")
_SETTINGS = b"""SET check_function_bodies = false;
SET xmloption = content;
SET row_security = off;
"""
_END = b"\n-- PostgreSQL database dump complete\n"


class ArchiveScript:
    """The script of one archive. Each reading is a new one, and remembers which line is of which entry."""

    def __init__(self, opened: Callable[[], ArchiveReader], name: str) -> None:
        """``opened`` begins a new reading."""
        self._opened = opened
        self._name = name
        self._lines: list[int] = [1]
        self._titles: list[str] = ["its settings"]

    def place(self, line: int) -> str:
        """The entry of the archive that a line of the script is of."""
        return f"{self._name}, {self._titles[max(0, bisect_right(self._lines, line) - 1)]}"

    def pieces(self) -> Iterator[bytes]:
        """The script. Raises `BackupDamagedError` where the archive is cut off, `UsageError` where it cannot be read here."""
        self._lines, self._titles = [1], ["its settings"]
        line = 1
        for title, pieces in self._parts():
            self._lines.append(line)
            self._titles.append(title)
            for piece in pieces:
                line += piece.count(b"\n")
                yield piece

    def _parts(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        reader = self._opened()
        entries = reader.entries()
        first = [entry for kind in _FIRST for entry in entries if entry.kind == kind]
        yield "its settings", [_origin(reader), *(entry.statement + b"\n" for entry in first), _SETTINGS]
        setting = _Settings(has_path=any(entry.kind == b"SEARCHPATH" for entry in first))
        by_id = {entry.id: entry for entry in entries}
        wanted = [entry for entry in entries if _is_of_this_database(entry)]
        for of_pass in range(3):  # what is granted comes when everything is there, and what reads rows comes after that
            for entry in wanted:
                if _pass(entry) == of_pass:
                    yield _title(entry), self._entry(reader, entry, setting, by_id)
        reader.require_end()
        yield "its end", [_END]

    def _entry(
        self, reader: ArchiveReader, entry: Entry, setting: _Settings, by_id: dict[int, Entry]
    ) -> Iterator[bytes]:
        yield from setting.of(entry)
        yield from _definition(entry, by_id)
        if entry.is_partitioned and entry.access_method:
            name = f"{_quoted(entry.schema)}.{_quoted(entry.tag)}"
            yield f"ALTER TABLE {name} SET ACCESS METHOD {_quoted(entry.access_method)};\n".encode(
                errors="surrogateescape"
            )
        if not entry.has_data:
            return
        if reader.holds_objects(entry):
            for oid, content in reader.large_objects(entry):
                yield from _written(oid, content)
            return
        yield entry.copy
        yield from reader.content(entry)
        yield b"\n"


def _origin(reader: ArchiveReader) -> bytes:
    """The comment that scripts have; nothing where the archive says something that would be more than a comment."""
    version = reader.source_version
    return b"-- Dumped from database version %b\n" % version if _VERSION.fullmatch(version) else b""


class _Settings:
    """What pg_restore sets before an object where it changes: schema (of old archives), tablespace, access method."""

    def __init__(self, *, has_path: bool) -> None:
        self._has_path = has_path
        self._schema = self._tablespace = self._access_method = b""

    def of(self, entry: Entry) -> Iterator[bytes]:
        if not self._has_path and entry.schema and entry.schema != self._schema:
            self._schema = entry.schema
            yield _bytes(f"SET search_path = {_quoted(entry.schema)}, pg_catalog;\n")
        if entry.tablespace is not None and entry.tablespace != self._tablespace:
            self._tablespace = entry.tablespace
            name = _quoted(entry.tablespace) if entry.tablespace else "''"
            yield _bytes(f"SET default_tablespace = {name};\n")
        if entry.access_method and not entry.is_partitioned and entry.access_method != self._access_method:
            self._access_method = entry.access_method
            yield _bytes(f"SET default_table_access_method = {_quoted(entry.access_method)};\n")


def _definition(entry: Entry, by_id: dict[int, Entry]) -> Iterator[bytes]:
    if entry.kind == b"SCHEMA":
        if entry.tag != b"public" and not entry.statement.startswith(b"--"):
            yield _bytes(f"CREATE SCHEMA {_quoted(entry.tag)};\n\n")
    elif entry.kind == b"BLOB METADATA":
        for oid in _oids(entry):
            yield b"SELECT pg_catalog.lo_create('%d');\n" % oid
    elif entry.kind == b"ACL" and entry.tag.startswith(b"LARGE OBJECTS"):
        for described in (by_id[number] for number in entry.depends_on if number in by_id):
            for oid in _oids(described):
                yield _LARGE_OBJECT.sub(rb"\g<1>%d" % oid, entry.statement) + b"\n"
    elif entry.statement:
        yield entry.statement + b"\n\n"


def _oids(entry: Entry) -> list[int]:
    """The large objects that an entry of release 17 and later describes together."""
    return [int(oid) for oid in entry.statement.split() if oid.isdigit()] if entry.kind == b"BLOB METADATA" else []


def _written(oid: int, content: Iterator[bytes]) -> Iterator[bytes]:
    """A large object as statements, whose rows of bytes mean the same whatever strings mean."""
    yield b"SELECT pg_catalog.lo_open('%d', 131072);\n" % oid
    for piece in content:
        for start in range(0, len(piece), _WRITTEN_AT_ONCE):
            written = piece[start : start + _WRITTEN_AT_ONCE].hex().encode()
            yield b"SELECT pg_catalog.lowrite(0, pg_catalog.decode('%b', 'hex'));\n" % written
    yield b"SELECT pg_catalog.lo_close(0);\n\n"


def _is_of_this_database(entry: Entry) -> bool:
    """Whether it is of what is in the database, not of the database as the cluster knows it."""
    if entry.kind in _NO_OBJECTS:
        return False
    return not (entry.kind in _ATTACHED and entry.tag.startswith(b"DATABASE "))


def _pass(entry: Entry) -> int:
    if entry.kind in _PRIVILEGES:
        return 1
    if entry.kind in _LAST or (entry.kind == b"COMMENT" and entry.tag.startswith(b"EVENT TRIGGER ")):
        return 2
    return 0


def _title(entry: Entry) -> str:
    name = b".".join(filter(None, (entry.schema, entry.tag)))
    return f"entry {entry.id} ({(entry.kind + b' ' + name).decode(errors='replace')})"


def _quoted(name: bytes) -> str:
    return '"' + name.decode(errors="surrogateescape").replace('"', '""') + '"'


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
