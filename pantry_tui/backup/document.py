"""The document of a backup in format `sql`: what psql reads, in this order.

A first line that names the backup, pre-data (tables and types), the rows, data (large objects, sequence values, rows that only
pg_dump handles), post-data (indexes, constraints, triggers, refreshes), and a last line that tells a whole document from a cut
one. A backup of the schema or of the data alone has only its sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.segment import SEGMENT_RAW_BYTES, MemberWriter
from pantry_tui.backup.archiving import Archive, write_archive
from pantry_tui.backup.commands import RowStatements, TableWork, encode_texts
from pantry_tui.backup.key_order import KeyOrder, key_order
from pantry_tui.backup.placing import Placement, Text
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.backup.subset import Subset
from pantry_tui.models import BackupKind
from pantry_tui.postgres.connect import child_environment
from pantry_tui.postgres.copy import copy_out, document_header
from pantry_tui.postgres.pg_restore import pg_restore
from pantry_tui.postgres.session import server_encoding
from pantry_tui.postgres.snapshot import Connection

# What stands before the rows, then what stands behind them. Without definitions, the settings come from the data section.
SECTIONS = {
    BackupKind.FULL: ("pre-data", "data", "post-data"),
    BackupKind.INCREMENTAL: ("pre-data", "data", "post-data"),
    BackupKind.SCHEMA: ("pre-data", "post-data"),
    BackupKind.DATA: ("data", "post-data"),
}
KEPT_ARCHIVE_BYTES = 8 * 1024 * 1024  # a larger archive's sections are not kept in memory


class SqlDocument:
    """The SQL around the rows of one backup."""

    def __init__(
        self, backup: Snapshotted, statements: Mapping[int, RowStatements], order: KeyOrder | None = None
    ) -> None:
        self._backup = backup
        self.statements = statements
        self.order = order
        self._late: list[_Section] = []
        self.subset: Subset | None = None

    @classmethod
    async def of(cls, backup: Snapshotted, work: Sequence[TableWork]) -> SqlDocument:
        """The document of a backup of these tables; one without definitions has its rows in the order of foreign keys."""
        order = await key_order(backup, work) if backup.request.kind is BackupKind.DATA else None
        return cls(backup, await _statements(backup.connection, work), order)

    async def begin(self, placement: Placement) -> None:
        """Runs pg_dump, puts the definitions at the document's beginning and lets the workers write behind them."""
        archive = await write_archive(self._backup)
        self.subset = archive.subset
        first, *late = SECTIONS[self._backup.request.kind]
        opening = _Section(first, self._backup, archive)
        opening.write(begin_line(self._backup.staged.id))
        if self._backup.base is not None:
            guard = SectionWriter("guard", self._backup.codec)
            guard.write(incomplete(self._backup.base.link.id))
            guard.finish(placement)
        await opening.write_to(placement)
        placement.open()
        self._late = [_Section(name, self._backup, archive) for name in late]
        if archive.content.stored_size <= KEPT_ARCHIVE_BYTES:
            for section in self._late:
                await section.make()

    async def end(self, placement: Placement, tables: int, rows: int) -> None:
        """Writes what stands behind the rows."""
        for section in self._late:
            await section.write_to(placement)
        end = SectionWriter("end", self._backup.codec)
        end.write(end_line(self._backup.staged.id, tables, rows))
        end.finish(placement)


async def _statements(connection: Connection, work: Sequence[TableWork]) -> dict[int, RowStatements]:
    """Rows in the database's own encoding, below a line that says where psql puts them."""
    encoding = server_encoding(connection)
    headers = await encode_texts(
        connection,
        [
            document_header(item.table.schema, item.table.name, item.table.columns).as_string(connection)
            for item in work
        ],
    )
    rows_encoding = None if encoding in ("UTF8", "SQL_ASCII") else encoding
    return {
        item.number: RowStatements(
            partial(copy_out, item.table.schema, item.table.name, item.table.columns, encoding=rows_encoding), header
        )
        for item, header in zip(work, headers, strict=True)
    }


class _Section:
    """A section of the archive; one behind the rows is made while they are read where it is small enough to be kept."""

    def __init__(self, name: str, backup: Snapshotted, archive: Archive) -> None:
        self._name = name
        self._backup = backup
        self._archive = archive
        self._writer = SectionWriter(name, backup.codec)
        self._made = False

    def write(self, text: bytes) -> None:
        """Puts text before the section's own."""
        self._writer.write(text)

    async def make(self) -> None:
        """Turns the section into SQL, in memory."""
        subset = self._archive.subset
        await pg_restore(
            self._backup.tools,
            [f"--section={self._name}", "--file=-"],
            self._archive.content,
            entries=None if subset is None else subset.entries,
            environment=child_environment(self._backup.target),
            doing=f"writing the {self._name} section",
            stdout_to=self._writer.write,
        )
        self._made = True

    async def write_to(self, placement: Placement) -> None:
        """Puts the section into the artifact."""
        if not self._made:
            self._writer.place_at_once(placement)
            await self.make()
        self._writer.finish(placement)


class SectionWriter:
    """SQL text of one section, as members that wait for their place in the artifact."""

    def __init__(self, section: str, codec: Codec) -> None:
        self._section = section
        self._codec = codec
        self._writer = MemberWriter(codec)
        self._waiting: list[Text] = []
        self._placement: Placement | None = None

    def write(self, text: bytes) -> None:
        """Adds text."""
        self._writer.write(text)
        if self._writer.raw_length >= SEGMENT_RAW_BYTES:
            self._close_member()
            self._writer = MemberWriter(self._codec)

    def place_at_once(self, placement: Placement) -> None:
        """From now on members are put into the artifact as soon as they are full."""
        self._placement = placement

    def finish(self, placement: Placement) -> None:
        """Puts everything that waits into the artifact."""
        self.place_at_once(placement)
        self._close_member()

    def _close_member(self) -> None:
        self._waiting.append(Text(self._section, *self._writer.finish()))
        while self._placement is not None and self._waiting:
            self._placement.append(self._waiting.pop(0))


def begin_line(backup_id: str) -> bytes:
    """The document's first line; an SQL comment. Each section ends as a whole dump does: this one promises an end line."""
    return f"-- pantry-tui: backup {backup_id}\n".encode("ascii")


def incomplete(base_id: str) -> bytes:
    """What stops psql, when it is given an incremental backup alone."""
    return (
        "\\set ON_ERROR_STOP on\n"
        f"DO $$ BEGIN RAISE EXCEPTION 'This is an incremental backup: without its base {base_id} it is not whole.'"
        " USING HINT = 'Restore it with pantry-tui, or see docs/incremental.md for psql alone.'; END $$;\n"
    ).encode("ascii")


def end_line(backup_id: str, tables: int, rows: int) -> bytes:
    """The document's last line; an SQL comment."""
    return f"-- pantry-tui: end of backup {backup_id}: {tables} tables, {rows} rows\n".encode("ascii")
