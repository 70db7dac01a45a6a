"""The document of a backup in format `sql`: what psql reads, in this order.

pre-data (tables and types), the rows, data (large objects, sequence values, rows that only pg_dump handles), post-data
(indexes, constraints, triggers, refreshes), and a last line that tells a whole document from a cut one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pantry_tui.artifact.manifest import Segment
from pantry_tui.artifact.segment import SEGMENT_RAW_BYTES, Member, MemberWriter
from pantry_tui.backup.archive import section_command
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import child_environment
from pantry_tui.postgres.tools import ClientTools, run_tool

Append = Callable[[Iterable[bytes], int], int]  # `ArtifactFile.append` or `append_held`
Placed = Callable[[Segment, int], None]  # with the CRC-32 of its stored bytes


class SectionWriter:
    """SQL text of one section, as members that wait for their place in the artifact."""

    def __init__(self, section: str, placed: Placed) -> None:
        self._section = section
        self._placed = placed
        self._writer = MemberWriter()
        self._waiting: list[tuple[Member, list[bytes]]] = []
        self._append: Append | None = None

    def write(self, text: bytes) -> None:
        """Adds text."""
        self._writer.write(text)
        if self._writer.raw_length >= SEGMENT_RAW_BYTES:
            self._close_member()
            self._writer = MemberWriter()

    def place_at_once(self, append: Append) -> None:
        """From now on members are put into the artifact as soon as they are full."""
        self._append = append

    def finish(self, append: Append) -> None:
        """Puts everything that waits into the artifact."""
        self.place_at_once(append)
        self._close_member()

    def _close_member(self) -> None:
        self._waiting.append(self._writer.finish())
        while self._append is not None and self._waiting:
            member, pieces = self._waiting.pop(0)
            self._placed(
                Segment(
                    section=self._section,
                    offset=self._append(pieces, member.length),
                    length=member.length,
                    raw_length=member.raw_length,
                    sha256=member.sha256,
                ),
                member.crc32,
            )


async def read_section(
    writer: SectionWriter, section: str, archive: str, tools: ClientTools, target: DatabaseTarget
) -> None:
    """Turns one section of the archive into SQL."""
    await run_tool(
        section_command(tools.path("pg_restore"), archive, section),
        environment=child_environment(target),
        doing=f"writing the {section} section",
        stdout_to=writer.write,
    )


def write_end(append: Append, placed: Placed, backup_id: str, tables: int, rows: int) -> None:
    """Writes the line that ends a whole document."""
    writer = SectionWriter("end", placed)
    writer.write(end_line(backup_id, tables, rows))
    writer.finish(append)


def end_line(backup_id: str, tables: int, rows: int) -> bytes:
    """The document's last line; an SQL comment."""
    return f"-- pantry-tui: end of backup {backup_id}: {tables} tables, {rows} rows\n".encode("ascii")
