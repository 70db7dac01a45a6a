"""A series of figures as one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from screens.widgets.glyphs import Glyphs


def spark(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """The last values as columns of different height, one character each; from zero, so that heights compare.

    More values than ``width`` are brought together: each column is the greatest of its share.
    """
    if not values or width <= 0:
        return ""
    columns = _gathered(values, width)
    greatest = max(columns)
    steps = glyphs.heights
    if greatest <= 0:
        return steps[0] * len(columns)
    return "".join(steps[min(int(value / greatest * len(steps)), len(steps) - 1)] for value in columns)


def _gathered(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    edges = [index * len(values) // width for index in range(width + 1)]
    return [max(values[start:end]) for start, end in pairwise(edges)]
