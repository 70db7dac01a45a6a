"""Packing text into members that can be unpacked alone, and unpacking what may not be trusted.

Members written one behind the other are one valid file: for `gunzip`, for `zstd -d`, and without packing anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import IO, Protocol, TypeAlias, cast

import zstandard
from isal import igzip_lib, isal_zlib

from pantry_tui.models import Compression

Stored: TypeAlias = "bytes | memoryview"

RAW_PIECE = 128 * 1024  # at most this much is unpacked at once, whatever a member claims to hold
SUFFIXES = {Compression.GZIP: ".gz", Compression.ZSTD: ".zst", Compression.NONE: ""}  # of files

_GZIP_BITS = 31  # zlib's wbits for a gzip member
_RAW_BITS = -15  # the same for a stream without header
_GZIP_LEVEL = 1  # of ISA-L: 842 MB/s at a ratio of 4.30, against zlib 6: 76 MB/s at 5.00
_ZSTD_LEVEL = 1  # 760 MB/s at 4.74
_ZSTD_WINDOW = 1 << 27  # what `zstd -d` accepts unasked; a frame that wants more is refused


class Codec(StrEnum):
    """How a member is packed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    PLAIN = "none"
    DEFLATE = (
        "deflate"  # pieces of a zip entry: raw, ending on a byte but not the stream, referring to nothing before them
    )

    @classmethod
    def of(cls, compression: Compression) -> Codec:
        """The codec of a backup's compression."""
        return cls(compression.value)


class Packer(Protocol):
    """Packs one member; zlib's way of doing it."""

    def compress(self, data: bytes, /) -> bytes:
        """Adds text; returns what is packed so far and was not returned before."""

    def flush(self) -> bytes:
        """Ends the member and returns the rest."""


class UnreadableError(ValueError):
    """The stored bytes are no member of that codec; in words, to stand behind what they belong to."""


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Deflate:
    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _RAW_BITS)

    def compress(self, data: bytes, /) -> bytes:
        return self._compressor.compress(data)

    def flush(self) -> bytes:
        return self._compressor.flush(isal_zlib.Z_SYNC_FLUSH)


def packer(codec: Codec) -> Packer:
    """A new member's packer."""
    match codec:
        case Codec.GZIP:
            return isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_BITS)
        case Codec.ZSTD:
            return zstandard.ZstdCompressor(_ZSTD_LEVEL, write_checksum=True).compressobj()
        case Codec.PLAIN:
            return _Plain()
        case Codec.DEFLATE:
            return _Deflate()


def unpack(codec: Codec, stored: Iterator[Stored]) -> Iterator[bytes]:
    """The text of one member in pieces of at most `RAW_PIECE` bytes, unpacked as the stored pieces come.

    Raises `UnreadableError` for anything that is not exactly one member.
    """
    return _UNPACKERS[codec](stored)


def _unpack_gzip(stored: Iterator[Stored]) -> Iterator[bytes]:
    unpacker = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    for piece in stored:
        if unpacker.eof:
            raise UnreadableError("has bytes behind the end of its gzip member")
        yield from _inflate(unpacker, piece, "gzip")
        if unpacker.eof and unpacker.unused_data:
            raise UnreadableError("has bytes behind the end of its gzip member")
    if not unpacker.eof:
        raise UnreadableError("is cut off: its gzip member has no end")


def _unpack_deflate(stored: Iterator[Stored]) -> Iterator[bytes]:
    unpacker = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    for piece in stored:
        yield from _inflate(unpacker, piece, "deflate")
        if unpacker.eof:
            raise UnreadableError("ends the stream of deflate, which others follow")


def _inflate(unpacker: igzip_lib.IgzipDecompressor, stored: Stored, what: str) -> Iterator[bytes]:
    try:
        text = unpacker.decompress(stored, RAW_PIECE)
        while text:
            yield text
            if unpacker.needs_input or unpacker.eof:
                break
            text = unpacker.decompress(b"", RAW_PIECE)
    except (igzip_lib.IsalError, EOFError) as error:  # type: ignore[misc]  # its stub says instance
        raise UnreadableError(f"is not readable {what} ({error})") from error


class _Source:
    """Stored pieces as a file that zstandard can read."""

    def __init__(self, stored: Iterator[Stored]) -> None:
        self._stored = stored

    def read(self, size: int = -1) -> bytes:
        return bytes(next(self._stored, b""))


def _unpack_zstd(stored: Iterator[Stored]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    # Across frames: bytes behind the frame are then an error, and a second frame makes the text too long.
    reader = decompressor.stream_reader(cast("IO[bytes]", _Source(stored)), read_across_frames=True)
    try:
        while text := reader.read(RAW_PIECE):
            yield text
    except zstandard.ZstdError as error:
        raise UnreadableError(f"is not readable zstd ({error})") from error


def _unpack_plain(stored: Iterator[Stored]) -> Iterator[bytes]:
    return map(bytes, stored)


_UNPACKERS: dict[Codec, Callable[[Iterator[Stored]], Iterator[bytes]]] = {
    Codec.GZIP: _unpack_gzip,
    Codec.ZSTD: _unpack_zstd,
    Codec.PLAIN: _unpack_plain,
    Codec.DEFLATE: _unpack_deflate,
}
