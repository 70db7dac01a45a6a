"""The files of a backup as they were before they were encrypted, or as they are when they were not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from pantry_tui.artifact.age import HEAD_BYTES, Identity, PayloadKey, SealedFile, open_file, opened_pieces
from pantry_tui.artifact.files import open_file_in, storage_errors
from pantry_tui.artifact.opened import LocalPlace, MemoryFile, OpenedFile, Place

SEALED_SUFFIX = ".age"
_PIECE = 256 * 1024
# Of a file in a store that is read more than once (an archive for each index, by pg_restore), what is kept in memory.
_KEPT_BYTES = 32 * 1024 * 1024


class ByteSource(Protocol):
    """Bytes that are read at any place, by any number of threads."""

    @property
    def size(self) -> int:
        """How many they are."""

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """A part of them; less where they end. Raises `StorageError`, `BackupDamagedError`."""

    def part(self, offset: int, length: int) -> ByteSource:
        """The same, for somebody who is about to read that part from front to back."""


def source_of(file: OpenedFile, name: str, identities: Sequence[Identity]) -> ByteSource:
    """The content of an open file of a backup; encrypted ones are told by their name.

    Raises `KeyMissingError`, `WrongKeyError`, `BackupDamagedError` for an encrypted one that does not open.
    """
    return SealedFile.unlock(file, identities, where=name) if name.endswith(SEALED_SUFFIX) else file


class Content:
    """One file of a backup, to be read from front to back."""

    def __init__(self, place: Path | Place, key: tuple[int, PayloadKey] | None = None) -> None:
        """``key``: the length of the file's header, and the key for what follows; None: it is not encrypted."""
        self._place: Place = LocalPlace(place) if isinstance(place, Path) else place
        self._key = key
        self._kept: bytes | None = None

    @classmethod
    def unlock(cls, place: Path | Place, identities: Sequence[Identity]) -> Content:
        """The file, opened by one of the identities if it is encrypted. Raises what `source_of` does, `StorageError`."""
        found = cls(place)
        if not found.name.endswith(SEALED_SUFFIX):
            return found
        with found._stored() as file:  # of this class
            head = file.read(0, HEAD_BYTES)
        found._key = open_file(head, identities, where=found.name)
        return found

    def __str__(self) -> str:
        return str(self._place)

    @property
    def name(self) -> str:
        """The file's own name."""
        return self._place.name

    @property
    def path(self) -> Path | None:
        """Where programs can read the content themselves; None: it is encrypted, or in a store, and they are handed it."""
        return self._place.path if self._key is None else None

    @property
    def stored_size(self) -> int:
        """How many bytes the file has. Raises `StorageError`."""
        with self._stored() as file:
            return file.size

    def pieces(self) -> Iterator[bytes]:
        """What is in it; when the iterator ends, nothing is missing. Raises `BackupDamagedError`, `StorageError`."""
        with self._stored() as opened:
            size = opened.size
            file = opened.part(0, size)
            if self._key is None:
                position = 0
                while piece := file.read(position, _PIECE):
                    yield piece
                    position += len(piece)
                return
            start, key = self._key
            for each in opened_pieces(file.read, size, start, key, where=self.name):
                yield bytes(each)

    def open(self) -> BinaryIO:
        """What is in it as a file that is read from front to back. Raises `StorageError`."""
        if (path := self.path) is not None:
            with storage_errors(path, "reading the backup"):
                return os.fdopen(open_file_in(path.parent, path.name), "rb")
        return cast("BinaryIO", io.BufferedReader(_Pieces(self.pieces())))

    def _stored(self) -> OpenedFile:
        if self._kept is not None:
            return MemoryFile(self._kept, str(self._place))
        file = self._place.open()
        if self._place.path is None and file.size <= _KEPT_BYTES:
            with file:
                self._kept = file.part(0, file.size).read(0, file.size)
            return MemoryFile(self._kept, file.where)
        return file


class _Pieces(io.RawIOBase):
    """Pieces as a raw stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        target = memoryview(cast("bytearray", buffer))
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        length = min(len(target), len(self._rest))
        target[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length
