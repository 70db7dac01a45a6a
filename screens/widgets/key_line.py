"""The line at the bottom: the keys of this screen, the most useful first, as many as fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from screens.command import Command
from screens.keys_document import key_names
from screens.situation import Situation


class KeyLine(Static):
    """One line; what cannot be done now is dim, and its key says why when pressed."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._shown: Content | None = None

    def show(self, commands: Sequence[Command], situation: Situation, keymap: Mapping[str, str]) -> None:
        """Draws the line for these commands."""
        chosen = _fitting([each for each in commands if each.is_offered(situation)], keymap, self.size.width - 1)
        parts = [_entry(each, situation, keymap) for each in chosen]
        line = Content.assemble(" ", *parts)
        if self._shown is None or not line.is_same(self._shown):
            self._shown = line
            self.update(line)

    async def on_click(self, event: events.Click) -> None:
        """A click on an entry does its command."""
        clicked = event.style.meta.get("command")
        if clicked is not None:
            await self.screen.run_action(f"command('{clicked}')")


def _key(each: Command, keymap: Mapping[str, str]) -> str:
    return key_names(keymap.get(each.id, each.keys))[0].replace("ctrl+", "^")


def _width(each: Command, keymap: Mapping[str, str]) -> int:
    return len(_key(each, keymap)) + len(each.title) + 3


def _fitting(commands: Sequence[Command], keymap: Mapping[str, str], room: int) -> list[Command]:
    ranked = sorted((each for each in commands if each.rank is not None), key=lambda each: each.rank or 0)
    chosen: list[Command] = []
    for each in ranked:
        room -= _width(each, keymap)
        if room < 0:
            break
        chosen.append(each)
    return chosen


def _entry(each: Command, situation: Situation, keymap: Mapping[str, str]) -> Content:
    possible = each.reason_against(situation) is None
    # Not "@click": Textual would draw it as a link.
    click = Style.from_meta({"command": each.id})
    entry = Content.assemble(
        (_key(each, keymap), "bold $accent" if possible else "$muted"),
        (f" {each.title}", "" if possible else "$muted"),
        "  ",
    )
    return entry.stylize(click, 0, len(entry.plain) - 2)
