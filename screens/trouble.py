"""One thing that is wrong: what was seen, what is allowed, since when, and what mends it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from pantry_tui.models import Alert, Check
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import DIALOG
from screens.frame import Dialog
from screens.widgets import figures
from screens.widgets.alert_words import severity_words
from screens.widgets.health_words import COLOURS, sign
from screens.widgets.text import visible


class Trouble(Dialog[None]):
    """Explains a check that is not well, or an alert; its command goes to the clipboard by one key."""

    AUTO_FOCUS: ClassVar[str | None] = "#close"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)

    def __init__(self, wrong: Check | Alert) -> None:
        super().__init__()
        self._wrong = wrong

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(visible(self._wrong.subject), id="dialog-title", markup=False)
            with VerticalScroll(id="explanation"):
                yield Static(id="trouble-words", markup=False)
            with Horizontal(id="buttons"):
                yield Static("", classes="hint flush", markup=False)
                if self._wrong.remedy is not None and self._wrong.remedy.command:
                    yield Button("Copy the command", id="copy", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#trouble-words", Static).update(self._words())

    def _words(self) -> Content:
        wrong, glyphs = self._wrong, self.pantry.glyphs
        if isinstance(wrong, Check):
            marked, colour = sign(wrong.status, glyphs), COLOURS[wrong.status]
            since = wrong.since
        else:
            marked, colour = severity_words(wrong, glyphs)
            since = wrong.opened_at
        parts = [(f"{marked}  ", f"bold ${colour}"), (visible(wrong.summary), "bold")]
        if since is not None:
            parts.append((f"\n\nsince {figures.moment(since)}", "$muted"))
        if wrong.remedy is not None:
            parts += [("\n\nWhat to do   ", "$muted"), (visible(wrong.remedy.text), "")]
            if wrong.remedy.command:
                parts += [("\n\n", ""), (command_lines.shown(self._argv()), "bold $accent")]
        return Content.assemble(*parts)

    def _argv(self) -> tuple[str, ...]:
        assert self._wrong.remedy is not None
        return (command_lines.PROGRAM, *self._wrong.remedy.command)

    @on(Button.Pressed, "#copy")
    def _copied(self) -> None:
        self.copy(command_lines.shown(self._argv()))

    @on(Button.Pressed, "#close")
    def do_dialog_confirm(self) -> None:
        self.dismiss()
