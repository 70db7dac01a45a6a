"""The recovery wizard: one question at a time, the recommended answer under the cursor, nothing done unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import on, work
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from pantry_tui.errors import PantryError
from pantry_tui.guide.course import Course
from pantry_tui.guide.view import Line, Option, Tone, View
from pantry_tui.models import Job, WizardStep
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import CHOICE, WIZARD
from screens.confirm import Confirm
from screens.frame import FramedScreen
from screens.known import KnownChanged
from screens.link import as_pantry_error
from screens.widgets import figures
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell, visible

_TITLES = {
    WizardStep.HAPPENED: "What happened",
    WizardStep.ASSESS: "Assess",
    WizardStep.CHOOSE: "Choose the backup",
    WizardStep.SCOPE: "Scope",
    WizardStep.PLAN: "Plan",
    WizardStep.REHEARSE: "Rehearse",
    WizardStep.CONFIRM: "Confirm",
    WizardStep.EXECUTE: "Execute",
    WizardStep.VERIFY: "Verify",
    WizardStep.FINISH: "Finish",
}
_COLOURS = {
    Tone.PLAIN: "",
    Tone.STRONG: "bold",
    Tone.MUTED: "$muted",
    Tone.GOOD: "$success",
    Tone.WARNING: "$warning",
    Tone.BAD: "$error",
}
_BROKEN = (PantryError, OSError, EOFError, msgspec.MsgspecError)
_OPTION = (Column("label", "Answer"),)
_MOST_OPTIONS = 8
_ROOM_FOR_COMMAND = 26  # lines

Deed = Callable[[], Awaitable[object]]


class Items(CalmTable):
    """What can be chosen beside others: space on its line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(CHOICE)


class Moved(Message):
    """The wizard has another state to show, or could not do what was asked."""

    def __init__(self, error: PantryError | None = None) -> None:
        super().__init__()
        self.error = error


