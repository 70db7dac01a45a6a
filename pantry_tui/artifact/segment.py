"""Segments: independently packed pieces of the artifact, each at the place that the coordinator gave it.

Several processes write into one file: each packs a member in memory, says how long it is, and writes it where it is told.
Members of all tables may stand in any order: behind one another they are one file that the stock tools unpack.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from isal import isal_zlib

from pantry_tui.artifact.compression import Codec, packer
from pantry_tui.artifact.files import storage_errors
from pantry_tui.models import Model

SEGMENT_RAW_BYTES = 16 * 1024 * 1024  # a segment is closed once it holds this much


class Member(Model, frozen=True, kw_only=True):
    """What is known of a finished member."""

    length: int
    raw_length: int
    sha256: str
    crc32: int  # of the stored bytes; for reading back, not kept


class MemberWriter:
    """Packs one member as its text arrives; holds only packed bytes."""

    def __init__(self, codec: Codec) -> None:
        self._packer = packer(codec)
        self._pieces: list[bytes] = []
        self.raw_length = 0

    def write(self, text: bytes) -> None:
        """Adds text to the member."""
        self.raw_length += len(text)
        piece = self._packer.compress(text)
        if piece:
            self._pieces.append(piece)

    def finish(self) -> tuple[Member, list[bytes]]:
        """The member's description and its bytes. The writer is used up."""
        self._pieces.append(self._packer.flush())
        digest = hashlib.sha256()
        length = crc32 = 0
        for piece in self._pieces:
            digest.update(piece)
            crc32 = checksum(piece, crc32)
            length += len(piece)
        member = Member(length=length, raw_length=self.raw_length, sha256=digest.hexdigest(), crc32=crc32)
        return member, self._pieces


def checksum(stored: bytes | memoryview, so_far: int = 0) -> int:
    """CRC-32, which costs an eighth of what sha256 does."""
    return isal_zlib.crc32(stored, so_far)


class ArtifactFile:
    """The artifact while it is written, by this process and others beside it."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path

    def write(self, pieces: Iterable[bytes], offset: int, length: int) -> None:
        """Puts a member of that length at its place. Raises `StorageError`, `DiskFullError`."""
        with storage_errors(self._path, "writing the backup"):
            if length:  # a full disk shows here, before anything is written
                os.posix_fallocate(self._descriptor, offset, length)
            for piece in pieces:
                offset += self._write_piece(piece, offset)

    def _write_piece(self, piece: bytes, offset: int) -> int:
        view = memoryview(piece)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view = view[written:]
            offset += written
        return len(piece)
