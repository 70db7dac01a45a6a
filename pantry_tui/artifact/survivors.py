"""The rows of a segment without some of them, in any format, as they come; no value is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from pantry_tui.artifact.jsondocument import ROW_SEPARATOR
from pantry_tui.models import BackupFormat


def without_rows(
    pieces: Iterable[bytes], removed: Sequence[int], rows_format: BackupFormat, *, rows: int
) -> Iterator[bytes]:
    """The pieces of a segment of ``rows`` rows without those of these numbers, which count from 0 and are in order."""
    if not removed:
        return iter(pieces)
    if rows_format is BackupFormat.CSV:
        return _drop(pieces, removed, _CsvLines())
    kept = _drop(pieces, removed, _as_it_is)
    if rows_format is BackupFormat.JSON and removed[-1] == rows - 1:
        return _without_end(kept, ROW_SEPARATOR)  # of the row that is now the last
    return kept


def _drop(pieces: Iterable[bytes], removed: Sequence[int], marks: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """``marks`` gives the piece with a line's end nowhere but behind a row; of the same length."""
    coming = iter(removed)
    gone = next(coming, None)
    line = 0  # in which the piece begins
    for piece in pieces:
        lengths = [len(part) + 1 for part in marks(piece).split(b"\n")]
        last = line + len(lengths) - 1
        if gone is None or gone > last:
            line = last
            yield piece
            continue
        starts = [0, *accumulate(lengths)]
        starts[-1] = len(piece)  # the last one ends in a later piece
        kept: list[bytes] = []
        position = 0
        while gone is not None and gone <= last:
            kept.append(piece[position : starts[gone - line]])
            position = starts[gone - line + 1]
            if gone == last:
                break  # the rest of it is still to come
            gone = next(coming, None)
        kept.append(piece[position:])
        line = last
        if whole := b"".join(kept):
            yield whole


def _as_it_is(piece: bytes) -> bytes:
    return piece


class _CsvLines:
    """Takes line ends within quotes away; remembers where a piece ends."""

    def __init__(self) -> None:
        self._quoted = False

    def __call__(self, piece: bytes) -> bytes:
        parts = piece.split(b'"')
        first = 0 if self._quoted else 1
        parts[first::2] = [part.replace(b"\n", b" ") for part in parts[first::2]]
        self._quoted ^= len(parts) % 2 == 0
        return b'"'.join(parts)


def _without_end(pieces: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        held += piece
        if len(held) > len(end):
            yield held[: -len(end)]
            held = held[-len(end) :]
    if held != end and held:
        yield held
