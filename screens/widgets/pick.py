"""One of a few words, on one line; the one that is taken stands in brackets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from screens.bindings import bindings_of
from screens.command import PICK


class Words(Static, can_focus=True):
    """The words; left and right change which is taken."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(PICK)
    taken: reactive[int] = reactive(0)

    class Changed(Message):
        """Another word is taken."""

    def __init__(self, words: Sequence[str], taken: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.words = tuple(map(str, words))
        self.set_reactive(Words.taken, self.words.index(taken))

    def render(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for number, word in enumerate(self.words):
            parts.append((f"[{word}]", "bold") if number == self.taken else f" {word} ")
            parts.append(" ")
        return Content.assemble(*parts)

    def watch_taken(self) -> None:
        self.post_message(self.Changed())

    def action_step(self, by: int) -> None:
        """Takes the next word, or the one before."""
        self.taken = (self.taken + by) % len(self.words)

    def on_click(self, event: events.Click) -> None:
        """Takes the word under the pointer."""
        end = 0
        for number, word in enumerate(self.words):
            end += len(word) + 3
            if event.x < end:
                self.taken = number
                return


class Pick(Horizontal):
    """A label and its words on one line."""

    def __init__(
        self,
        label: str,
        words: Sequence[str],
        taken: str,
        *,
        id: str,  # noqa: A002
        close: bool = False,  # to the field above
    ) -> None:
        super().__init__(classes="field close" if close else "field")
        self._label = label
        self._words = Words(words, taken, id=id)

    def compose(self) -> ComposeResult:
        yield Static(self._label, classes="label", markup=False)
        yield self._words
