"""A question with two answers; the focus is on the harmless one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from screens.bindings import bindings_of
from screens.command import DIALOG
from screens.frame import Dialog
from screens.widgets.text import content, visible


class Confirm(Dialog[bool]):
    """Dismissed with whether the answer was yes."""

    AUTO_FOCUS: ClassVar[str | None] = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)

    def __init__(self, title: str, question: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._words = (title, question, yes, no)

    def compose(self) -> ComposeResult:
        title, question, yes, no = self._words
        with Vertical(id="dialog"):
            yield Static(content(title), id="dialog-title")
            yield Static("\n".join(visible(line) for line in question.splitlines()), markup=False)
            with Horizontal(id="buttons"):
                yield Button(no, id="cancel", compact=True)
                yield Button(yes, id="go", compact=True, variant="error")

    @on(Button.Pressed, "#cancel")
    def do_app_back(self) -> None:
        self.dismiss(False)

    @on(Button.Pressed, "#go")
    def do_dialog_confirm(self) -> None:
        self.dismiss(True)
