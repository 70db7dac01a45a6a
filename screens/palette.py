"""The palette (ctrl+p) and the line that `:` opens: find a command by typing."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from screens.bindings import bindings_of
from screens.command import DIALOG, Command
from screens.commands import command, matching
from screens.frame import Dialog
from screens.keys_document import key_names
from screens.situation import Situation
from screens.widgets.text import shortened


class Palette(Dialog[Command | None]):
    """Dismissed with the command that was picked; what cannot be done now says why."""

    AUTO_FOCUS: ClassVar[str | None] = "Input"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)

    def __init__(self, pane: str, situation: Situation, *, line: bool) -> None:
        super().__init__(classes="line" if line else "palette")
        self._pane = pane
        self._situation = situation
        self._line = line

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            if not self._line:
                yield Static("Commands", id="dialog-title", markup=False)
            typed = Input(placeholder="type a command or a screen", compact=True, id="typed")
            typed.cursor_blink = False
            options = OptionList(id="found", compact=True)
            options.can_focus = False
            yield from (options, typed) if self._line else (typed, options)

    def on_mount(self) -> None:
        super().on_mount()
        self._find()

    @on(Input.Changed)
    def _find(self) -> None:
        options = self.query_one(OptionList)
        found = matching(self._pane, self.query_one(Input).value)
        options.clear_options()
        options.add_options(Option(self._entry(each), id=each.id) for each in found)
        options.highlighted = 0 if found else None

    def _entry(self, each: Command) -> Content:
        reason = each.reason_against(self._situation)
        keys = " ".join(key_names(self.pantry.keymap.get(each.id, each.keys)))
        words = each.description if reason is None else f"not now: {reason}"
        title = (f"{each.title:16}", "bold" if reason is None else "$muted")
        room = min(94, self.app.size.width) - 36
        shown = shortened(words, room, self.pantry.glyphs.ellipsis)
        return Content.assemble(title, (f"{keys:10}", "$accent"), (shown, "$muted"))

    def on_key(self, event: events.Key) -> None:
        """Arrows move in the list while the input keeps the focus."""
        options = self.query_one(OptionList)
        if event.key in ("down", "up"):
            (options.action_cursor_down if event.key == "down" else options.action_cursor_up)()
            event.stop()

    @on(Input.Submitted)
    def do_dialog_confirm(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        self.dismiss(command(option.id) if option is not None and option.id is not None else None)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(command(event.option_id) if event.option_id is not None else None)

    def do_app_back(self) -> None:
        self.dismiss(None)
