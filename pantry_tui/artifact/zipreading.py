"""Reading the directory of a zip file that this program wrote, trusting nothing in it.

Accepted is exactly what `zipping` writes: entries one after the other from the first byte on, no comments, no gaps. A name that
is a path, an entry that lies over another, or one that unpacks to more than the manifest says is refused before a byte of
it is unpacked.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pantry_tui.artifact.entrynames import is_entry_name
from pantry_tui.errors import BackupDamagedError

REMEDY = "restore from another backup; the storage under this one has lost or changed bytes"
MOST_DIRECTORY_BYTES = 1 << 28

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_FLAGS = 0x0808
_DEFLATED = 8
_MOST_32 = 0xFFFFFFFF


class StoredEntry(NamedTuple):
    """An entry as the directory has it. ``offset`` is of its header, ``length`` of the deflated bytes behind that."""

    name: str
    offset: int
    length: int
    raw_length: int
    crc32: int


ReadAt = Callable[[int, int], bytes]  # offset and length; fewer bytes where the file ends


class _Bytes:
    """The file, whose end nobody may pass."""

    def __init__(self, read: ReadAt, where: str) -> None:
        self._read = read
        self._where = where

    def exactly(self, offset: int, length: int) -> bytes:
        found = self._read(offset, length)
        if len(found) != length:
            raise _damaged(self._where, "is cut off")
        return found


class _Directory(NamedTuple):
    entries: int
    size: int
    offset: int


def read_directory(read: ReadAt, size: int, *, where: str) -> list[StoredEntry]:
    """The entries of a zip file of ``size`` bytes, in their order.

    Raises `BackupDamagedError`, and what ``read`` raises.
    """
    file = _Bytes(read, where)
    found = _find_directory(file, size, where)
    if found.size > MOST_DIRECTORY_BYTES or found.entries * _CENTRAL.size > found.size:
        raise _damaged(where, "its directory cannot be as large, or as small, as it says")
    records = file.exactly(found.offset, found.size)
    entries = list(_entries(records, found.entries, where))
    _require_order(file, entries, found.offset, where)
    return entries


def check_entries(entries: list[StoredEntry], expected: Mapping[str, int], *, where: str) -> None:
    """Compares the entries with the manifest's: names, and how much each unpacks to. Raises `BackupDamagedError`."""
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names):
        raise _damaged(where, "two entries have one name")
    if unknown := set(names) ^ expected.keys():
        raise _damaged(where, "its entries are not those of the manifest", ", ".join(sorted(unknown))[:500])
    for entry in entries:
        if entry.raw_length != expected[entry.name]:
            said = f"unpacks to {entry.raw_length:,} bytes; the manifest says {expected[entry.name]:,}"
            raise _damaged(where, f"{entry.name} {said}")


def _find_directory(file: _Bytes, size: int, where: str) -> _Directory:
    at = size - _END.size
    if at < 0:
        raise _damaged(where, "is no zip file, or is cut off")
    magic, disk, start_disk, here, count, length, offset, comment = _END.unpack(file.exactly(at, _END.size))
    if magic != b"PK\5\6" or disk or start_disk or here != count or comment:
        raise _damaged(where, "does not end as a zip file of this program does: it is cut off, or something else")
    found = _Directory(count, length, offset)
    before = file.exactly(at - _LOCATOR.size, _LOCATOR.size) if at >= _LOCATOR.size else b""
    if before.startswith(b"PK\6\7"):
        at, found = _find_directory_64(file, at - _LOCATOR.size, before, where)
    if found.offset + found.size != at:
        raise _damaged(where, "its directory does not stand where it should")
    return found


def _find_directory_64(file: _Bytes, locator_at: int, locator: bytes, where: str) -> tuple[int, _Directory]:
    _, disk, at, disks = _LOCATOR.unpack(locator)
    if disk or disks != 1 or at + _END_64.size != locator_at:
        raise _damaged(where, "its directory does not stand where it should")
    magic, length, _, _, disk, start_disk, here, count, size, offset = _END_64.unpack(file.exactly(at, _END_64.size))
    if magic != b"PK\6\6" or length != _END_64.size - 12 or disk or start_disk or here != count:
        raise _damaged(where, "its directory is not readable")
    return at, _Directory(count, size, offset)


def _entries(records: bytes, count: int, where: str) -> Iterator[StoredEntry]:
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(records):
            raise _damaged(where, "its directory is cut off")
        fields = _CENTRAL.unpack_from(records, at)
        magic, _, _, flags, method, _, _, crc32, length, raw_length, name_length, extra_length, comment, *_, offset = (
            fields
        )
        at += _CENTRAL.size
        name = records[at : at + name_length]
        extra = records[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length
        if magic != b"PK\1\2" or at > len(records) or comment:
            raise _damaged(where, "its directory is not readable")
        if flags != _FLAGS or method != _DEFLATED:
            raise _damaged(where, f"entry {name!r} is stored in a way this program does not use")
        raw_length, length, offset = _wide((raw_length, length, offset), extra, where)
        yield StoredEntry(_safe(name, where), offset, length, raw_length, crc32)
    if at != len(records):
        raise _damaged(where, "its directory has more than it says")


def _wide(fields: tuple[int, int, int], extra: bytes, where: str) -> Iterator[int]:
    """The fields, those that do not fit 32 bits from the extra field for zip64."""
    long = fields.count(_MOST_32)
    wanted = struct.pack("<2H", 1, 8 * long) if long else b""
    if not extra.startswith(wanted) or len(extra) != len(wanted) + 8 * long:
        raise _damaged(where, "an entry's sizes are not readable")
    values = iter(struct.unpack(f"<{long}Q", extra[len(wanted) :]))
    return (next(values) if field == _MOST_32 else field for field in fields)


def _safe(name: bytes, where: str) -> str:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or not is_entry_name(text):
        raise _damaged(where, f"an entry is named {name[:300]!r}, which no file of a backup is")
    return text


def _require_order(file: _Bytes, entries: list[StoredEntry], end: int, where: str) -> None:
    """Each header stands where the entry before ends, so that no two share a byte."""
    at = 0
    for entry in entries:
        if entry.offset != at:
            raise _damaged(where, f"{entry.name} does not begin where the entry before it ends")
        header = _LOCAL.unpack(file.exactly(at, _LOCAL.size))
        magic, _, flags, method, _, _, _, _, _, name_length, extra_length = header
        name = file.exactly(at + _LOCAL.size, name_length)
        if (magic, flags, method, name) != (b"PK\3\4", _FLAGS, _DEFLATED, entry.name.encode()):
            raise _damaged(where, f"{entry.name}: its header is not the directory's")
        data = at + _LOCAL.size + name_length + extra_length
        wide = bool(extra_length) or max(entry.length, entry.raw_length) >= _MOST_32
        sizes = struct.pack("<2Q" if wide else "<2L", entry.length, entry.raw_length)
        descriptor = b"PK\7\10" + struct.pack("<L", entry.crc32) + sizes
        if file.exactly(data + entry.length, len(descriptor)) != descriptor:
            raise _damaged(where, f"{entry.name}: the sizes behind it are not the directory's")
        at = data + entry.length + len(descriptor)
    if at != end:
        raise _damaged(where, "has bytes between its entries and its directory")


def _damaged(where: str, what: str, detail: str | None = None) -> BackupDamagedError:
    return BackupDamagedError(f"{where}: {what}", remedy=REMEDY, detail=detail)
