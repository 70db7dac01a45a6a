"""Segments: independently packed pieces of the artifact, each at the place that the coordinator gave it.

Several processes write into one file: each packs a member in memory, says how long it is, and writes it where it is told.
Members of all tables may stand in any order: behind one another they are one file that the stock tools unpack.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator

from isal import isal_zlib

from pantry_tui.artifact.age import CHUNK, SEALED_CHUNK, PayloadKey, sealed_size
from pantry_tui.artifact.compression import Codec, packer
from pantry_tui.artifact.files import storage_errors
from pantry_tui.models import Model

SEALED_AT_ONCE = 16 * CHUNK
SEGMENT_RAW_BYTES = 16 * 1024 * 1024  # a segment is closed once it holds this much


class Member(Model, frozen=True, kw_only=True):
    """What is known of a finished member."""

    length: int
    raw_length: int
    sha256: str
    crc32: int  # of the stored bytes; for reading back, not kept
    raw_crc32: int = 0  # of the text; only of pieces of a zip entry


class MemberWriter:
    """Packs one member as its text arrives; holds only packed bytes."""

    def __init__(self, codec: Codec) -> None:
        self._packer = packer(codec)
        self._counts = codec is Codec.DEFLATE
        self._raw_crc32 = 0
        self._pieces: list[bytes] = []
        self.raw_length = 0

    def write(self, text: bytes) -> None:
        """Adds text to the member."""
        self.raw_length += len(text)
        if self._counts:
            self._raw_crc32 = checksum(text, self._raw_crc32)
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
        member = Member(
            length=length,
            raw_length=self.raw_length,
            sha256=digest.hexdigest(),
            crc32=crc32,
            raw_crc32=self._raw_crc32,
        )
        return member, self._pieces


def checksum(stored: bytes | memoryview, so_far: int = 0) -> int:
    """CRC-32, which costs an eighth of what sha256 does."""
    return isal_zlib.crc32(stored, so_far)


class Run(Model, frozen=True, kw_only=True):
    """Bytes that were written into the file, to be read back."""

    offset: int
    length: int
    crc32: int


class Edge(Model, frozen=True, kw_only=True):
    """Part of a chunk of an encrypted file, which is sealed when all of the chunk is known. ``offset`` is of the content."""

    offset: int
    data: bytes


class Written(Model, frozen=True, kw_only=True):
    """What came of writing members."""

    runs: tuple[Run, ...] = ()
    edges: tuple[Edge, ...] = ()


class ArtifactFile:
    """A file of the artifact while it is written, by this process and others beside it; opened when it is written to."""

    def __init__(self, path: str) -> None:
        self._descriptor: int | None = None
        self._path = path

    def release(self) -> None:
        """Closes the file until it is written to again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def write(self, pieces: Iterable[bytes], member: Member, offset: int) -> Written:
        """Puts a member at its place. Raises `StorageError`, `DiskFullError`."""
        self._put(pieces, offset, member.length)
        return Written(runs=(Run(offset=offset, length=member.length, crc32=member.crc32),))

    def _put(self, pieces: Iterable[bytes | memoryview], offset: int, length: int) -> None:
        with storage_errors(self._path, "writing the backup"):
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            if length:  # a full disk shows here, before anything is written
                os.posix_fallocate(self._descriptor, offset, length)
            for piece in pieces:
                offset += _write_piece(self._descriptor, piece, offset)


def _write_piece(descriptor: int, piece: bytes | memoryview, offset: int) -> int:
    view = memoryview(piece)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written
    return len(piece)


class SealedArtifactFile(ArtifactFile):
    """The same, encrypted: whole chunks are sealed here, those that a member shares with others by `seal_chunk`."""

    def __init__(self, path: str, start: int, key: PayloadKey) -> None:
        """``start`` is the length of the file's header."""
        super().__init__(path)
        self._start = start
        self._key = key
        self._sealed = bytearray()  # used again and again, and as large as was needed: small files are many

    def release(self) -> None:
        """Closes the file, and lets go of the memory for sealing."""
        super().release()
        self._sealed = bytearray()

    def write(self, pieces: Iterable[bytes], member: Member, offset: int) -> Written:
        """Seals and writes the whole chunks of a member; what is left at its edges is returned.

        Of a member that ends with a chunk, that is an edge too: it may be the last of the file, which is marked.
        """
        content = memoryview(b"".join(pieces))
        first = min(-offset % CHUNK, len(content))
        last = max(first, len(content) - 1 - (offset + len(content) - 1) % CHUNK)
        edges = [
            Edge(offset=offset, data=bytes(content[:first])),
            Edge(offset=offset + last, data=bytes(content[last:])),
        ]
        runs = tuple(
            self.seal((offset + place) // CHUNK, content[place : min(place + SEALED_AT_ONCE, last)])
            for place in range(first, last, SEALED_AT_ONCE)
        )
        return Written(runs=runs, edges=tuple(edge for edge in edges if edge.data))

    def seal(self, number: int, content: bytes | memoryview, *, last: bool = False) -> Run:
        """Seals and writes the chunk of that number and those behind it; each may be sealed once."""
        if len(self._sealed) < sealed_size(len(content)):
            self._sealed = bytearray(sealed_size(len(content)))
        sealed = self._key.seal(number, content, last=last, into=self._sealed)
        offset = self._start + number * SEALED_CHUNK
        self._put([sealed], offset, len(sealed))
        return Run(offset=offset, length=len(sealed), crc32=checksum(sealed))


class Seal(Model, frozen=True, kw_only=True):
    """With what a file is encrypted: the length of its header, and the secret of its content's key."""

    start: int
    secret: bytes

    def __repr__(self) -> str:
        return "Seal(…)"


class PartTarget(Model, frozen=True, kw_only=True):
    """A file of the artifact, for those who write into it."""

    number: int
    path: str
    seal: Seal | None = None  # encrypted if there is one

    def file(self) -> ArtifactFile:
        """The file, to be written into."""
        if self.seal is None:
            return ArtifactFile(self.path)
        return SealedArtifactFile(self.path, self.seal.start, PayloadKey(self.seal.secret))


class Edges:
    """Puts together the chunks of which several members have a part, and seals each when all of it is there.

    The last chunk of the file is sealed by `finish` alone: it must be marked as such.
    """

    def __init__(self, file: SealedArtifactFile) -> None:
        self._file = file
        self._parts: dict[int, dict[int, bytes]] = {}

    def add(self, edges: Iterable[Edge], end: int) -> Iterator[Run]:
        """Takes parts of the content, which is known to reach to ``end`` so far; seals what is complete before that."""
        for edge in edges:
            self._parts.setdefault(edge.offset // CHUNK, {})[edge.offset % CHUNK] = edge.data
        for number, parts in list(self._parts.items()):
            if sum(map(len, parts.values())) == CHUNK and (number + 1) * CHUNK < end:
                yield self._file.seal(number, self._content(number))

    def finish(self, end: int) -> Iterator[Run]:
        """Seals what is left; the content ends at ``end``."""
        last = max(0, end - 1) // CHUNK
        for number in sorted(self._parts):
            yield self._file.seal(number, self._content(number), last=number == last)

    def _content(self, number: int) -> bytes:
        return b"".join(data for _, data in sorted(self._parts.pop(number).items()))
