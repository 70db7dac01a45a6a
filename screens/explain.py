"""An error in full: what happened, what to do next, what the server or tool said."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from pantry_tui.errors import PantryError
from pantry_tui.models import Failure
from screens.bindings import bindings_of
from screens.command import DIALOG
from screens.frame import Dialog
from screens.widgets.text import visible, visible_lines


def failure_words(error: PantryError | Failure) -> Content:
    """Message, remedy and detail."""
    parts = [(visible(error.message), "bold $error")]
    if error.remedy:
        parts += [("\n\nWhat to do   ", "$muted"), (visible(error.remedy), "")]
    if error.detail:
        parts += [("\n\nWord for word\n", "$muted"), ("\n".join(visible_lines(error.detail)), "")]
    return Content.assemble(*parts)


class Explain(Dialog[None]):
    """Shows one error until it is closed."""

    AUTO_FOCUS: ClassVar[str | None] = "#close"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)

    def __init__(self, doing: str, error: PantryError | Failure) -> None:
        super().__init__()
        self._doing = doing
        self._error = error

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(visible(self._doing), id="dialog-title", markup=False)
            with VerticalScroll(id="explanation"):
                yield Static(failure_words(self._error))
            with Horizontal(id="buttons"):
                yield Button("Close", id="close", compact=True)

    @on(Button.Pressed)
    def do_dialog_confirm(self) -> None:
        self.dismiss()
