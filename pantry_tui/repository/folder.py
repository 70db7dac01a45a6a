"""The small files of one backup, or the tombstones of a repository, wherever they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pantry_tui.artifact.files import (
    DIRECTORY_MODE,
    fsync_directory,
    open_file_in,
    read_descriptor,
    write_atomically,
)
from pantry_tui.artifact.manifest import TABLES_DIRECTORY


class Folder(Protocol):
    """Some files that belong together; `str` gives the place for people.

    What is not there is a FileNotFoundError; other faults are OSError of a disk, `StorageError` of a store.
    """

    @property
    def name(self) -> str:
        """What the folder is called: a backup's id."""

    def where(self, name: str) -> str:
        """What messages call a file of it."""

    def names(self) -> list[str]:
        """The names of all small files in it, none where there is no such folder."""

    def sizes(self) -> dict[str, int]:
        """All files of it with their sizes, also those that hold a backup's data, by the names that manifests use."""

    def read(self, name: str, *, limit: int) -> bytes:
        """A small file, whole. Raises `BackupDamagedError` for what is no plain file or larger than ``limit``."""

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file: it is there whole or not at all, durable when this returns."""


class LocalFolder:
    """A directory on this machine."""

    def __init__(self, path: Path, *, is_made: bool = False) -> None:
        """``is_made``: the directory is made when something is written and it is not there."""
        self.path = path
        self._is_made = is_made

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self.path.name

    def where(self, name: str) -> str:
        """The path of a file in it."""
        return str(self.path / name)

    def names(self) -> list[str]:
        """What is in the directory; nothing where there is none. Raises OSError."""
        try:
            with os.scandir(self.path) as entries:
                return sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return []

    def sizes(self) -> dict[str, int]:
        """Every file with its size. Raises OSError."""
        return {name: (self.path / name).lstat().st_size for name in files_of(self.path)}

    def read(self, name: str, *, limit: int) -> bytes:
        """A file of it. Raises OSError, `BackupDamagedError`."""
        descriptor = open_file_in(self.path, name)
        try:
            return read_descriptor(descriptor, self.path / name, limit=limit)
        finally:
            os.close(descriptor)

    def write(self, name: str, data: bytes) -> None:
        """Writes a file of it, in the place of an older one. Raises OSError."""
        if self._is_made:
            with suppress(FileExistsError):
                self.path.mkdir(mode=DIRECTORY_MODE)
                fsync_directory(self.path.parent)
        write_atomically(self.path / name, data)


def files_of(directory: Path) -> Iterator[str]:
    """What lies in a backup's directory, by the names that manifests use; of directories only that of the tables is entered.

    Raises OSError.
    """
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == TABLES_DIRECTORY and entry.is_dir(follow_symlinks=False):
                yield from (f"{TABLES_DIRECTORY}/{file.name}" for file in Path(entry.path).iterdir())
            else:
                yield entry.name
