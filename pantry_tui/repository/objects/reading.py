"""Files that lie in a store in parts, read at any place."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

from pantry_tui.artifact.files import storage_errors
from pantry_tui.errors import BackupDamagedError
from pantry_tui.repository.objects.layout import Part, file_prefix, parts_of
from pantry_tui.repository.objects.store import Store

_AHEAD_BYTES = 8 * 1024 * 1024  # of one request; a worker holds as much
_REMEDY = "restore from another backup, or copy this one anew"


def file_parts(store: Store, backup_id: str, file: str) -> list[Part]:
    """The parts of a file, in order. Raises FileNotFoundError where there is none, `BackupDamagedError`, `StorageError`."""
    prefix = file_prefix(backup_id, file)
    parts = sorted(part for _, part in parts_of(store.entries(prefix)))
    if not parts:
        raise FileNotFoundError(f"{store.where(prefix)} is not there")
    for number, part in enumerate(parts):
        if part.number != number:
            wrong = f"part {number:,} is missing" if part.number > number else f"there are two of part {part.number:,}"
            raise BackupDamagedError(f"{store.where(prefix.rstrip('/'))}: {wrong}", remedy=_REMEDY)
    return parts


class StoredParts:
    """A file in parts, open for reading; nothing is held open meanwhile."""

    def __init__(self, store: Store, parts: Sequence[Part], where: str) -> None:
        self._store = store
        self._parts = parts
        self._ends = list(accumulate(part.size for part in parts))
        self.where = where
        self.size = self._ends[-1] if parts else 0
        self._last: ReadAhead | None = None

    def read(self, offset: int, length: int) -> bytes:
        """A part of it, by a request for each object that has some of it. Raises `StorageError`, `BackupDamagedError`."""
        end = min(offset + length, self.size)
        pieces = []
        while offset < end:
            piece = self._read_of_one(offset, end)
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fills the buffer, or what there is. Raises `StorageError`, `BackupDamagedError`."""
        found = self.read(offset, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def part(self, offset: int, length: int) -> ReadAhead:
        """The same, read in large pieces, of that range alone. Of a short one that is read again nothing is fetched again."""
        found, end = self._last, min(offset + length, self.size)
        if found is None or found.bounds != (offset, end) or end - offset > _AHEAD_BYTES:
            self._last = found = ReadAhead(self, offset, end)
        return found

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_of_one(self, offset: int, end: int) -> bytes:
        """What of the range stands in the object that it begins in."""
        index = bisect_right(self._ends, offset)
        part = self._parts[index]
        first = self._ends[index] - part.size
        stop = min(end, self._ends[index])
        with storage_errors(self._store.where(part.name), "reading the backup"):
            found = self._store.read_range(part.name, offset - first, stop - first)
        if len(found) != stop - offset:
            raise BackupDamagedError(f"{self._store.where(part.name)} is cut off", remedy=_REMEDY)
        return found


class ReadAhead:
    """A range of a file, for one reader that goes from front to back: it is fetched a few MiB at a time."""

    def __init__(self, file: StoredParts, start: int, end: int) -> None:
        self.bounds = (start, end)
        self._file = file
        self._end = end
        self._start = start  # of what is in memory
        self._held = b""
        self.where = file.where
        self.size = file.size

    def read(self, offset: int, length: int) -> bytes:
        """A part of it; what lies outside the range is fetched by itself. Raises `StorageError`, `BackupDamagedError`."""
        at = offset - self._start
        if not 0 <= at < len(self._held):
            self._start, at = offset, 0
            self._held = self._file.read(offset, max(0, min(_AHEAD_BYTES, self._end - offset)) or length)
        found = self._held[at : at + length]
        missing = min(length, self.size - offset) - len(found)
        return found + self.read(offset + len(found), missing) if missing > 0 and found else found

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fills the buffer, or some of it. Raises `StorageError`, `BackupDamagedError`."""
        found = self.read(offset, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def part(self, offset: int, length: int) -> ReadAhead:
        """A range of the file, for another reader."""
        return self._file.part(offset, length)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class StoredPlace:
    """Where a file lies in a store."""

    path: Path | None = None  # no other program can read it there

    def __init__(self, store: Store, backup_id: str, file: str) -> None:
        self._store = store
        self._backup_id = backup_id
        self._file = file

    def __str__(self) -> str:
        return self._store.where(file_prefix(self._backup_id, self._file).rstrip("/"))

    @property
    def name(self) -> str:
        """The file's own name."""
        return self._file.rpartition("/")[2]

    def exists(self) -> bool:
        """Whether there is one. Raises `StorageError`."""
        try:
            return bool(file_parts(self._store, self._backup_id, self._file))
        except FileNotFoundError:
            return False

    def open(self) -> StoredParts:
        """Opens it for reading. Raises `StorageError`, `BackupDamagedError`."""
        with storage_errors(str(self), "reading the backup"):
            return StoredParts(self._store, file_parts(self._store, self._backup_id, self._file), str(self))
