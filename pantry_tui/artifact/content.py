"""The files of a backup as they were before they were encrypted, or as they are when they were not."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from pantry_tui.artifact.age import HEAD_BYTES, Identity, PayloadKey, SealedFile, open_file, opened_pieces
from pantry_tui.artifact.files import open_file_in, storage_errors

SEALED_SUFFIX = ".age"
_PIECE = 256 * 1024


class ByteSource(Protocol):
    """Bytes that are read at any place, by any number of threads."""

    @property
    def size(self) -> int:
        """How many they are."""

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """A part of them; less where they end. Raises `StorageError`, `BackupDamagedError`."""


class PlainSource:
    """A file as it is; the descriptor stays the caller's."""

    def __init__(self, descriptor: int, where: str) -> None:
        self._descriptor = descriptor
        self._where = where

    @property
    def size(self) -> int:
        """Its size. Raises `StorageError`."""
        with storage_errors(self._where, "reading the backup"):
            return os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """A part of it. Raises `StorageError`."""
        with storage_errors(self._where, "reading the backup"):
            return os.pread(self._descriptor, length, offset)


def source_of(file: BinaryIO, name: str, identities: Sequence[Identity]) -> ByteSource:
    """The content of an open file of a backup; encrypted ones are told by their name.

    Raises `KeyMissingError`, `WrongKeyError`, `BackupDamagedError` for an encrypted one that does not open.
    """
    if name.endswith(SEALED_SUFFIX):
        return SealedFile.unlock(file.fileno(), identities, where=name)
    return PlainSource(file.fileno(), name)


class Content:
    """One file of a backup, to be read from front to back."""

    def __init__(self, path: Path, key: tuple[int, PayloadKey] | None = None) -> None:
        """``key``: the length of the file's header, and the key for what follows; None: it is not encrypted."""
        self.path = path
        self._key = key

    @classmethod
    def unlock(cls, path: Path, identities: Sequence[Identity]) -> Content:
        """The file, opened by one of the identities if it is encrypted. Raises what `source_of` does, `StorageError`."""
        if path.suffix != SEALED_SUFFIX:
            return cls(path)
        with storage_errors(path, "reading the backup"), _open(path) as file:
            head = file.read(HEAD_BYTES)
        return cls(path, open_file(head, identities, where=path.name))

    @property
    def is_sealed(self) -> bool:
        """Whether programs cannot read the file themselves."""
        return self._key is not None

    @property
    def stored_size(self) -> int:
        """How many bytes the file has. Raises `StorageError`."""
        with storage_errors(self.path, "reading the backup"):
            return self.path.stat().st_size

    def pieces(self) -> Iterator[bytes]:
        """What is in it; when the iterator ends, nothing is missing. Raises `BackupDamagedError`, `StorageError`."""
        with storage_errors(self.path, "reading the backup"), _open(self.path) as file:
            if self._key is None:
                while piece := file.read(_PIECE):
                    yield piece
                return
            start, key = self._key
            size = os.fstat(file.fileno()).st_size

            def read_at(offset: int, length: int) -> bytes:
                return os.pread(file.fileno(), length, offset)

            for opened in opened_pieces(read_at, size, start, key, where=self.path.name):
                yield bytes(opened)

    def open(self) -> BinaryIO:
        """What is in it as a file that is read from front to back. Raises `StorageError`."""
        if self._key is None:
            with storage_errors(self.path, "reading the backup"):
                return _open(self.path)
        return cast("BinaryIO", io.BufferedReader(_Pieces(self.pieces())))


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


def _open(path: Path) -> BinaryIO:
    return os.fdopen(open_file_in(path.parent, path.name), "rb")
