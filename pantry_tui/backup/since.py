"""What became of a range of a base's rows: which of them are still there, told by count, fingerprint and position.

Rows that have not changed since the base are a part of what it holds. As many as it counted: then they are the same rows, and
their fingerprint must be. Fewer: their positions say which are gone. More, or at a position that the base does not
have: the server was put back in time since, and no incremental backup can build on that base.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pantry_tui.artifact.positions import StrangeRowError, removed_rows
from pantry_tui.artifact.removed import Lines, pack_removed, pack_whole
from pantry_tui.errors import BaseUnusableError
from pantry_tui.models import Model


class BaseSegment(Model, frozen=True, kw_only=True):
    """A segment of the base: its number there, its first line in the rows part, its rows."""

    number: int
    first_line: int
    rows: int

    @property
    def lines(self) -> Lines:
        """Where it stands."""
        return Lines(self.first_line, self.rows)


class Since(Model, frozen=True, kw_only=True):
    """What the base knows of a range, and how to ask the server about it; ``positions`` is packed, None where it has no rows.

    ``state`` gives the count of all rows; of those that have not changed count, fingerprint and positions; and the fingerprint
    of the others.
    """

    state: str
    rows: int
    fingerprint: str
    positions: bytes | None
    segments: tuple[BaseSegment, ...]


class SegmentLeft(Model, frozen=True, kw_only=True):
    """A segment of the base and how many of its rows are left; ``removed`` names the others, packed, empty for none."""

    number: int
    rows: int
    removed: bytes = b""


def whole(segment: BaseSegment) -> SegmentLeft:
    """A segment of which nothing is left."""
    return SegmentLeft(number=segment.number, rows=0, removed=pack_whole(segment.lines))


def rows_left(since: Since, unchanged: int, fingerprint: str, ctids: bytes, *, name: str) -> tuple[SegmentLeft, ...]:
    """The base's segments of the range and what is left of each; ``name`` is the table's, for people.

    ``unchanged`` rows of that ``fingerprint`` are at ``ctids`` (as `tidsend` wrote them, in physical order). Raises
    `BaseUnusableError`, `BackupDamagedError`.
    """
    if unchanged == since.rows:
        if fingerprint != since.fingerprint:
            raise _diverged(f"{name} has rows that no transaction has changed since, and their content is another")
        return tuple(SegmentLeft(number=each.number, rows=each.rows) for each in since.segments)
    if unchanged > since.rows or since.positions is None:
        raise _diverged(f"{name} has {unchanged:,} rows that are older than the base, where it counted {since.rows:,}")
    try:
        removed = removed_rows(since.positions, ctids)
    except StrangeRowError as error:
        raise _diverged(f"{name} has {error} that is older than the base, which has none there") from error
    if since.rows - len(removed) != unchanged:
        raise _diverged(
            f"{name}: {unchanged:,} rows are unchanged, {since.rows - len(removed):,} where the base has them"
        )
    return tuple(_left(since.segments, removed))


def _left(segments: Sequence[BaseSegment], removed: Sequence[int]) -> Iterator[SegmentLeft]:
    """``removed`` counts through all segments."""
    before = at = 0
    for segment in segments:
        end = at
        while end < len(removed) and removed[end] < before + segment.rows:
            end += 1
        gone = [row - before for row in removed[at:end]]
        if len(gone) == segment.rows:
            yield whole(segment)
        else:
            packed = pack_removed(segment.lines, gone) if gone else b""
            yield SegmentLeft(number=segment.number, rows=segment.rows - len(gone), removed=packed)
        before += segment.rows
        at = end


def _diverged(what: str) -> BaseUnusableError:
    return BaseUnusableError(
        f"the server's history has diverged from the base's, as when it was put back in time: {what}",
        remedy="take a full backup; incremental ones can build on that",
    )
