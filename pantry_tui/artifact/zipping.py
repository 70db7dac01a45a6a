"""A zip file written from its beginning to its end, of entries that are deflated in pieces by several processes.

Nothing that was written is changed later: sizes and checksum of an entry stand behind it (in a data descriptor) and in the
directory at the end, as the zip specification has it for streams (APPNOTE 6.3.10, 4.3.9 and 4.4.4); so the caller may encrypt
or send what it has. Order of an entry: `header`, its pieces with what stands between them, `close`.
"""

from __future__ import annotations

import struct
from datetime import datetime

from isal import isal_zlib

from pantry_tui.artifact.segment import Member

FINAL_BLOCK = b"\x03\x00"  # empty, with fixed codes, marked as the last one of a deflate stream
LARGE_BYTES = 16 * 1024 * 1024  # on the server; text of less never reaches 4 GiB but by intent

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")

_FLAGS = 0x0008 | 0x0800  # sizes follow the data; the name is UTF-8
_DEFLATED = 8
_VERSION = 20
_VERSION_64 = 45
_MADE_ON_UNIX = 3 << 8 | _VERSION_64
_MODE = 0o100600 << 16
_MOST_32 = 0xFFFFFFFF
_MOST_16 = 0xFFFF
_EXTRA_64 = 1


class ZipEntry:
    """An entry while it is written. ``offset`` is where its header stands in the file.

    ``large``: may grow beyond 4 GiB, which the header has to say for readers of streams.
    """

    def __init__(self, name: str, *, offset: int, modified: datetime, large: bool = False) -> None:
        self._name = name.encode()
        self._offset = offset
        self._time, self._date = _dos_time(modified)
        self._large = large
        self._crc32 = 0
        self._length = 0
        self._raw_length = 0

    @property
    def header(self) -> bytes:
        """What stands before the first piece."""
        extra = struct.pack("<2H2Q", _EXTRA_64, 16, 0, 0) if self._large else b""
        size = _MOST_32 if self._large else 0
        version = _VERSION_64 if self._large else _VERSION
        head = _LOCAL.pack(
            b"PK\3\4", version, _FLAGS, _DEFLATED, self._time, self._date, 0, size, size, len(self._name), len(extra)
        )
        return head + self._name + extra

    def add(self, piece: Member) -> None:
        """Counts a piece that was written."""
        self._crc32 = isal_zlib.crc32_combine(self._crc32, piece.raw_crc32, piece.raw_length)
        self._length += piece.length
        self._raw_length += piece.raw_length

    def close(self) -> bytes:
        """What stands behind the last piece: the end of the deflate stream, checksum and sizes."""
        self._length += len(FINAL_BLOCK)
        sizes = struct.pack("<2Q" if self._large or self._is_long else "<2L", self._length, self._raw_length)
        return FINAL_BLOCK + b"PK\7\10" + struct.pack("<L", self._crc32) + sizes

    @property
    def _is_long(self) -> bool:
        return max(self._length, self._raw_length) >= _MOST_32

    def directory_record(self) -> bytes:
        """This entry in the directory at the file's end; after `close`."""
        fields = (self._raw_length, self._length, self._offset)
        long = [field for field in fields if field >= _MOST_32]
        extra = struct.pack(f"<2H{len(long)}Q", _EXTRA_64, 8 * len(long), *long) if long else b""
        raw_length, length, offset = (min(field, _MOST_32) for field in fields)
        version = _VERSION_64 if self._large or long else _VERSION
        return (
            _CENTRAL.pack(
                b"PK\1\2", _MADE_ON_UNIX, version, _FLAGS, _DEFLATED, self._time, self._date, self._crc32, length,
                raw_length, len(self._name), len(extra), 0, 0, 0, _MODE, offset,
            ) + self._name + extra
        )  # fmt: skip


def directory(entries: list[ZipEntry], offset: int) -> bytes:
    """The directory of all entries and the end of the file, which begins at ``offset``."""
    records = b"".join(entry.directory_record() for entry in entries)
    count, size = len(entries), len(records)
    tail = b""
    if count >= _MOST_16 or size >= _MOST_32 or offset >= _MOST_32:
        tail = _END_64.pack(
            b"PK\6\6", _END_64.size - 12, _MADE_ON_UNIX, _VERSION_64, 0, 0, count, count, size, offset
        ) + _LOCATOR.pack(b"PK\6\7", 0, offset + size, 1)
    shown = min(count, _MOST_16)
    return records + tail + _END.pack(b"PK\5\6", 0, 0, shown, shown, min(size, _MOST_32), min(offset, _MOST_32), 0)


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Time and date as zip has them: two seconds' steps, from 1980."""
    year = min(max(moment.year - 1980, 0), 127)
    return (
        moment.hour << 11 | moment.minute << 5 | moment.second // 2,
        year << 9 | moment.month << 5 | moment.day,
    )
