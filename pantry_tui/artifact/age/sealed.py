"""Encrypted files: written from front to back, read from front to back, and read at any place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence

from pantry_tui.artifact.age.envelope import HEAD_BYTES, open_file
from pantry_tui.artifact.age.keys import Identity
from pantry_tui.artifact.age.payload import (
    CHUNK,
    SEALED_CHUNK,
    Data,
    PayloadKey,
    damaged,
    opened_size,
    sealed_size,
)
from pantry_tui.artifact.opened import OpenedFile
from pantry_tui.errors import BackupDamagedError

READ_CHUNKS = 16  # at once, from front to back: 1 MiB


class SealedWriter:
    """Encrypts a stream of unknown length, such as the output of pg_dump.

    ``write`` takes the pieces of the encrypted file, header first, each valid until it returns. The last chunk is marked
    as such, so it is held back until `finish`; a file that was never finished does not open to its end.
    """

    def __init__(self, write: Callable[[Data], object], header: bytes, key: PayloadKey) -> None:
        self._write = write
        self._key = key
        self._number = 0
        self._held = bytearray()
        self._sealed = bytearray(sealed_size(READ_CHUNKS * CHUNK))
        self.length = len(header)  # bytes of the encrypted file so far
        write(header)

    def write(self, text: Data) -> None:
        """Adds content; encrypts whole chunks as soon as there is more behind them."""
        view = memoryview(text)
        if self._held:
            missing = CHUNK - len(self._held)
            self._held += view[:missing]
            view = view[missing:]
            if not view:
                return
            self._seal(self._held, last=False)
            self._held.clear()
        while len(view) > CHUNK:
            chunks = min((len(view) - 1) // CHUNK, READ_CHUNKS)
            self._seal(view[: chunks * CHUNK], last=False)
            view = view[chunks * CHUNK :]
        self._held += view

    def finish(self) -> None:
        """Writes the last chunk. The writer is used up."""
        self._seal(self._held, last=True)

    def _seal(self, text: Data, *, last: bool) -> None:
        sealed = self._key.seal(self._number, text, last=last, into=self._sealed)
        self._number += max(1, len(text) // CHUNK)
        self.length += len(sealed)
        self._write(sealed)


def opened_pieces(
    read_at: Callable[[int, int], Data], size: int, start: int, key: PayloadKey, *, where: str = "the encrypted file"
) -> Iterator[memoryview]:
    """The content from front to back, a chunk at a time; when the iterator ends, the file was whole.

    ``read_at(offset, length)`` reads the encrypted file, ``size`` is its length, ``start`` the length of its header. What
    was yielded is what was written, but only the end proves that nothing is missing: commit nothing before that. Raises
    `BackupDamagedError`.
    """
    chunks = max(1, -(-(size - start) // SEALED_CHUNK))
    for first in range(0, chunks, READ_CHUNKS):
        offset = start + first * SEALED_CHUNK
        wanted = max(0, min(READ_CHUNKS * SEALED_CHUNK, size - offset))
        sealed = memoryview(read_at(offset, wanted))
        if len(sealed) != wanted:
            raise damaged(where, first + len(sealed) // SEALED_CHUNK, "is cut off")
        for number in range(first, min(first + READ_CHUNKS, chunks)):
            place = (number - first) * SEALED_CHUNK
            yield from _opened_piece(
                key, number, sealed[place : place + SEALED_CHUNK], last=number == chunks - 1, where=where
            )


def _opened_piece(key: PayloadKey, number: int, sealed: memoryview, *, last: bool, where: str) -> Iterator[memoryview]:
    try:
        opened = key.open(number, sealed, last=last, where=where)
    except BackupDamagedError:
        # Cut off behind it, or something added: the chunk itself is what was written, and may be all there is to rescue.
        if len(sealed) == SEALED_CHUNK and (whole := key.open_misplaced(number, sealed, last=last)) is not None:
            yield whole
        raise
    yield opened


class SealedFile:
    """An encrypted file that is read at any place, by several threads if need be.

    The last chunk is opened first: a file that was cut off is found out before anything of it is used. The file stays
    the caller's.
    """

    def __init__(self, file: OpenedFile, start: int, key: PayloadKey, *, where: str = "the encrypted file") -> None:
        """``start`` and ``key`` are those of `open_file`. Raises `BackupDamagedError`, `StorageError`."""
        self._file = file
        self._start = start
        self._key = key
        self._where = where
        sealed = file.size - start
        self._chunks = _chunks(sealed, where)
        self.size = opened_size(sealed) or 0  # bytes of content
        self._open(self._chunks - 1, self._chunks)

    @classmethod
    def unlock(cls, file: OpenedFile, identities: Sequence[Identity], *, where: str) -> SealedFile:
        """The file, opened by one of ``identities``. Raises what `open_file` raises, `StorageError`."""
        start, key = open_file(file.read(0, HEAD_BYTES), identities, where=where)
        return cls(file, start, key, where=where)

    def part(self, offset: int, length: int) -> SealedFile:
        """The same, for somebody who is about to read that part of the content from front to back."""
        first, end = offset // CHUNK, -(-(offset + length) // CHUNK)
        file = self._file.part(self._start + first * SEALED_CHUNK, (end - first) * SEALED_CHUNK)
        if file is self._file:
            return self
        found = copy.copy(self)
        found._file = file  # noqa: SLF001  # of this class
        return found

    def read(self, offset: int, length: int) -> memoryview:
        """That part of the content; less where the file ends. Raises `BackupDamagedError`, `StorageError`."""
        end = min(offset + length, self.size)
        if end <= offset:
            return memoryview(b"")
        first = offset // CHUNK
        opened = self._open(first, -(-end // CHUNK))
        return opened[offset - first * CHUNK : end - first * CHUNK]

    def _open(self, first: int, end: int) -> memoryview:
        """The content of the chunks from ``first`` until before ``end``."""
        length = (self.size if end == self._chunks else end * CHUNK) - first * CHUNK
        opened = memoryview(bytearray(length))
        # one small buffer read into again and again: fresh memory for all of it would cost more than the cipher
        buffer = memoryview(bytearray(min(end - first, READ_CHUNKS) * SEALED_CHUNK))
        for run in range(first, end, READ_CHUNKS):
            stop = min(run + READ_CHUNKS, end)
            last = stop == self._chunks
            offset = run * SEALED_CHUNK
            wanted = (sealed_size(self.size) if last else stop * SEALED_CHUNK) - offset
            self._fill(buffer[:wanted], self._start + offset)
            self._key.open(run, buffer[:wanted], last=last, into=opened[(run - first) * CHUNK :], where=self._where)
        return opened

    def _fill(self, buffer: memoryview, offset: int) -> None:
        while buffer:
            count = self._file.read_into(buffer, offset)
            if not count:
                raise damaged(self._where, (offset - self._start) // SEALED_CHUNK, "is cut off")
            buffer, offset = buffer[count:], offset + count


def _chunks(sealed: int, where: str) -> int:
    """How many chunks that many encrypted bytes are. Raises `BackupDamagedError`."""
    if sealed <= 0 or opened_size(sealed) is None:
        number = max(0, sealed) // SEALED_CHUNK
        raise BackupDamagedError(
            f"{where}: the encrypted file is cut off in its chunk {number:,}",
            remedy="restore from another copy or backup",
        )
    return -(-sealed // SEALED_CHUNK)
