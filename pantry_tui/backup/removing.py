"""What an incremental backup says of its base: which segments stay, and which lines of them go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import BinaryIO

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import KeptSegment
from pantry_tui.artifact.removed import NOTHING_REMOVED, REMOVED
from pantry_tui.backup.collect import SegmentLeftOf
from pantry_tui.backup.since import whole
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.errors import InternalError


def write_removed(backup: Snapshotted, left: Mapping[int, SegmentLeftOf]) -> tuple[KeptSegment, ...]:
    """Writes the file of removed lines, in the order of the base; returns what stays.

    ``left`` has the base's segments that were compared, by number; all others go: their tables are no longer there, or are
    copied whole. Raises `StorageError`, `DiskFullError`.
    """
    if backup.base is None:
        raise InternalError("only an incremental backup has lines to remove")
    descriptor = backup.staged.create(REMOVED)
    kept: list[KeptSegment] = []
    with storage_errors(backup.file(REMOVED), "writing the backup"), os.fdopen(descriptor, "wb") as file:
        for segment in backup.base.segments:
            found = left.get(segment.number)
            if found is None or not found.left.rows:
                file.write(whole(segment).removed)
            else:
                kept.append(_kept(found, file))
        if not file.tell():
            file.write(NOTHING_REMOVED)
    return tuple(kept)


def _kept(found: SegmentLeftOf, file: BinaryIO) -> KeptSegment:
    removed = found.left.removed
    start = file.tell() if removed else None
    file.write(removed)
    return KeptSegment(
        number=found.left.number,
        table=found.table,
        rows=found.left.rows,
        removed_offset=start,
        removed_length=len(removed) if removed else None,
    )
