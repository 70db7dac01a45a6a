"""The files that hold a backup's segments: one for everything, or one for each table, which are opened as they are read."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from pantry_tui.artifact.entrynames import is_entry_name
from pantry_tui.artifact.manifest import TABLES_DIRECTORY, Manifest
from pantry_tui.artifact.opened import OpenedFile

OpenFile = Callable[[str], OpenedFile]


class ArtifactFiles:
    """The artifact of a backup, opened for reading; closes what it opened.

    Of thousands of tables no more files are open than are read at the moment. ``whole`` is the only file, or None.
    """

    def __init__(self, manifest: Manifest, open_file: OpenFile) -> None:
        """``open_file`` opens a file of the backup by the name that the manifest has. Raises what it raises."""
        self._open = open_file
        self._tables = manifest.tables
        self.whole: OpenedFile | None = None
        self.name = TABLES_DIRECTORY
        self.names = frozenset(file.name for file in manifest.files if file.role == "artifact")
        if not manifest.has_file_per_table:
            self.name = manifest.file("artifact").name
            self.whole = open_file(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the only file."""
        if self.whole is not None:
            self.whole.close()

    def of_table(self, table: int | None) -> str | None:
        """The name of the file that holds a table's rows; None where the manifest names none that could."""
        if table is None or not 0 <= table < len(self._tables):
            return None
        name = table_file_name(self._tables[table].file)
        return name if name in self.names else None

    def open(self, name: str) -> OpenedFile:
        """Opens the file of a table, which is the caller's then. Raises what opening it does."""
        return self._open(name)


def table_file_name(file: str | None) -> str | None:
    """Where a table's file of that name stands in the backup; None for a name that no such file has."""
    return f"{TABLES_DIRECTORY}/{file}" if file is not None and is_entry_name(file) else None
