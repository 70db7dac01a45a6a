"""Maps of row positions (ctids): which line pointers of which pages held the rows of a range, in the order of its rows.

An incremental backup finds deleted rows by comparing such maps. Stored per range, deflated: runs of pages whose pointers are
1 to n without a gap take eight bytes, any other page a bitmap. 1.5 million dense rows take about 500 bytes.

Layout of a record, little endian: u32 first page, u16 pages, u16 pointers. ``pointers`` is n of a dense run, or 0xFFFF: then
``pages`` is the length in bytes of the bitmap that follows, bit i set when line pointer i + 1 held a row.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from pantry_tui.errors import BackupDamagedError

_RECORD = struct.Struct("<IHH")
_BITMAP = 0xFFFF
_MOST_PAGES = 0xFFFF
_DENSE = bytes(range(1, 256))
_MOST_POINTERS = 2400  # per page; 8 kB pages hold 291, 32 kB pages 1,169


def encode_positions(ctids: bytes) -> bytes:
    """Packs the ctids of a range, as `tidsend` wrote them (u32 page, u16 pointer, big endian), in physical order."""
    records: list[bytes] = []
    run_first = run_pages = run_pointers = 0
    for page, pointers in _pages(ctids):
        dense = len(pointers) if _is_dense(pointers) else 0
        if dense and dense == run_pointers and page == run_first + run_pages and run_pages < _MOST_PAGES:
            run_pages += 1
            continue
        if run_pages:
            records.append(_RECORD.pack(run_first, run_pages, run_pointers))
        run_first, run_pages, run_pointers = page, 1 if dense else 0, dense
        if not dense:
            bitmap = _bitmap(pointers)
            records.append(_RECORD.pack(page, len(bitmap), _BITMAP) + bitmap)
    if run_pages:
        records.append(_RECORD.pack(run_first, run_pages, run_pointers))
    return zlib.compress(b"".join(records), 6)


def decode_positions(data: bytes) -> Iterator[tuple[int, int]]:
    """The (page, pointer) pairs of a range, in the order of its rows.

    Raises `BackupDamagedError` when the bytes are no such map.
    """
    for page, bitmap in decode_pages(data):
        while bitmap:
            lowest = bitmap & -bitmap
            yield page, lowest.bit_length()
            bitmap ^= lowest


def decode_pages(data: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """The pages of a range that hold rows, in order, each with its bitmap: bit i is set when line pointer i + 1 held one.

    Raises `BackupDamagedError` when the bytes are no such map.
    """
    try:
        records = zlib.decompress(data)
        at = 0
        while at < len(records):
            page, pages, pointers = _RECORD.unpack_from(records, at)
            at += _RECORD.size
            if pointers == _BITMAP:
                yield page, int.from_bytes(records[at : at + pages], "little")
                at += pages
            else:
                yield from ((number, (1 << pointers) - 1) for number in range(page, page + pages))
    except (zlib.error, struct.error) as error:
        raise BackupDamagedError("a map of row positions cannot be read", detail=str(error)) from error


class StrangeRowError(ValueError):
    """A row is at a position that the map does not have."""


def removed_rows(data: bytes, ctids: bytes) -> list[int]:
    """Which rows of the map ``data`` are no longer there, by their number in the map's order, from 0.

    ``ctids`` are the positions of those that are, as for `encode_positions`. Raises `StrangeRowError` for one that is not
    in the map, `BackupDamagedError` when the bytes are no such map.
    """
    removed: list[int] = []
    still = _pages(ctids)
    there = next(still, None)
    before = 0
    for page, bitmap in decode_pages(data):
        gone = bitmap
        if there is not None and there[0] == page:
            bits = _bits(there[1])
            if bits & ~bitmap:
                raise StrangeRowError(f"a row on page {page}")
            gone = bitmap & ~bits
            there = next(still, None)
        while gone:
            lowest = gone & -gone
            removed.append(before + (bitmap & (lowest - 1)).bit_count())
            gone ^= lowest
        before += bitmap.bit_count()
    if there is not None:
        raise StrangeRowError(f"rows from page {there[0]} on")
    return removed


def _pages(ctids: bytes) -> Iterator[tuple[int, bytes | list[int]]]:
    """Pages in order, each with its pointers: bytes while they are below 256, else numbers.

    A page costs a few slices and no loop over its rows: most have as many rows as the one before.
    """
    high, low = ctids[4::6], ctids[5::6]
    all_low = high.count(0) == len(high)
    at, count, rows = 0, len(low), 1
    while at < count:
        end = _page_end(ctids, at, min(at + rows, count), count)
        rows = end - at
        page = int.from_bytes(ctids[at * 6 : at * 6 + 4], "big")
        if all_low or high.count(0, at, end) == rows:
            yield page, low[at:end]
        else:
            yield page, [high[row] << 8 | low[row] for row in range(at, end)]
        at = end


def _page_end(ctids: bytes, at: int, guess: int, count: int) -> int:
    """Where the page of the ctid number ``at`` ends, by bisection unless the guess is right."""

    def on_page(number: int) -> bool:
        return ctids[number * 6 : number * 6 + 4] == page

    page = ctids[at * 6 : at * 6 + 4]
    if on_page(guess - 1) and (guess == count or not on_page(guess)):
        return guess
    first, last = at + 1, min(count, at + _MOST_POINTERS)
    while first < last:
        middle = (first + last) // 2
        if on_page(middle):
            first = middle + 1
        else:
            last = middle
    return first


def _is_dense(pointers: bytes | list[int]) -> bool:
    if isinstance(pointers, bytes):
        return pointers == _DENSE[: len(pointers)]
    return pointers == list(range(1, len(pointers) + 1))


def _bits(pointers: bytes | list[int]) -> int:
    if _is_dense(pointers):
        return (1 << len(pointers)) - 1
    bits = 0
    for pointer in pointers:
        bits |= 1 << (pointer - 1)
    return bits


def _bitmap(pointers: bytes | list[int]) -> bytes:
    bits = _bits(pointers)
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
