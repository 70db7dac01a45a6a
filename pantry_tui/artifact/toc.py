"""The table of contents of pg_dump's archive, read from its binary form.

`pg_restore -l` prints names without quotes, so that a table `a b` of schema `s` and a table `b` of schema `s a` look the
same. The binary table of contents (pg_backup_archiver.c, ReadHead and ReadToc; versions 1.12 to 1.16, PostgreSQL 9.0 to
18) is exact, and has each entry's statement.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from pantry_tui.artifact.content import Content
from pantry_tui.artifact.copytext import codec_of
from pantry_tui.artifact.files import storage_errors
from pantry_tui.errors import BackupDamagedError

MAGIC = b"PGDMP"
OLDEST, NEWEST = (1, 12), (1, 16)
CUSTOM, TAR, DIRECTORY = 1, 3, 5
STRING_LIMIT = 1 << 30
SECTIONS = {1: "none", 2: "pre-data", 3: "data", 4: "post-data"}
PG_CLASS = 1259
_WITH_KEYS = frozenset({"TABLE", "FOREIGN TABLE"})
_PARTITIONED = re.compile(r"\nPARTITION BY (?:RANGE|LIST|HASH) \(")


class TocEntry(NamedTuple):
    """One object of the archive. Names are unquoted; ``statement`` creates it, without its owner."""

    id: int
    catalog: int  # oid of the system catalog, 0 for none
    oid: int
    kind: str  # TABLE, FK CONSTRAINT, ACL …
    section: str
    schema: str
    tag: str
    owner: str
    tablespace: str
    statement: str
    depends_on: tuple[int, ...]

    @property
    def title(self) -> str:
        """The object in words."""
        name = f"{self.schema}.{self.tag}" if self.schema else self.tag
        return f"{self.kind.lower()} {name}"


class _Reader:
    """Integers and strings of an archive, as its header says they are written."""

    def __init__(self, file: BinaryIO, where: str, codec: str) -> None:
        self._file = file
        self._where = where
        self._codec = codec
        self.integer_size = 4
        self.offset_size = 8
        self.version = (1, 0)

    def damaged(self, what: str) -> BackupDamagedError:
        return BackupDamagedError(f"{self._where} {what}", remedy="restore from another backup")

    def take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) != length:
            raise self.damaged("is cut off in its table of contents")
        return data

    def byte(self) -> int:
        return self.take(1)[0]

    def integer(self) -> int:
        negative = self.byte()
        value = int.from_bytes(self.take(self.integer_size), "little")
        return -value if negative else value

    def raw(self) -> bytes | None:
        length = self.integer()
        if length < 0:
            return None
        if length > STRING_LIMIT:
            raise self.damaged("is no readable archive: a name of its table of contents is too long")
        return self.take(length)

    def text(self) -> str:
        return (self.raw() or b"").decode(self._codec, "surrogateescape")


def read_toc(archive: Content, encoding: str) -> tuple[TocEntry, ...]:
    """The entries of a custom-format archive, in its order; ``encoding`` is the source database's.

    Bytes that are no text in it are kept as surrogates. Raises `BackupDamagedError`, `StorageError`.
    """
    with storage_errors(str(archive), "reading the archive"), archive.open() as file:
        return read_toc_of(file, str(archive), encoding)


def read_toc_of(file: BinaryIO, where: str, encoding: str) -> tuple[TocEntry, ...]:
    """The same for an archive that is open, and called ``where``. Raises `BackupDamagedError`, `OSError`."""
    reader = _Reader(file, where, codec_of(encoding) or "utf-8")
    _read_head(reader)
    return tuple(_read_entry(reader) for _ in range(reader.integer()))


def _read_head(reader: _Reader) -> None:
    if reader.take(len(MAGIC)) != MAGIC:
        raise reader.damaged("is not an archive of pg_dump")
    major, minor, _ = struct.unpack("3B", reader.take(3))
    reader.version = (major, minor)
    if not OLDEST <= reader.version <= NEWEST:
        raise reader.damaged(f"has archive version {major}.{minor}, which this program does not know")
    reader.integer_size = reader.byte()
    reader.offset_size = reader.byte()
    if reader.byte() != CUSTOM:
        raise reader.damaged("is not an archive in custom format")
    if reader.version >= (1, 15):
        reader.byte()  # compression algorithm
    else:
        reader.integer()  # compression level
    for _ in range(7):
        reader.integer()  # when it was made
    for _ in range(3):
        reader.raw()  # database, server version, pg_dump version


def _read_entry(reader: _Reader) -> TocEntry:
    number = reader.integer()
    reader.integer()  # whether it has data
    catalog, oid = int(reader.text() or 0), int(reader.text() or 0)
    tag, kind = reader.text(), reader.text()
    section = SECTIONS.get(reader.integer(), "none")
    statement = reader.text()
    reader.raw()  # DROP statement
    reader.raw()  # COPY statement
    schema = reader.text()
    tablespace = reader.text()
    if reader.version >= (1, 14):
        reader.raw()  # table access method
    if reader.version >= (1, 16):
        reader.integer()  # kind of relation
    owner = reader.text()
    reader.raw()  # whether it has oids
    depends_on: list[int] = []
    while (dependency := reader.raw()) is not None:
        depends_on.append(int(dependency))
    reader.take(1 + reader.offset_size)  # where its data stand
    return TocEntry(number, catalog, oid, kind, section, schema, tag, owner, tablespace, statement, tuple(depends_on))


def is_partitioned(table: TocEntry) -> bool:
    """Whether this is a table whose rows are all in its partitions."""
    return _PARTITIONED.search(table.statement) is not None


def partitions(toc: Sequence[TocEntry]) -> dict[int, list[int]]:
    """For each partitioned table, by id, all tables below it."""
    children: dict[int, list[int]] = {}
    for entry in toc:
        if entry.kind == "TABLE ATTACH" and len(entry.depends_on) > 1:
            children.setdefault(entry.depends_on[1], []).append(entry.depends_on[0])

    def below(table: int) -> list[int]:
        return [leaf for child in children.get(table, ()) for leaf in (child, *below(child))]

    return {table: below(table) for table in children}


def own_table(entry: TocEntry, by_id: Mapping[int, TocEntry]) -> TocEntry:
    """The table that a constraint belongs to, of those that it depends on: its tag begins with that table's name.

    Both names may hold blanks, so the longest that fits is it.
    """
    tables = [by_id[number] for number in entry.depends_on if number in by_id and by_id[number].kind in _WITH_KEYS]
    own = [table for table in tables if table.schema == entry.schema and entry.tag.startswith(f"{table.tag} ")]
    return max(own or tables, key=lambda table: len(table.tag))


def owned_sequences(toc: Sequence[TocEntry], oids: Collection[int]) -> frozenset[tuple[str, str]]:
    """The sequences, by schema and name, that columns of the tables with these oids own."""
    tables = {entry.id for entry in toc if entry.catalog == PG_CLASS and entry.kind == "TABLE" and entry.oid in oids}
    return frozenset(
        (entry.schema, entry.tag)
        for entry in toc
        if entry.kind in ("SEQUENCE", "SEQUENCE OWNED BY") and not tables.isdisjoint(entry.depends_on)
    )


def use_list(entries: Sequence[int]) -> bytes:
    """The list of entries as `pg_restore --use-list` reads it."""
    return "".join(f"{number};\n" for number in entries).encode()
