"""What an export reads: the chosen tables of a backup, their segments, and the archive where its definitions are wanted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.naming import find_matching
from pantry_tui.artifact.reader import RowsReader, check_file
from pantry_tui.artifact.selection import Selection, select_found
from pantry_tui.artifact.toc import read_toc
from pantry_tui.backup.progress import ProgressMeter
from pantry_tui.errors import ClientToolError
from pantry_tui.events import Listener
from pantry_tui.models import BackupKind
from pantry_tui.postgres.pg_restore import pg_restore
from pantry_tui.postgres.tools import ClientTools, find_client_tools, version_number
from pantry_tui.repository.repository import Repository

EVERYTHING_ELSE = "everything but the rows"
READING_ROWS = 0.1  # of the work is done when rows are read

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Does ``work`` in a thread. Cancelled, it waits for it: nobody may close what the thread still writes to."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


class ExportSource:
    """An opened backup, of which some tables or all are exported."""

    def __init__(
        self,
        repository: Repository,
        manifest: Manifest,
        reader: RowsReader,
        identities: Sequence[Identity],
        listener: Listener,
    ) -> None:
        """``reader`` reads the segments of ``manifest``, which may be a composed one."""
        self.manifest = manifest
        self.reader = reader
        self.selection = Selection(
            tables=tuple(range(len(manifest.tables))), entries=manifest.entries, left_out=(), is_whole=True
        )
        self._repository = repository
        self._identities = identities
        self._listener = listener
        self._archive: Content | None = None
        self._tools: ClientTools | None = None

    async def select(self, patterns: Sequence[str]) -> None:
        """Chooses tables. Raises `NotFoundError` for what the backup does not have, `UsageError` for what is ambiguous."""
        archive = await self._checked_archive()
        toc = await asyncio.to_thread(read_toc, archive, self.manifest.source.encoding)
        belonging = frozenset(entry.id for entry in toc) if self.manifest.entries is None else {*self.manifest.entries}
        if self.manifest.kind is not BackupKind.DATA:  # there, only the archive knows tables; the backup has their rows
            toc = tuple(entry for entry in toc if entry.id in belonging)
        found = select_found(self.manifest, toc, find_matching(self.manifest.tables, toc, patterns))
        self.selection = Selection(
            tables=found.tables,
            entries=tuple(number for number in found.entries or () if number in belonging),
            left_out=() if self.manifest.kind is BackupKind.DATA else found.left_out,
        )

    @property
    def tables(self) -> list[tuple[int, TableEntry]]:
        """The chosen tables with their positions in the manifest."""
        return [(position, self.manifest.tables[position]) for position in self.selection.tables]

    def segments(self, table: int) -> list[int]:
        """The segments with a table's rows, in the table's order."""
        every = self.manifest.segments
        numbers = [n for n, each in enumerate(every) if each.table == table and each.section == "rows"]
        return sorted(numbers, key=lambda number: (every[number].range or 0, every[number].offset))

    def meter(self, numbers: Iterable[int]) -> ProgressMeter:
        """Tells how far the reading of these segments is."""
        weights: Counter[str] = Counter()
        for number in numbers:
            weights[self.title(number)] += self.manifest.segments[number].raw_length
        return ProgressMeter(self._listener, dict(weights), first=READING_ROWS)

    def title(self, number: int) -> str:
        """Of what table a segment is, in words."""
        table = self.manifest.segments[number].table
        return EVERYTHING_ELSE if table is None else self.manifest.tables[table].qualified_name

    async def section(self, name: str, write: Callable[[bytes], None]) -> None:
        """Passes on a section of the archive as SQL. Raises as `pg_restore` does, `BackupDamagedError`."""
        archive = await self._checked_archive()
        if self._tools is None:
            self._tools = await self._find_tools(archive)
        await pg_restore(
            self._tools,
            [f"--section={name}", "--file=-"],
            archive,
            entries=self.selection.entries,
            environment={"LC_ALL": "C"},
            doing=f"reading the {name} section out of {archive.name}",
            stdout_to=write,
        )

    async def _find_tools(self, archive: Content) -> ClientTools:
        written_by = version_number(self.manifest.tools.get("client tools", ""))
        if written_by is None:
            raise ClientToolError(
                f"{archive}: the manifest does not say which version of pg_dump wrote it",
                remedy="export all tables in the backup's own format, which needs no archive",
            )
        return await find_client_tools(written_by)

    async def _checked_archive(self) -> Content:
        """The archive, once its bytes are known to be those that were written."""
        if self._archive is None:
            stored = self.manifest.file("archive")
            with self._repository.open(self.manifest.id, stored.name) as file:
                await in_thread(lambda: check_file(file, stored))
            place = self._repository.place(self.manifest.id, stored.name)
            self._archive = await asyncio.to_thread(Content.unlock, place, self._identities)
        return self._archive
