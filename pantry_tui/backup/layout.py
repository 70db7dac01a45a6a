"""How tables are cut into ranges of pages: one worker reads one range, and each range has its own fingerprint."""

from __future__ import annotations

from typing import NamedTuple

RANGE_BYTES = 12 * 1024 * 1024  # of heap and TOAST; about 8 to 16 MiB of text


class Cut(NamedTuple):
    """A range of pages `[first_page, last_page)`; the last one of a table is open-ended."""

    first_page: int
    last_page: int | None
    weight: int  # bytes on the server, to order the work and to show progress


def cut_table(pages: int, size: int) -> list[Cut]:
    """Cuts a table of that many heap pages and bytes (with TOAST) into ranges of about `RANGE_BYTES`.

    A small table is one range without a condition. Rows may still make a range's text larger than guessed; the worker then
    writes it as several segments.
    """
    return cut_pages(0, pages, size)


def cut_pages(first: int, end: int, size: int) -> list[Cut]:
    """Cuts the pages from ``first`` on, which are ``end - first`` now and hold ``size`` bytes; the last range has no end."""
    wanted = min(end - first, round(size / RANGE_BYTES))
    if wanted <= 1:
        return [Cut(first, None, size)]
    step = -(-(end - first) // wanted)
    starts = range(first, end, step)
    weight = size // len(starts)
    return [Cut(start, start + step if start + step < end else None, weight) for start in starts]
