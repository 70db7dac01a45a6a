"""The schedules: what is done again and again, when next, and what became of it last."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from pantry_tui.errors import PantryError
from pantry_tui.models import Schedule, ScheduleStatus
from pantry_tui.runner.scheduling.references import referenced
from pantry_tui.timetable import default_schedules, of_words
from screens.bindings import bindings_of
from screens.command import SCHEDULES
from screens.explain import Explain
from screens.list_screen import BROAD, WIDE, Entry, ListScreen
from screens.one_schedule import OneScheduleScreen
from screens.schedule_form import ScheduleForm
from screens.schedule_runs import ScheduleScreen
from screens.widgets import figures
from screens.widgets.schedule_words import last_words, next_words, run_words, schedule_lines, why
from screens.widgets.summary import as_content
from screens.widgets.table import Column
from screens.widgets.text import cell, visible

_NARROW = (
    Column("name", "Name", 14),
    Column("when", "Runs"),
    Column("next", "Next", 14),
    Column("last", "Last", 16),
)
_BROADER = (*_NARROW, Column("kind", "Kind", 11), Column("of", "Of", 16))
_NEXT = 2  # by which they are sorted
_SHOWN_PAST = 5


class SchedulesScreen(OneScheduleScreen, ListScreen):
    """The list of schedules, those that run soonest first."""

    PANE = SCHEDULES
    TITLE_WORDS = "Schedules"
    OPEN = "schedule.open"
    initial_sort = _NEXT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(SCHEDULES)

    def __init__(self) -> None:
        super().__init__()
        self._descending = False

    def columns(self) -> tuple[Column, ...]:
        return _BROADER if WIDE <= self.app.size.width < BROAD else _NARROW  # from there on, the pane says the rest

    @property
    def selected_schedule(self) -> ScheduleStatus | None:
        return self.known.schedule(self.table.selected_key)

    def entries(self) -> list[Entry]:
        return [self._entry(status) for status in self.known.schedules or ()]

    def _entry(self, status: ScheduleStatus) -> Entry:
        schedule, now = status.schedule, self.pantry.now()
        soon = next_words(status, now)
        cells = {
            "name": cell(schedule.name, "bold"),
            "when": cell(status.words),
            "kind": cell(schedule.kind),
            "of": cell(of_words(schedule)),
            "next": self.coloured(soon, "muted") if soon in ("off", "never") else cell(soon),
            "last": self.coloured(*last_words(status, self.pantry.glyphs)),
        }
        keys = [column.key for column in self.columns()]
        order = {"next": status.next_runs[0].timestamp() if status.next_runs else float("inf")}
        searched = " ".join([*(text.plain for text in cells.values()), *schedule.tags, of_words(schedule)])
        return Entry(
            key=schedule.id,
            cells=tuple(cells[key] for key in keys),
            order=tuple(order.get(key, cells[key].plain.casefold()) for key in keys),
            searched=searched.casefold(),
        )

    def headline(self) -> str:
        statuses = self.known.schedules
        if not statuses:
            return ""
        coming = [status for status in statuses if status.next_runs]
        words = figures.plural(len(statuses), "schedule")
        if not coming:
            return f"{words}, none of them runs"
        first = min(coming, key=lambda status: status.next_runs[0])
        return f"{words}, the next is {visible(first.schedule.name)} {next_words(first, self.pantry.now())}"

    def empty_words(self) -> Content:
        if self.known.schedules is None:
            waiting = self.known.attached or self.known.problem is None
            return Content(
                f"Reading the schedules{self.pantry.glyphs.ellipsis}"
                if waiting
                else "The schedules are shown once the runner is connected."
            )
        standard = ", ".join(f"{draft.name}" for draft in default_schedules("UTC"))
        return Content.assemble(
            ("Nothing is done by itself yet.\n\n", "bold"),
            (self.pantry.key_of("schedule.defaults"), "bold $accent"),
            f" adds the standard set: {standard}.\n\n",
            (self.pantry.key_of("schedule.create"), "bold $accent"),
            " adds one of your own, with its next runs shown while you type.",
        )

    def selection_words(self) -> Content:
        status = self.selected_schedule
        if status is None:
            return Content("")
        if status.last_run is not None and (reason := why(status.last_run)):
            return Content.assemble(("! ", "$warning"), visible(reason))
        schedule = status.schedule
        return Content(visible(f"{schedule.kind} of {of_words(schedule)}   {schedule.cron}   {schedule.timezone}"))

    def pane_words(self) -> Content:
        status = self.selected_schedule
        if status is None:
            return Content("")
        lines = schedule_lines(status, self.pantry.config, self.pantry.now())
        glyphs = self.pantry.glyphs
        past = [
            (figures.moment(run.due_at), words, f"${colour}")
            for run in self.known.runs_of(status.schedule.id)[:_SHOWN_PAST]
            for words, colour in [run_words(run, glyphs)]
        ]
        title = Content.assemble((visible(status.schedule.name), "bold $accent"), "\n\n")
        shown = as_content(lines, self.pane_width)
        if not past:
            return Content.assemble(title, shown)
        latest = Content("\n").join(
            [Content.assemble((f"{at}  ", "$muted"), (words, style)) for at, words, style in past]
        )
        return Content.assemble(title, shown, ("\n\nLatest runs\n", "bold"), latest)

    def do_schedule_open(self) -> None:
        if (status := self.selected_schedule) is not None:
            self.app.push_screen(ScheduleScreen(status.schedule.id))

    def do_schedule_create(self) -> None:
        self.app.push_screen(ScheduleForm())

    @work(group="schedule", exclusive=True, exit_on_error=False)
    async def do_schedule_defaults(self) -> None:
        there = {status.schedule.name for status in self.known.schedules or ()}
        missing = [draft for draft in default_schedules(self.pantry.zone) if draft.name not in there]
        for draft in missing:
            if (error := await self._add(draft)) is not None:
                self.app.push_screen(Explain("The schedules were not added", error))
                return
        self.say("added: " + ", ".join(draft.name for draft in missing) if missing else "they are all there already")
        self.pantry.reload()

    async def _add(self, draft: Schedule) -> PantryError | None:
        try:
            complete = referenced(draft, self.pantry.config)
        except PantryError as error:
            return error
        answer = await self.pantry.link.ask(lambda runner: runner.create_schedule(complete))
        return answer if isinstance(answer, PantryError) else None