class WizardScreen(FramedScreen[None]):
    """The wizard on a screen; everything that it knows and does is the course's."""

    PANE = WIZARD
    AUTO_FOCUS: ClassVar[str | None] = "#options"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(WIZARD)

    def __init__(self, database: str | None = None) -> None:
        super().__init__()
        self._database = database
        self._course: Course | None = None
        self._view: View | None = None
        self._turn = asyncio.Lock()
        self._problem: PantryError | None = None
        self._resumed_words = ""

    def body(self) -> Iterable[Widget]:
        yield Static(id="trail", markup=False)
        yield Static(id="question", markup=False)
        with VerticalScroll(id="lines", can_focus=False):
            yield Static(id="lines-words", markup=False)
        yield Static(id="progress-words", markup=False)
        yield Items((Column("box", "", 3), Column("a", "")), id="items")
        yield Static(id="ask", markup=False)
        yield Input(id="typed", compact=True)
        yield Static(id="problem", markup=False)
        options = CalmTable(_OPTION, id="options")
        options.show_header = False
        yield options
        yield Static(id="detail", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#typed", Input).cursor_blink = False
        self._do(self._begin)

    async def _begin(self) -> None:
        link = self.pantry.link
        self._course = Course(self.pantry.config, lambda: link.client, user=self.pantry.user, now=self.pantry.now)
        if await self._course.begin(database=self._database):
            self._resumed_words = "It goes on where it stood."

    def shows(self, job: Job) -> bool:
        """Whether the job is one of this recovery, and so needs no notice of its own."""
        return self._course is not None and self._course.is_begun and job.id in self._course.state.job_ids()

    # Asking the course; one thing at a time, and never while the screen waits for it

    def _do(self, deed: Deed) -> None:
        self._work(deed)

    @work(group="wizard", exclusive=False, exit_on_error=False)
    async def _work(self, deed: Deed) -> None:
        async with self._turn:
            try:
                await deed()
            except _BROKEN as error:
                self.post_message(Moved(as_pantry_error(error)))
            else:
                self.post_message(Moved())

    def on_moved(self, message: Moved) -> None:
        self._problem = message.error
        if self._course is not None and not self._course.is_begun:
            self.pantry.look_again()
            self.dismiss()
            return
        self._show()

    @on(KnownChanged)
    def _job_changed(self) -> None:
        view, course = self._view, self._course
        job = self.known.jobs.get(view.job) if view is not None and view.job is not None else None
        if course is not None and job is not None and job.state.is_final:
            self._do(course.look)
        else:
            self._draw_progress()

    # Drawing

    def _show(self) -> None:
        if self._course is None or not self._course.is_begun or not self.is_mounted:
            return
        before, self._view = self._view, self._course.view()
        self.draw()
        if before is None or before.question != self._view.question:
            self.query_one("#typed", Input).value = ""
            options = self.query_one("#options", CalmTable)
            options.move_cursor(row=self._view.preselected)
            (self.query_one("#typed", Input) if self._view.typed is not None else options).focus()
        self._draw_detail()

    def draw(self) -> None:
        super().draw()
        view = self._view
        if not self.is_mounted or self._course is None:
            return
        if view is None:
            waiting = "Looking where it stands" if self._problem is None else visible(self._problem.message)
            self.query_one("#question", Static).update(Content.styled(waiting, "bold"))
            return
        self.query_one("#trail", Static).update(self._trail(self._course))
        self.query_one("#question", Static).update(Content.styled(visible(view.question), "bold $accent"))
        self._draw_lines(view)
        self._draw_items(view)
        self._draw_typed(view)
        self._draw_options(view)
        self._draw_progress()

    def _trail(self, course: Course) -> Content:
        place = course.state.step.place
        parts: list[tuple[str, str]] = [(" Recovery", "bold $accent")]
        if course.state.database:
            parts.append((f" of {visible(course.state.database)}", "bold"))
        parts.append(("   ", ""))
        for number, step in enumerate(WizardStep):
            if number == place:
                parts.append((f" {number + 1} {_TITLES[step]} ", "bold reverse"))
            else:
                sign = self.pantry.glyphs.good if number < place else str(number + 1)
                parts.append((f" {sign} ", "$success" if number < place else "$muted"))
        return Content.assemble(*parts)

    def _draw_lines(self, view: View) -> None:
        lines = view.lines
        if self._resumed_words:
            lines = (Line(self._resumed_words, Tone.MUTED), *lines)
        words = Content("\n").join([self._line(line) for line in lines])
        self.query_one("#lines-words", Static).update(words)
        self.query_one("#lines").display = bool(lines)

    def _line(self, line: Line) -> Content:
        glyphs = self.pantry.glyphs
        sign = {Tone.GOOD: glyphs.good, Tone.WARNING: glyphs.warning, Tone.BAD: glyphs.bad}.get(line.tone)
        text = visible(line.text)
        return Content.styled(f"{sign} {text}" if sign else text, _COLOURS[line.tone])

    def _draw_items(self, view: View) -> None:
        table = self.query_one(Items)
        table.display = bool(view.items)
        if not view.items:
            return
        assert self._course is not None
        selectable = self._course.state.step is WizardStep.SCOPE
        names = view.columns or ("",) * len(view.items[0].cells)
        widths = [None, *(12 if selectable else 10 for _ in names[1:-1]), 16 if selectable else 10]
        columns = [Column(f"c{place}", name, widths[place]) for place, name in enumerate(names)]
        table.set_columns(([Column("box", "", 3)] if selectable else []) + columns)
        table.show([self._item(item.key, item.cells, item.chosen, selectable) for item in view.items])

    def _item(self, key: str, cells: tuple[str, ...], chosen: bool, selectable: bool) -> Row:
        glyphs = self.pantry.glyphs
        shown: list[Text] = [cell(glyphs.chosen if chosen else glyphs.not_chosen)] if selectable else []
        shown += [cell(text) for text in cells]
        return Row(key, tuple(shown))

    def _draw_typed(self, view: View) -> None:
        ask, typed = self.query_one("#ask", Static), self.query_one("#typed", Input)
        words = view.asks or ("" if view.typed is None else f"Type {visible(view.typed)}:")
        ask.display = typed.display = bool(words)
        ask.update(Content.styled(visible(words), "$muted"))
        problem = self.query_one("#problem", Static)
        problem.display = self._problem is not None
        if self._problem is not None:
            remedy = f"\n{visible(self._problem.remedy)}" if self._problem.remedy else ""
            problem.update(Content.assemble(("! ", "bold $error"), (visible(self._problem.message), "$error"), remedy))

    def _draw_options(self, view: View) -> None:
        table = self.query_one("#options", CalmTable)
        table.display = bool(view.options)
        table.styles.height = min(len(view.options), _MOST_OPTIONS)
        table.show([Row(option.key, (self._option(option),)) for option in view.options])

    def _option(self, option: Option) -> Text:
        mark = "  (recommended)" if option.recommended else ""
        muted = self.pantry.colour("muted")
        return cell(f"{option.label}{mark}", muted if option.refused is not None else "")

    def _draw_detail(self) -> None:
        option, detail = self._selected_option, self.query_one("#detail", Static)
        words = "" if option is None else option.refused or option.detail
        command = self._command if self.size.height > _ROOM_FOR_COMMAND else ""
        detail.update(Content.assemble((visible(words), "$muted"), (f"\n{command}" if command else "", "$accent")))

    @property
    def _command(self) -> str:
        """What does the same from the command line; empty where nothing does."""
        command = self._view.command if self._view is not None else ()
        return command_lines.shown((command_lines.PROGRAM, *command)) if command else ""

    def _draw_progress(self) -> None:
        words, view = self.query_one("#progress-words", Static), self._view
        job = self.known.jobs.get(view.job) if view is not None and view.job is not None else None
        words.display = job is not None
        if job is None:
            return
        glyphs = self.pantry.glyphs
        bar = figures.bar(job.share, 30, glyphs.bar_done, glyphs.bar_left)
        closing = "the demo ends with this window" if self.known.demo else "you may close this terminal: it goes on"
        words.update(
            Content.assemble(
                (f"{bar} {job.share:.0%}", "$accent"),
                (f"  {figures.time_left(job.seconds_left)}", ""),
                (f"\n{visible(job.phase)}", "$muted"),
                (f"\n{closing}", "bold"),
            )
        )

    # Answering

    @property
    def _selected_option(self) -> Option | None:
        view = self._view
        if view is None:
            return None
        key = self.query_one("#options", CalmTable).selected_key
        return next((option for option in view.options if option.key == key), None)

    @on(CalmTable.RowHighlighted, "#options")
    def _highlighted(self) -> None:
        self._draw_detail()

    @on(CalmTable.RowSelected, "#options")
    @on(Input.Submitted, "#typed")
    def do_wizard_take(self) -> None:
        course, view, option = self._course, self._view, self._selected_option
        if course is None or view is None:
            return
        typed = self.query_one("#typed", Input).value
        if view.asks is not None and self.focused is self.query_one("#typed", Input):
            self._do(lambda: course.narrow(typed))
        elif option is not None:
            self._do(lambda: course.answer(option.key, typed))

    @on(Items.RowSelected, "#items")
    def _toggled(self, event: Items.RowSelected) -> None:
        course, key = self._course, event.row_key.value
        if course is not None and key is not None and course.state.step is WizardStep.SCOPE:
            self._do(lambda: course.toggle(key))

    def do_wizard_back(self) -> None:
        course = self._course
        if course is None or not course.is_begun or course.is_first:
            self.dismiss()
        else:
            self._do(course.back)

    def do_wizard_leave(self) -> None:
        self.pantry.look_again()
        self.dismiss()

    def do_wizard_end(self) -> None:
        course = self._course
        if course is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(course.end)

        question = "What was done stays done, and what undoes it stays on the server. Jobs that are at work go on."
        self.app.push_screen(Confirm("End this wizard?", question, yes="End it", no="Go on"), answered)

    def do_list_refresh(self) -> None:
        super().do_list_refresh()
        if self._course is not None and self._course.is_begun:
            self._do(self._course.look)

    def do_copy_command(self) -> None:
        if self._command:
            self.copy(self._command)
