"""The documents of a backup in format `csv` without compression: a plain file for each table, in a directory of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.artifact.entrynames import entry_names
from pantry_tui.artifact.manifest import TABLES_DIRECTORY
from pantry_tui.backup.archiving import write_archive
from pantry_tui.backup.commands import TableWork
from pantry_tui.backup.csv_document import csv_statements, header_text
from pantry_tui.backup.placing import Placement, RangeKey, Text
from pantry_tui.backup.reading import RangeRead
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.backup.subset import Subset


class CsvDirectory:
    """The files of one backup. As an order, it has the ranges of each table together, large tables first.

    They need no order among each other; but one after the other, few files are open at a time.
    """

    def __init__(self, backup: Snapshotted, work: Sequence[TableWork]) -> None:
        self._backup = backup
        self.statements = csv_statements(work)
        extension = f".csv{SEALED_SUFFIX}" if backup.recipients else ".csv"
        self.names = tuple(entry_names([(item.table.schema, item.table.name) for item in work], extension))
        largest_first = sorted(work, key=lambda item: -item.weight)
        self._coming = iter(largest_first)
        self.keys: Sequence[RangeKey] = [
            (item.number, number) for item in largest_first for number in range(len(item.cuts))
        ]
        self._table: int | None = None  # whose file was begun last
        self.subset: Subset | None = None

    @property
    def order(self) -> CsvDirectory:
        """The order of the rows."""
        return self

    async def begin(self, placement: Placement) -> None:
        """Lets the rows be written, and runs pg_dump for everything but them."""
        placement.open()
        self.subset = (await write_archive(self._backup)).subset

    def before(self, read: RangeRead) -> Iterator[Text]:
        """The beginnings of files, those of tables without any range too, up to this table's."""
        while self._table != read.table:
            yield self._header(next(self._coming))

    def between(self) -> Iterable[Text]:
        """Nothing."""
        return ()

    async def end(self, placement: Placement, tables: int, rows: int) -> None:
        """Writes the files of the tables that are left, which have no rows."""
        for item in self._coming:
            placement.append(self._header(item))

    def _header(self, item: TableWork) -> Text:
        self._table = item.number
        return header_text(self._backup, item, begins=f"{TABLES_DIRECTORY}/{self.names[item.number]}")
