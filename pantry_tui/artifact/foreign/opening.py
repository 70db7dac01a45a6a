"""Opening a file that somebody brings: what it is says its content, not its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import zstandard
from isal import igzip_lib

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.foreign.parts import TOC, DirectoryParts
from pantry_tui.errors import BackupDamagedError, NotFoundError, UsageError
from pantry_tui.models import Compression

PIECE = 128 * 1024  # at most this much is unpacked at once
_FED = 4 * 1024  # stored bytes of zstd given at once: four of them may stand for 128 KiB
_WINDOW = 1 << 27  # as for backups of our own
_HEAD = 512
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class FileKind(StrEnum):
    """What a foreign file is."""

    SCRIPT = "script"
    ARCHIVE = "archive"  # pg_dump -Fc
    TAR = "tar"  # -Ft
    DIRECTORY = "directory"  # -Fd


class ForeignFile:
    """A dump of somebody else's. It is read twice, front to back, and never whole."""

    def __init__(self, content: Content, name: str, *, packed: bool = False) -> None:
        """Looks at the beginning; ``name`` is what messages call it, ``packed``: it is a part of a dump.

        Raises `UsageError` for what is no dump that can be read, `BackupDamagedError`, `StorageError`.
        """
        self.name = name
        self._content = content
        self._first = b""
        self.size = max(1, content.stored_size)
        self.read_bytes = 0  # of the file, so far in the latest reading
        head = next(self.unpacked(), b"")[:_HEAD]
        self.kind = FileKind.SCRIPT if packed else _kind(name, head)

    @classmethod
    def at(cls, path: Path, identities: Sequence[Identity] = ()) -> ForeignFile:
        """The dump in the file at a path.

        Raises `NotFoundError`, what making one raises, and what opening an encrypted file raises.
        """
        if path.is_dir():
            raise UsageError(
                f"{path} is a directory: neither a backup of this program nor a dump in one file",
                remedy="restore a dump in directory format by its path; to take one in, have it made with -Fc or -Ft",
            )
        if not path.is_file():
            raise NotFoundError(f"there is no file {path}", remedy="name a dump by its path, or a backup by its id")
        return cls(Content.unlock(path, identities), path.name)

    @property
    def packing(self) -> Compression:
        """How the file itself is packed; an archive that packs its rows is not."""
        if self._first.startswith(_GZIP):
            return Compression.GZIP
        return Compression.ZSTD if self._first.startswith(zstandard.FRAME_HEADER) else Compression.NONE

    def stored(self) -> Iterator[bytes]:
        """The file's bytes, decrypted and not unpacked. Raises `StorageError`, `BackupDamagedError`."""
        return self._content.pieces()

    def unpacked(self) -> Iterator[bytes]:
        """What is in it, decrypted and unpacked. Raises `BackupDamagedError` where it is cut off, `StorageError`."""
        stored = self._counted()
        first = next(stored, b"")
        self._first = first[:_HEAD]
        if first.startswith(_GZIP):
            return self._gunzipped(first, stored)
        if first.startswith(zstandard.FRAME_HEADER):
            return self._unzstd(first, stored)
        return self._plain(first, stored)

    def text(self) -> Iterator[bytes]:
        """The script, without a byte order mark."""
        pieces = self.unpacked()
        yield next(pieces, b"").removeprefix(_BOM)
        yield from pieces

    def _counted(self) -> Iterator[bytes]:
        self.read_bytes = 0
        for piece in self._content.pieces():
            self.read_bytes += len(piece)
            yield piece

    def _plain(self, first: bytes, stored: Iterator[bytes]) -> Iterator[bytes]:
        yield first
        yield from stored

    def _gunzipped(self, first: bytes, stored: Iterator[bytes]) -> Iterator[bytes]:
        unpacker, piece = _gzip_member(), first
        while True:
            try:
                text = unpacker.decompress(piece, PIECE)
            except (igzip_lib.IsalError, EOFError) as error:  # type: ignore[misc]  # its stub says instance
                raise self._damaged(f"is not readable gzip ({error})") from error
            if text:
                yield text
            piece = b""
            if unpacker.eof:
                piece = unpacker.unused_data or next(stored, b"")
                if not piece or _is_padding(piece, stored):
                    return
                unpacker = _gzip_member()  # one behind the other are one file
            elif unpacker.needs_input and not (piece := next(stored, b"")):
                raise self._damaged("is cut off: its gzip has no end")

    def _unzstd(self, first: bytes, stored: Iterator[bytes]) -> Iterator[bytes]:
        unpacker = None
        for piece in _chained(first, stored):
            for start in range(0, len(piece), _FED):
                fed = piece[start : start + _FED]
                while fed:
                    unpacker = unpacker or zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
                    try:
                        text = unpacker.decompress(fed)
                    except zstandard.ZstdError as error:
                        raise self._damaged(f"is not readable zstd ({error})") from error
                    if text:
                        yield text
                    fed = unpacker.unused_data if unpacker.eof else b""
                    unpacker = None if unpacker.eof else unpacker
        if unpacker is not None:
            raise self._damaged("is cut off: its zstd frame has no end")

    def _damaged(self, what: str) -> BackupDamagedError:
        return BackupDamagedError(f"{self.name} {what}", remedy="no part of it was run; bring the whole dump")


class ForeignDirectory:
    """A dump in directory format, read as a file is."""

    kind = FileKind.DIRECTORY

    def __init__(self, path: Path) -> None:
        """Raises `StorageError`."""
        self.path = path
        self.name = path.name
        with storage_errors(path, "reading the dump"):
            self.size = max(1, sum(file.stat().st_size for file in path.iterdir()))
        self.read_bytes = 0  # of its files, so far in the latest reading

    def parts(self) -> DirectoryParts:
        """Its files, for a new reading."""
        self.read_bytes = 0
        return DirectoryParts(self.path, self._unpacked)

    def _unpacked(self, content: Content, name: str) -> Iterator[bytes]:
        file = ForeignFile(content, name, packed=True)
        yield from file.unpacked()
        self.read_bytes += file.read_bytes


def opened_dump(path: Path, identities: Sequence[Identity] = ()) -> ForeignFile | ForeignDirectory:
    """The dump at a path, in a file or a directory. Raises what `ForeignFile.at` does, `StorageError`."""
    return ForeignDirectory(path) if (path / TOC).is_file() else ForeignFile.at(path, identities)


def _gzip_member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _is_padding(piece: bytes, rest: Iterator[bytes]) -> bool:
    """Whether nothing but zeros follows, as tapes and block devices add them."""
    return not piece.strip(b"\0") and all(not each.strip(b"\0") for each in rest)


def _kind(name: str, head: bytes) -> FileKind:
    if head.startswith(b"PGDMP"):
        return FileKind.ARCHIVE
    if not head:
        raise BackupDamagedError(f"{name} is empty", remedy="bring the whole dump")
    if head[257:262] == b"ustar":
        if head.startswith(TOC.encode() + b"\0"):
            return FileKind.TAR
        raise UsageError(
            f"{name} is a tar file that pg_dump has not made",
            remedy="unpack it, and name the dump that is in it",
        )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(
            f"{name} is text in UTF-16, which no server reads",
            remedy="take the dump with pg_dump --file=NAME, without redirecting its output",
        )
    if head.startswith(b"age-encryption.org/"):
        raise UsageError(f"{name} is encrypted, and its name does not say so", remedy="add .age to its name")
    if head.startswith(b"PK\x03\x04"):
        raise UsageError(f"{name} is a zip file", remedy="unpack it; a backup in format csv is named by its directory")
    return FileKind.SCRIPT
