"""The few signs the screens draw, as Unicode and as ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Glyphs:
    """Signs that accompany words; none stands alone for a status."""

    good: str
    bad: str
    unknown: str
    running: str
    waiting: str
    warning: str
    bar_done: str
    bar_left: str
    ascending: str
    descending: str
    dot: str
    ellipsis: str
    rule: str
    chosen: str
    not_chosen: str
    pinned: str
    sealed: str
    heights: str  # of columns, lowest first
    day_done: str
    day_late: str
    day_failed: str
    day_missed: str
    day_empty: str


UNICODE = Glyphs(
    good="✓",
    bad="✗",
    unknown="·",
    running="●",
    waiting="○",
    warning="!",
    bar_done="━",
    bar_left="╌",
    ascending="▲",
    descending="▼",
    dot="·",
    ellipsis="…",
    rule="─",
    chosen="[✓]",
    not_chosen="[ ]",
    pinned="◆",
    sealed="■",
    heights="▁▂▃▄▅▆▇█",
    day_done="■",
    day_late="□",
    day_failed="✗",
    day_missed="○",
    day_empty="·",
)

ASCII = Glyphs(
    good="+",
    bad="x",
    unknown="-",
    running="*",
    waiting="o",
    warning="!",
    bar_done="#",
    bar_left=".",
    ascending="^",
    descending="v",
    dot="-",
    ellipsis="...",
    rule="-",
    chosen="[x]",
    not_chosen="[ ]",
    pinned="^",
    sealed="#",
    heights="._-=+*%#",
    day_done="#",
    day_late="~",
    day_failed="x",
    day_missed="o",
    day_empty=".",
)
