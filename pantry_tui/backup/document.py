"""The document of a backup in format `sql`: what psql reads, in this order.

pre-data (tables and types), the rows, data (large objects, sequence values, rows that only pg_dump handles), post-data
(indexes, constraints, triggers, refreshes), and a last line that tells a whole document from a cut one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.segment import SEGMENT_RAW_BYTES, MemberWriter
from pantry_tui.backup.archive import section_command
from pantry_tui.backup.archiving import archive_size, write_archive
from pantry_tui.backup.commands import TableWork
from pantry_tui.backup.placing import Placement, Text
from pantry_tui.backup.snapshotted import ARCHIVE, Snapshotted
from pantry_tui.postgres.connect import child_environment
from pantry_tui.postgres.tools import run_tool

KEPT_ARCHIVE_BYTES = 8 * 1024 * 1024  # a larger archive's sections are not kept in memory


class SqlDocument:
    """The SQL around the rows of one backup."""

    def __init__(self, backup: Snapshotted, work: Sequence[TableWork]) -> None:
        self._backup = backup
        self._work = work
        self._late: list[_LateSection] = []

    async def begin(self, placement: Placement) -> None:
        """Runs pg_dump, puts the definitions at the document's beginning and lets the workers write behind them."""
        await write_archive(self._backup, [item.table for item in self._work])
        definitions = SectionWriter("pre-data", self._backup.codec)
        definitions.place_at_once(placement)
        await _read_section(definitions, "pre-data", self._backup)
        definitions.finish(placement)
        placement.open()
        self._late = [_LateSection(name, self._backup) for name in ("data", "post-data")]
        if archive_size(self._backup) <= KEPT_ARCHIVE_BYTES:
            for section in self._late:
                await section.make()

    async def end(self, placement: Placement, tables: int, rows: int) -> None:
        """Writes what stands behind the rows."""
        for section in self._late:
            await section.write_to(placement)
        end = SectionWriter("end", self._backup.codec)
        end.write(end_line(self._backup.staged.id, tables, rows))
        end.finish(placement)


class _LateSection:
    """A section that stands behind the rows; made while they are read where it is small enough to be kept."""

    def __init__(self, name: str, backup: Snapshotted) -> None:
        self._name = name
        self._backup = backup
        self._writer = SectionWriter(name, backup.codec)
        self._made = False

    async def make(self) -> None:
        """Turns the section into SQL, in memory."""
        await _read_section(self._writer, self._name, self._backup)
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


async def _read_section(writer: SectionWriter, section: str, backup: Snapshotted) -> None:
    """Turns one section of the archive into SQL."""
    await run_tool(
        section_command(backup.tools.path("pg_restore"), backup.file(ARCHIVE), section),
        environment=child_environment(backup.target),
        doing=f"writing the {section} section",
        stdout_to=writer.write,
    )


def end_line(backup_id: str, tables: int, rows: int) -> bytes:
    """The document's last line; an SQL comment."""
    return f"-- pantry-tui: end of backup {backup_id}: {tables} tables, {rows} rows\n".encode("ascii")
