"""The keys of the pane in focus, from the command table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from screens.bindings import bindings_of
from screens.command import DIALOG, GRID, PANES, ROWS, TABLE, Command
from screens.commands import commands_of
from screens.frame import Dialog
from screens.keys_document import key_names

_KEYS = 12
_INDENT = 30


class Help(Dialog[None]):
    """One pane's keys; esc closes it."""

    AUTO_FOCUS: ClassVar[str | None] = "#explanation"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)

    def __init__(self, pane: str) -> None:
        super().__init__()
        self._pane = pane

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="tall"):
            yield Static(f"Keys: {PANES[self._pane]}", id="dialog-title", markup=False)
            with VerticalScroll(id="explanation"):
                yield Static(self._words())
            yield Static("esc closes this. Jobs run in the runner, not in this window.", classes="hint flush")

    def _words(self) -> Content:
        keymap = self.pantry.keymap
        commands = (*commands_of(self._pane), *commands_of(TABLE), *(commands_of(GRID) if self._pane == ROWS else ()))
        width = min(94, self.app.size.width) - 7
        return Content("\n").join(_line(each, keymap, width) for each in commands)

    def do_dialog_confirm(self) -> None:
        self.dismiss()


def _line(each: Command, keymap: Mapping[str, str], width: int) -> Content:
    keys = " ".join(key_names(keymap.get(each.id, each.keys)))
    description = "" if each.action else each.description
    wrapped = textwrap.wrap(description, width - _INDENT)
    if each.command_line:
        wrapped += textwrap.wrap(each.command_line, width - _INDENT, break_on_hyphens=False)
    words = f"\n{' ' * _INDENT}".join(wrapped)
    return Content.assemble(
        (f"{keys:{_KEYS}}", "bold $accent"), (f"{each.title:{_INDENT - _KEYS}}", "bold"), (words, "$muted")
    )
