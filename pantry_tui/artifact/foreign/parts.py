"""Archives whose rows stand in files of their own: tar (pg_dump -Ft) and directory (-Fd).

Which file an object's rows are in says the table of contents, which a stranger has written: only names that pg_dump gives are
opened. In a tar the files stand in the order of the table of contents, large objects before the list of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pantry_tui.artifact.content import Content
from pantry_tui.errors import BackupDamagedError, UsageError

TOC = "toc.dat"
_ROWS = re.compile(r"[0-9]{1,10}\.dat", re.ASCII)
_OBJECT = re.compile(r"blob_([0-9]{1,10})\.dat", re.ASCII)
_OBJECTS = re.compile(r"blobs(?:_[0-9]{1,10})?\.toc", re.ASCII)
_LISTED = re.compile(rb"([0-9]{1,10}) (blob_[0-9]{1,10}\.dat)")
_LIST_LIMIT = 64 * 1024 * 1024
_BLOCK = 512
_PIECE = 128 * 1024

Objects = Iterator[tuple[int, Iterator[bytes]]]


class Parts(Protocol):
    """The files of an archive, in the order in which the table of contents names them."""

    def toc(self) -> Iterator[bytes]:
        """The table of contents."""

    def rows(self, file: str) -> Iterator[bytes]:
        """The rows in a file, unpacked. Raises `BackupDamagedError` where it is not there."""

    def objects(self, file: str) -> Objects:
        """The large objects that a file lists: oid and content, which must be read before the next."""

    def require_end(self) -> None:
        """Raises `BackupDamagedError` where something else follows."""


class TarParts:
    """The files of a tar, from front to back."""

    def __init__(self, pieces: Iterator[bytes], name: str) -> None:
        self._pieces = pieces
        self._name = name
        self._buffer = bytearray()
        self._members = self._read()

    def toc(self) -> Iterator[bytes]:
        """The table of contents."""
        return self._next(TOC)

    def rows(self, file: str) -> Iterator[bytes]:
        """The rows in a file."""
        return self._next(file)

    def objects(self, file: str) -> Objects:
        """The large objects that stand next, up to the list of them."""
        for name, content in self._members:
            if found := _OBJECT.fullmatch(name):
                yield int(found[1]), content
            elif _OBJECTS.fullmatch(name):  # which the table of contents calls otherwise
                return
            else:
                raise self._damaged(f"has {name!r} where large objects belong")
        raise self._damaged("is cut off among its large objects")

    def require_end(self) -> None:
        """Raises `BackupDamagedError` where a file follows that nobody names."""
        strange = [name for name, _ in self._members if name != "restore.sql"]
        if strange:
            raise self._damaged(f"has a file {strange[0]!r} that its table of contents does not name")

    def _next(self, file: str) -> Iterator[bytes]:
        name, content = next(self._members, ("", iter(())))
        if name != file or not (file == TOC or _ROWS.fullmatch(file)):
            raise self._damaged(f"has {name!r} where {file!r} belongs" if name else f"is cut off before {file!r}")
        return content

    def _read(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        while True:
            header = self._take(_BLOCK)
            if not header.strip(b"\0"):
                return
            if header[257:262] != b"ustar" or header[156:157] not in (b"0", b"\0"):
                raise self._damaged("holds something that is no plain file, which pg_dump does not write")
            size = self._size(header[124:136])
            content = self._content(size)
            yield header[:100].rstrip(b"\0").decode("ascii", "replace"), content
            for _ in content:
                pass  # what nobody wanted
            self._take(-size % _BLOCK)

    def _size(self, field: bytes) -> int:
        if field[0] & 0x80:  # more than 8 GB
            return int.from_bytes(field[1:], "big")
        text = field.strip(b" \0")
        if re.fullmatch(rb"[0-7]+", text) is None:
            raise self._damaged("has a file of no readable size")
        return int(text, 8)

    def _content(self, size: int) -> Iterator[bytes]:
        while size:
            self._fill(1)
            piece = bytes(self._buffer[: min(size, _PIECE)])
            del self._buffer[: len(piece)]
            size -= len(piece)
            yield piece

    def _take(self, length: int) -> bytes:
        self._fill(length)
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def _fill(self, length: int) -> None:
        while len(self._buffer) < length:
            piece = next(filter(None, self._pieces), b"")
            if not piece:
                raise self._damaged("is cut off")
            self._buffer += piece

    def _damaged(self, what: str) -> BackupDamagedError:
        return BackupDamagedError(f"{self._name} {what}", remedy="no part of it was run; bring the whole dump")


class Unpack(Protocol):
    """Opens a packed file, and counts what is read of it."""

    def __call__(self, content: Content, name: str) -> Iterator[bytes]:
        """Its content, unpacked."""


class DirectoryParts:
    """The files of a directory."""

    def __init__(self, directory: Path, unpack: Unpack) -> None:
        self._directory = directory
        self._unpack = unpack

    def toc(self) -> Iterator[bytes]:
        """The table of contents."""
        return self._open(TOC)

    def rows(self, file: str) -> Iterator[bytes]:
        """The rows in a file."""
        if not _ROWS.fullmatch(file):
            raise self._damaged(f"names a file {file!r}, which pg_dump does not write")
        return self._open(file)

    def objects(self, file: str) -> Objects:
        """The large objects that a file lists."""
        if not _OBJECTS.fullmatch(file):
            raise self._damaged(f"names a file {file!r}, which pg_dump does not write")
        listing = b""
        for piece in self._open(file):
            listing += piece
            if len(listing) > _LIST_LIMIT:
                raise self._damaged(f"has a list of large objects that is too long: {file}")
        for line in listing.splitlines():
            found = _LISTED.fullmatch(line)
            if found is None:
                raise self._damaged(f"has a list of large objects that cannot be read: {file}")
            yield int(found[1]), self._open(found[2].decode())

    def require_end(self) -> None:
        """Files that nobody names may lie there."""

    def _open(self, file: str) -> Iterator[bytes]:
        for suffix in ("", ".gz", ".zst", ".lz4"):
            path = self._directory / (file + suffix)
            if not path.is_file():
                continue
            if suffix == ".lz4":
                raise UsageError(
                    f"{self._directory.name} is packed by lz4", remedy="take the dump with --compress=gzip or zstd"
                )
            return self._unpack(Content(path), path.name) if suffix else Content(path).pieces()
        raise self._damaged(f"lacks the file {file}")

    def _damaged(self, what: str) -> BackupDamagedError:
        return BackupDamagedError(
            f"{self._directory.name} {what}", remedy="no part of it was run; bring the whole dump"
        )
