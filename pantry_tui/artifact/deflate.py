"""Raw deflate in pieces that stand alone: each begins and ends on a byte and refers to nothing before it.

Pieces made side by side and put one after the other are one deflate stream, once `FINAL_BLOCK` closes it (RFC 1951); each can
be unpacked alone, and `joined_crc` gives the checksum of the whole without reading it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from isal import igzip_lib, isal_zlib

from pantry_tui.artifact.segment import LEVEL, checksum
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import Model

RAW_DEFLATE = -15  # zlib's wbits for a stream without header
FINAL_BLOCK = b"\x03\x00"  # empty, with fixed codes, marked as the last one
SMALLEST_FILLER = 20

_STORED_BLOCK = b"\x00\x00\x00\xff\xff"  # empty
_FIXED_AND_STORED_BLOCK = b"\x02\x00\x00\x00\xff\xff"  # ten bits of an empty block with fixed codes, then the same
_PIECE = 128 * 1024


class DeflatedPiece(Model, frozen=True, kw_only=True):
    """What is known of a finished piece. ``sha256`` and ``crc32`` are of the stored bytes, ``raw_crc32`` of the text."""

    length: int
    raw_length: int
    sha256: str
    crc32: int
    raw_crc32: int


class DeflateWriter:
    """Compresses one piece as its text arrives; holds only compressed bytes."""

    def __init__(self) -> None:
        self._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, RAW_DEFLATE)
        self._pieces: list[bytes] = []
        self._raw_crc32 = 0
        self.raw_length = 0

    def write(self, text: bytes) -> None:
        """Adds text to the piece."""
        self.raw_length += len(text)
        self._raw_crc32 = checksum(text, self._raw_crc32)
        piece = self._compressor.compress(text)
        if piece:
            self._pieces.append(piece)

    def finish(self) -> tuple[DeflatedPiece, list[bytes]]:
        """The piece's description and its bytes, which end on a byte and not the stream. The writer is used up."""
        self._pieces.append(self._compressor.flush(isal_zlib.Z_SYNC_FLUSH))
        digest = hashlib.sha256()
        length = crc32 = 0
        for piece in self._pieces:
            digest.update(piece)
            crc32 = checksum(piece, crc32)
            length += len(piece)
        described = DeflatedPiece(
            length=length,
            raw_length=self.raw_length,
            sha256=digest.hexdigest(),
            crc32=crc32,
            raw_crc32=self._raw_crc32,
        )
        return described, self._pieces


def joined_crc(first: int, second: int, second_length: int) -> int:
    """The CRC-32 of two texts one after the other, of their own and the second one's length."""
    return isal_zlib.crc32_combine(first, second, second_length)


def filler(length: int) -> bytes:
    """Exactly ``length`` bytes of deflate that hold nothing, to stand between pieces; at least `SMALLEST_FILLER`."""
    if length < SMALLEST_FILLER:
        raise ValueError(f"no filler has {length} bytes: the smallest has {SMALLEST_FILLER}")
    longer = length % len(_STORED_BLOCK)
    shorter = (length - longer * len(_FIXED_AND_STORED_BLOCK)) // len(_STORED_BLOCK)
    return _STORED_BLOCK * shorter + _FIXED_AND_STORED_BLOCK * longer


def inflate_piece(stored: Iterable[bytes], raw_length: int) -> Iterator[bytes]:
    """The text of one piece in parts of at most 128 KiB.

    Raises `BackupDamagedError`: where it is no deflate, ends the stream or is longer than ``raw_length`` at once, where it is
    shorter after the last part.
    """
    unpack = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    length = 0
    for part in stored:
        for text in _unpack(unpack, part):
            length += len(text)
            if length > raw_length:
                raise BackupDamagedError(f"unpacks to more than the {raw_length:,} bytes it should hold")
            yield text
    if length != raw_length:
        raise BackupDamagedError(f"unpacks to {length:,} bytes; it should hold {raw_length:,}")


def _unpack(unpack: igzip_lib.IgzipDecompressor, stored: bytes) -> Iterator[bytes]:
    try:
        text = unpack.decompress(stored, _PIECE)
        while text:
            yield text
            if unpack.needs_input or unpack.eof:
                break
            text = unpack.decompress(b"", _PIECE)
    except (igzip_lib.IsalError, EOFError) as error:  # type: ignore[misc]  # its stub says instance
        raise BackupDamagedError("is not readable deflate", detail=str(error)) from error
    if unpack.eof:
        raise BackupDamagedError("ends the stream of deflate, which others follow")
