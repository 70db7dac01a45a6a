"""What a face shows of a step: one question, what is known, the answers, and which one is recommended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a line is meant; faces have a colour and a sign for each."""

    PLAIN = "plain"
    STRONG = "strong"
    MUTED = "muted"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Line:
    """A sentence."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, kw_only=True)
class Option:
    """An answer. ``detail``: what it means, costs or risks; ``refused``: why it cannot be taken now."""

    key: str
    label: str
    detail: str = ""
    recommended: bool = False
    refused: str | None = None


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that can be chosen beside others: its cells, and whether it is."""

    key: str
    cells: tuple[str, ...]
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class View:
    """A step as it stands.

    ``items`` under ``columns``: any number of them can be chosen, before an option is. ``typed``: what must be typed to take
    any option but back, such as the database's name; ``asks``: what may be typed, with the words that ask for it. ``job``: the
    job whose progress is shown until it ends. ``command``: arguments of the command that does the same.
    """

    question: str
    lines: tuple[Line, ...] = ()
    options: tuple[Option, ...] = ()
    columns: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    typed: str | None = None
    asks: str | None = None
    job: str | None = None
    command: tuple[str, ...] = ()

    @property
    def preselected(self) -> int:
        """The place of the option that the cursor stands on at first: the recommended one."""
        return next((place for place, option in enumerate(self.options) if option.recommended), 0)
