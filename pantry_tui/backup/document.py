"""The document of a backup in format `sql`: what psql reads, in this order.

pre-data (tables and types), the rows, data (large objects, sequence values, rows that only pg_dump handles), post-data
(indexes, constraints, triggers, refreshes), and a last line that tells a whole document from a cut one.
"""

from __future__ import annotations

from pantry_tui.artifact.manifest import Segment
from pantry_tui.artifact.segment import SEGMENT_RAW_BYTES, ArtifactFile, MemberWriter
from pantry_tui.backup.archive import section_command
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import child_environment
from pantry_tui.postgres.tools import ClientTools, run_tool


class SectionWriter:
    """Writes SQL text to the artifact as members of one section."""

    def __init__(self, artifact: ArtifactFile, section: str, *, held: bool) -> None:
        self._append = artifact.append_held if held else artifact.append
        self._section = section
        self._writer = MemberWriter()
        self.segments: list[Segment] = []

    def write(self, text: bytes) -> None:
        """Adds text; a member that is full is put into the artifact."""
        self._writer.write(text)
        if self._writer.raw_length >= SEGMENT_RAW_BYTES:
            self.close()
            self._writer = MemberWriter()

    def close(self) -> list[Segment]:
        """Puts the last member into the artifact and returns the section's segments."""
        member, pieces = self._writer.finish()
        offset = self._append(pieces, member.length)
        self.segments.append(
            Segment(
                section=self._section,
                offset=offset,
                length=member.length,
                raw_length=member.raw_length,
                sha256=member.sha256,
            )
        )
        return self.segments


async def write_section(
    artifact: ArtifactFile,
    section: str,
    archive: str,
    tools: ClientTools,
    target: DatabaseTarget,
    *,
    held: bool = False,
) -> list[Segment]:
    """Turns one section of the archive into SQL at the end of the artifact; ``held``: this process holds the file."""
    writer = SectionWriter(artifact, section, held=held)
    await run_tool(
        section_command(tools.path("pg_restore"), archive, section),
        environment=child_environment(target),
        doing=f"writing the {section} section",
        stdout_to=writer.write,
    )
    return writer.close()


def write_end(artifact: ArtifactFile, backup_id: str, tables: int, rows: int) -> list[Segment]:
    """Writes the line that ends a whole document."""
    writer = SectionWriter(artifact, "end", held=False)
    writer.write(end_line(backup_id, tables, rows))
    return writer.close()


def end_line(backup_id: str, tables: int, rows: int) -> bytes:
    """The document's last line; an SQL comment."""
    return f"-- pantry-tui: end of backup {backup_id}: {tables} tables, {rows} rows\n".encode("ascii")
