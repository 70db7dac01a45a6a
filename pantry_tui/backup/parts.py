"""The files of an artifact while it is written: one for everything, or one for each table.

Each file is read back and hashed while later ones are written. Only the one that was begun last is kept open: a database
may have more tables than a process may have open files.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from pantry_tui.artifact.age import CHUNK, Recipient, new_file
from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import StoredFile
from pantry_tui.artifact.segment import (
    Edge,
    Edges,
    Member,
    PartTarget,
    Run,
    Seal,
    SealedArtifactFile,
    Written,
    checksum,
)
from pantry_tui.backup.readback import ReadBack

Wrote = Callable[[Run], None]  # bytes stand in the file


class Part:
    """A file of the artifact. ``wrote`` is told of all that stands in it, ``whole`` when nothing is missing."""

    def __init__(self, target: PartTarget, wrote: Wrote, whole: Callable[[], None]) -> None:
        self.target = target
        self.number = target.number
        self.end = 0  # of the content so far, places that were given out included
        self.is_whole = False
        self._wrote = wrote
        self._whole = whole
        self._file = target.file()
        self._edges = Edges(self._file) if isinstance(self._file, SealedArtifactFile) else None
        self._expected = 0  # segments that have a place and are not written yet
        self._is_finished = False

    def append(self, member: Member, pieces: Sequence[bytes]) -> int:
        """Writes a member of the coordinator's own at the end; returns where. Raises `StorageError`, `DiskFullError`."""
        offset = self._extend(member.length)
        if self._edges is None:
            self._note(self._file.write(pieces, member, offset))
        else:  # this may be the end of the file, and nobody knows yet
            self._note(Written(edges=tuple(_chunks(b"".join(pieces), offset))))
        return offset

    def take(self, length: int) -> int:
        """Keeps a place at the end for a segment that a worker writes; returns where."""
        self._expected += 1
        return self._extend(length)

    def stored(self, written: Written) -> None:
        """A worker has written a segment. Raises `StorageError`, `DiskFullError`."""
        self._expected -= 1
        self._note(written)
        self._settle()

    def finish(self) -> None:
        """Nothing follows: once all places are filled, the file is whole. Raises `StorageError`, `DiskFullError`."""
        self._is_finished = True
        self._file.release()
        self._settle()

    def release(self) -> None:
        """Closes the file."""
        self._file.release()

    def _extend(self, length: int) -> int:
        offset, self.end = self.end, self.end + length
        return offset

    def _note(self, written: Written) -> None:
        for run in (*written.runs, *(self._edges.add(written.edges, self.end) if self._edges is not None else ())):
            self._wrote(run)

    def _settle(self) -> None:
        if not self._is_finished:
            return
        if not self._expected:
            for run in self._edges.finish(self.end) if self._edges is not None else ():
                self._wrote(run)
            self.is_whole = True
            self._whole()
        self._file.release()


def _chunks(content: bytes, offset: int) -> Iterator[Edge]:
    """The content cut where chunks of the file end."""
    place = 0
    while place < len(content):
        length = CHUNK - (offset + place) % CHUNK
        yield Edge(offset=offset + place, data=content[place : place + length])
        place += length


class Parts:
    """All files of an artifact, in the order in which they were begun, and their reading back."""

    def __init__(self, directory: Path, create: Callable[[str], int], recipients: Sequence[Recipient]) -> None:
        """``create`` makes a file of the backup, new, and returns its descriptor; it is encrypted if there are recipients."""
        self._directory = directory
        self._create = create
        self._recipients = recipients
        self._parts: list[Part] = []
        self._backs: list[ReadBack] = []
        self._readings: dict[int, asyncio.Task[StoredFile]] = {}

    def begin(self, name: str) -> Part:
        """Makes a file. Raises `StorageError`, `DiskFullError`."""
        number = len(self._parts)
        back = ReadBack(self._directory, name)
        self._backs.append(back)
        descriptor = self._create(name)
        try:
            seal = self._begin_sealed(descriptor, name, back) if self._recipients else None
        finally:
            os.close(descriptor)

        def whole() -> None:
            self._readings[number] = asyncio.get_running_loop().create_task(back.finish())

        part = Part(PartTarget(number=number, path=str(self._directory / name), seal=seal), back.wrote, whole)
        self._parts.append(part)
        return part

    def _begin_sealed(self, descriptor: int, name: str, back: ReadBack) -> Seal:
        """Writes the header of an encrypted file."""
        header, key = new_file(self._recipients)
        with storage_errors(self._directory / name, "writing the backup"):
            os.pwrite(descriptor, header, 0)
        back.wrote(Run(offset=0, length=len(header), crc32=checksum(header)))
        return Seal(start=len(header), secret=key.secret())

    async def read_back(self) -> list[StoredFile]:
        """The files, read back to their ends, once all are whole. Raises `BackupDamagedError`, `StorageError`."""
        return [await self._readings[number] for number in range(len(self._parts))]

    async def abandon(self) -> None:
        """Stops reading, closes what is open; harmless where everything is done."""
        for part in self._parts:
            part.release()
        for back in self._backs:
            await back.abandon()
        await _ended(self._readings.values())


async def _ended(tasks: Iterable[asyncio.Task[StoredFile]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)  # looked at: nobody needs them any more
