"""The document of a backup in format `csv`: a zip file with an entry for each table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.entrynames import entry_names
from pantry_tui.artifact.segment import MemberWriter
from pantry_tui.artifact.zipping import LARGE_BYTES, ZipEntry, directory
from pantry_tui.backup.archiving import write_archive
from pantry_tui.backup.commands import RowStatements, TableWork
from pantry_tui.backup.placing import Placement, RangeKey, Text
from pantry_tui.backup.reading import RangeRead
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.backup.subset import Subset
from pantry_tui.errors import InternalError
from pantry_tui.models import utc_now
from pantry_tui.postgres.rowcsv import csv_copy_out, csv_header
from pantry_tui.postgres.session import server_encoding


class CsvDocument:
    """The zip file of one backup. As an order, it has the ranges of each table together, tables as the manifest has them."""

    def __init__(self, backup: Snapshotted, work: Sequence[TableWork]) -> None:
        self._backup = backup
        self._work = work
        self._placement: Placement | None = None
        self._entries: list[ZipEntry] = []
        self._modified = utc_now()
        self.names = tuple(entry_names([(item.table.schema, item.table.name) for item in work]))
        self.keys: Sequence[RangeKey] = [(item.number, number) for item in work for number in range(len(item.cuts))]
        self.statements = csv_statements(work)
        self.subset: Subset | None = None

    @property
    def order(self) -> CsvDocument:
        """The order of the rows."""
        return self

    async def begin(self, placement: Placement) -> None:
        """Lets the rows be written, and runs pg_dump for everything but them."""
        self._placement = placement
        placement.open()
        self.subset = (await write_archive(self._backup)).subset

    def before(self, read: RangeRead) -> Iterator[Text]:
        """Ends of entries, beginnings of others; and counts what follows into its entry."""
        yield from self._turn_to(read.table)
        for made in read.segments:
            self._entries[-1].add(made.member)

    def between(self) -> Iterable[Text]:
        """Nothing."""
        return ()

    async def end(self, placement: Placement, tables: int, rows: int) -> None:
        """Writes the last entries and the directory."""
        for text in self._turn_to(len(self._work)):
            placement.append(text)
        placement.append(_raw("end", directory(self._entries, placement.end)))

    def _turn_to(self, table: int) -> Iterator[Text]:
        """Closes the entries before this table's, those without any range too, and opens its own."""
        for number in range(len(self._entries), min(table + 1, len(self._work))):
            if number:
                yield _raw("frame", self._entries[-1].close())
            yield from self._open(number)
        if table == len(self._work) and self._entries:
            yield _raw("frame", self._entries[-1].close())

    def _open(self, number: int) -> Iterator[Text]:
        if self._placement is None:
            raise InternalError("a zip file was written before it had begun")
        item = self._work[number]
        entry = ZipEntry(
            self.names[number],
            offset=self._placement.end,
            modified=self._modified,
            large=item.weight >= LARGE_BYTES,
        )
        self._entries.append(entry)
        yield _raw("frame", entry.header)
        header = header_text(self._backup, item)
        entry.add(header.member)
        yield header


def csv_statements(work: Sequence[TableWork]) -> dict[int, RowStatements]:
    """How the rows of these tables are read, by the table's number."""
    return {
        item.number: RowStatements(partial(csv_copy_out, item.table.schema, item.table.name, item.table.columns))
        for item in work
    }


def header_text(backup: Snapshotted, item: TableWork, *, begins: str | None = None) -> Text:
    """The first line of a table's file; ``begins`` as for `Text`."""
    writer = MemberWriter(backup.rows_codec)
    writer.write(csv_header(item.table.columns, server_encoding(backup.connection)))
    return Text("header", *writer.finish(), table=item.number, begins=begins)


def _raw(section: str, content: bytes) -> Text:
    """Bytes of the zip file itself."""
    writer = MemberWriter(Codec.PLAIN)
    writer.write(content)
    return Text(section, *writer.finish())
