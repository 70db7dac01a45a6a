"""What forms have in common: labelled fields, the equivalent command line, a line for what is wrong, two buttons."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Static

from pantry_tui.errors import PantryError
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import DIALOG
from screens.frame import Dialog
from screens.widgets.pick import Words
from screens.widgets.text import visible


class Field(Horizontal):
    """A label and an input on one line."""

    def __init__(
        self,
        label: str,
        value: str = "",
        *,
        id: str,  # noqa: A002
        hint: str = "",
        kind: str = "text",
        close: bool = False,  # to the field above
    ) -> None:
        super().__init__(classes="field close" if close else "field")
        self._label = label
        self._input = Input(visible(value), id=id, placeholder=visible(hint), compact=True)
        self._input.cursor_blink = False
        if kind == "secret":
            self._input.password = True
        if kind == "integer":
            self._input.restrict = r"[0-9]{0,3}"

    def compose(self) -> ComposeResult:
        yield Static(self._label, classes="label", markup=False)
        yield self._input


class Tick(Checkbox):
    """A checkbox that is readable without colour and in ASCII."""

    BUTTON_LEFT = "["
    BUTTON_INNER = "x"
    BUTTON_RIGHT = "]"

    def __init__(self, label: str, value: bool = False, *, id: str) -> None:  # noqa: A002
        super().__init__(Content(label), value, id=id, compact=True)

    @property
    def _button(self) -> Content:
        return Content(f"[{'x' if self.value else ' '}]")


class Form(Dialog[None]):
    """A dialog with fields that does something when it is confirmed."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)
    TITLE_WORDS: ClassVar[str]
    GO: ClassVar[str]  # what the button says
    DANGER: ClassVar[bool] = False  # then the focus starts on Cancel unless there is a field

    @abstractmethod
    def fields(self) -> Iterable[Widget]:
        """The fields, from top to bottom."""

    @abstractmethod
    def problem(self) -> str | PantryError | None:
        """What is wrong with what was typed; None when it can be done."""

    @abstractmethod
    def argv(self) -> Sequence[str]:
        """The equivalent command line."""

    def note(self) -> str:
        """What stands below the command line; empty when there is nothing to say about it."""
        return ""

    @abstractmethod
    def go(self) -> None:
        """Does it."""

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(self.TITLE_WORDS, id="dialog-title", markup=False)
            yield from self.fields()
            yield Static(id="equivalent", markup=False)
            yield Static(id="note", markup=False)
            yield Static(id="problem", markup=False)
            with Horizontal(id="buttons"):
                yield Static("tab moves, esc leaves", classes="hint flush", markup=False)
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self.GO, id="go", compact=True, variant="error" if self.DANGER else "primary")

    def on_mount(self) -> None:
        super().on_mount()
        self.draw_form()

    @on(Input.Changed)
    @on(Checkbox.Changed)
    @on(Words.Changed)
    def draw_form(self) -> None:
        """Draws what depends on the fields."""
        command = Content.assemble(("The same from the command line:\n", "$muted"), command_lines.shown(self.argv()))
        self.query_one("#equivalent", Static).update(command)
        note = self.query_one("#note", Static)
        note.update(self.note())
        note.display = bool(self.note())
        self.query_one("#problem", Static).update("")

    def value(self, field: str) -> str:
        """What stands in an input."""
        return self.query_one(f"#{field}", Input).value.strip()

    def picked(self, field: str) -> str:
        """Which of the words is taken."""
        words = self.query_one(f"#{field}", Words)
        return words.words[words.taken]

    def ticked(self, field: str) -> bool:
        """Whether a box is ticked."""
        return self.query_one(f"#{field}", Tick).value

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss()

    @on(Button.Pressed, "#go")
    @on(Input.Submitted)
    def do_dialog_confirm(self) -> None:
        wrong = self.problem()
        if wrong is not None:
            self.show_problem(wrong)
        else:
            self.go()

    def show_problem(self, problem: str | PantryError) -> None:
        """Says in the form what is wrong, with the remedy where there is one."""
        message = problem if isinstance(problem, str) else problem.message
        parts = [("! ", "bold $error"), (visible(message), "$error")]
        if isinstance(problem, PantryError) and problem.remedy:
            parts.append((f"\n{visible(problem.remedy)}", "$muted"))
        self.query_one("#problem", Static).update(Content.assemble(*parts))
