r"""Rows that pg_dump's archive carries, as pg_restore writes them: a COPY line, the rows, `\.`.

The table is picked by its entry's number in the archive, so that no name has to be quoted for anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.copyrows import CopyRows
from pantry_tui.artifact.copytext import END_OF_ROWS, HEADER_LIMIT, codec_of, parse_header
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.reader import check_file
from pantry_tui.artifact.toc import read_toc
from pantry_tui.errors import BackupDamagedError, ClientToolError
from pantry_tui.repository.repository import Repository

_COPY, _FROM = b"\nCOPY ", b" FROM stdin;\n"
_END = b"\n" + END_OF_ROWS
_REMEDY = "restore from another backup"


class _Enough(Exception):  # noqa: N818  # nothing failed
    """Ends pg_restore once the rows that are wanted are there."""


class ArchivedRows:
    """Takes pg_restore's output in pieces and passes the rows in it on to ``rows``."""

    def __init__(self, rows: CopyRows) -> None:
        self.rows = rows
        self.columns: tuple[bytes, ...] | None = None  # None: the COPY line has not come yet
        self._held = b"\n"
        self._begun = False

    async def read(
        self, repository: Repository, manifest: Manifest, entry: TableEntry, identities: Sequence[Identity]
    ) -> tuple[str, ...]:
        """Reads the rows of a table and returns its columns in the archive's order.

        There may be fewer rows than the table had: of an extension's configuration, pg_dump takes those that the
        extension marks. Raises `BackupDamagedError` when the archive's bytes are not those that were written,
        `ClientToolError` when no pg_restore fits, `StorageError`.
        """
        stored = manifest.file("archive")
        with repository.open(manifest.id, stored.name) as file:
            await asyncio.to_thread(check_file, file, stored)
        content = await asyncio.to_thread(Content.unlock, repository.place(manifest.id, stored.name), identities)
        number = await asyncio.to_thread(_data_entry, content, manifest, entry)
        if number is None:  # pg_dump lists no data for an extension's table of which it takes no rows
            return entry.columns
        await self._run(content, manifest, number)
        if self.columns is None:
            raise BackupDamagedError(f"{content} has no rows of {entry.qualified_name}", remedy=_REMEDY)
        codec = codec_of(manifest.source.encoding)
        return tuple(name.decode(codec or "ascii", "backslashreplace") for name in self.columns)

    async def _run(self, archive: Content, manifest: Manifest, number: int) -> None:
        # Few tables need tools.
        from pantry_tui.postgres.pg_restore import pg_restore
        from pantry_tui.postgres.tools import find_client_tools, version_number

        written_by = version_number(manifest.tools.get("client tools", ""))
        if written_by is None:
            raise ClientToolError(
                f"{archive} carries these rows, and its manifest does not say which version of pg_dump wrote it",
                remedy="restore the table into another database to look at it",
            )
        tools = await find_client_tools(written_by)
        try:
            await pg_restore(
                tools,
                ["--data-only", "--file=-"],
                archive,
                entries=[number],
                environment={"LC_ALL": "C"},
                doing=f"reading rows out of {archive.name}",
                stdout_to=self.take,
            )
        except _Enough:
            return

    def take(self, piece: bytes) -> None:
        """Takes the next piece of the output. Raises `_Enough`."""
        self._held += piece
        if self.columns is None and not self._take_header():
            return
        if not self._begun and len(self._held) >= len(END_OF_ROWS):
            self._begun = True
            if self._held.startswith(END_OF_ROWS):
                raise _Enough
        end = self._held.find(_END)
        if end >= 0:
            self.rows.feed(self._held[: end + 1])
            raise _Enough
        ready = len(self._held) - len(_END)  # the end mark may be cut by the border of two pieces
        if ready > 0:
            enough = self.rows.feed(self._held[:ready])
            self._held = self._held[ready:]
            if enough:
                raise _Enough

    def _take_header(self) -> bool:
        """Cuts off everything up to the rows; False while their COPY line is not there as a whole."""
        start = self._held.find(_COPY)
        end = self._held.find(_FROM, max(start, 0))
        if start < 0 or end < 0:
            if len(self._held) > HEADER_LIMIT:
                raise BackupDamagedError("pg_restore wrote no COPY line for a table's rows", remedy=_REMEDY)
            return False
        header = parse_header(self._held[start + 1 :])
        self.columns = header.columns
        self._held = self._held[start + 1 + header.length :]
        return True


def _data_entry(archive: Content, manifest: Manifest, table: TableEntry) -> int | None:
    """The number of the archive's entry that holds the table's rows."""
    toc = read_toc(archive, manifest.source.encoding)
    return next((entry.id for entry in toc if entry.kind == "TABLE DATA" and entry.oid == table.oid), None)
