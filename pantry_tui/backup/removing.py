"""What an incremental backup says of its base: which segments stay, and which lines of them go."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import KeptSegment
from pantry_tui.artifact.removed import NOTHING_REMOVED, REMOVED
from pantry_tui.backup.since import BaseSegment, SegmentLeft, whole

DOING = "writing the backup"


class _Left(NamedTuple):
    """What is left of a segment, of which table that is here, and where the numbers of its removed lines wait."""

    table: int
    rows: int
    offset: int
    length: int


class RemovedLines:
    """Takes what workers find left of the base's segments, as they find it, and writes it down in the base's order.

    Meanwhile the numbers of lines wait in a file without a name: there may be as many as a database has rows.
    """

    def __init__(self, directory: Path) -> None:
        """``directory`` is the backup's. Raises `StorageError`, `DiskFullError`."""
        self._where = directory
        self._left: dict[int, _Left] = {}  # by the base's number
        with storage_errors(directory, DOING):
            self._waiting = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  (closed on exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.close()

    def add(self, table: int, left: SegmentLeft) -> None:
        """Takes one segment; ``table`` is this backup's. Raises `StorageError`, `DiskFullError`."""
        with storage_errors(self._where, DOING):
            offset = self._waiting.tell()
            self._waiting.write(left.removed)
        self._left[left.number] = _Left(table, left.rows, offset, len(left.removed))

    def write(self, descriptor: int, segments: Sequence[BaseSegment]) -> tuple[KeptSegment, ...]:
        """Writes the file of removed lines and closes it; returns what stays. ``segments`` are all of the base, in its order.

        Those that were not added go: their tables are no longer there, or are copied whole. Raises `StorageError`,
        `DiskFullError`.
        """
        kept: list[KeptSegment] = []
        with storage_errors(self._where / REMOVED, DOING), os.fdopen(descriptor, "wb") as file:
            for segment in segments:
                found = self._left.get(segment.number)
                if found is None or not found.rows:
                    file.write(whole(segment).removed)
                else:
                    kept.append(self._keep(segment.number, found, file))
            if not file.tell():
                file.write(NOTHING_REMOVED)
        return tuple(kept)

    def _keep(self, number: int, found: _Left, file: BinaryIO) -> KeptSegment:
        if not found.length:
            return KeptSegment(number=number, table=found.table, rows=found.rows)
        start = file.tell()
        self._waiting.seek(found.offset)
        file.write(self._waiting.read(found.length))
        return KeptSegment(
            number=number, table=found.table, rows=found.rows, removed_offset=start, removed_length=found.length
        )
