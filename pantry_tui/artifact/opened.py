"""A file of a backup, wherever it lies: on a disk of this machine, or in a store that is asked for parts of it."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pantry_tui.artifact.files import open_file_in, storage_errors


class OpenedFile(Protocol):
    """A file that is read at any place, by any number of threads. Close it, or use it as a context."""

    @property
    def where(self) -> str:
        """What messages call it."""

    @property
    def size(self) -> int:
        """How many bytes it has. Raises `StorageError`."""

    def read(self, offset: int, length: int) -> bytes:
        """A part of it; less where it ends. Raises `StorageError`."""

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fills the buffer from ``offset`` on, or some of it, and returns how much; 0 at the end. Raises `StorageError`."""

    def part(self, offset: int, length: int) -> OpenedFile:
        """The same file, for somebody who is about to read that part of it from front to back, and no other."""

    def close(self) -> None:
        """Lets it go."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""


class Place(Protocol):
    """Where a file of a backup lies; `str` gives it for people."""

    @property
    def name(self) -> str:
        """The file's own name."""

    @property
    def path(self) -> Path | None:
        """Where other programs can read it; None: they cannot, and get it through a pipe."""

    def exists(self) -> bool:
        """Whether there is one. Raises `StorageError`."""

    def open(self) -> OpenedFile:
        """Opens it for reading. Raises `StorageError`."""


class LocalFile:
    """A file behind a descriptor, which is closed with it."""

    def __init__(self, descriptor: int, where: str) -> None:
        self._descriptor = descriptor
        self.where = where

    @property
    def size(self) -> int:
        """How many bytes it has. Raises `StorageError`."""
        with storage_errors(self.where, "reading the backup"):
            return os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """A part of it. Raises `StorageError`."""
        with storage_errors(self.where, "reading the backup"):
            return os.pread(self._descriptor, length, offset)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fills the buffer, or some of it. Raises `StorageError`."""
        with storage_errors(self.where, "reading the backup"):
            return os.preadv(self._descriptor, [buffer], offset)

    def part(self, offset: int, length: int) -> LocalFile:
        """Itself: the kernel reads ahead."""
        return self

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MemoryFile:
    """A small file that has been read whole."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self.where = where

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """A part of it."""
        return self._data[offset : offset + length]

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fills the buffer, or some of it."""
        found = self.read(offset, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def part(self, offset: int, length: int) -> MemoryFile:
        """Itself."""
        return self

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LocalPlace:
    """A path on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.name

    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def open(self) -> LocalFile:
        """Opens it through no link. Raises `StorageError`, `BackupDamagedError` for what is no regular file."""
        with storage_errors(self.path, "reading the backup"):
            return LocalFile(open_file_in(self.path.parent, self.path.name), str(self.path))
