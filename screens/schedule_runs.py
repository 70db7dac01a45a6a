"""One schedule: what it does, and what became of each of its runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.models import ExpectedRun, ScheduleStatus
from pantry_tui.timetable import in_zone
from screens.bindings import bindings_of
from screens.command import SCHEDULE
from screens.commands import command
from screens.job import JobScreen
from screens.one_schedule import OneScheduleScreen
from screens.situation import Situation
from screens.widgets.schedule_words import run_words, schedule_lines, took, why
from screens.widgets.summary import as_content
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell, visible

_COLUMNS = (
    Column("due", "Due", 21),
    Column("state", "Outcome", 20),
    Column("took", "Took", 12, right=True),
    Column("why", "Why"),
)


class ScheduleScreen(OneScheduleScreen):
    """One schedule with its runs; tab moves between the runs and the facts."""

    PANE = SCHEDULE
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(SCHEDULE)

    def __init__(self, schedule_id: str) -> None:
        super().__init__()
        self._schedule_id = schedule_id

    @property
    def selected_schedule(self) -> ScheduleStatus | None:
        return self.known.schedule(self._schedule_id)

    def body(self) -> Iterable[Widget]:
        yield Static(id="heading", markup=False)
        with Horizontal(id="facts-and-tables"):
            with Vertical(id="tables-side"):
                yield CalmTable(_COLUMNS, id="runs")
            with VerticalScroll(id="facts", can_focus=True):
                yield Static(id="facts-words", markup=False)

    def draw(self) -> None:
        super().draw()
        if not self.is_mounted:
            return
        heading, status = self.query_one("#heading", Static), self.selected_schedule
        if status is None:
            heading.update(Content("This schedule is gone. esc goes back to the list."))
            return
        runs = self.known.runs_of(self._schedule_id)
        state = "" if status.schedule.enabled else "   off"
        heading.update(
            Content.assemble(
                (visible(status.schedule.name), "bold"),
                (state, "$warning"),
                ("   it has not run yet" if not runs else "", "$muted"),
            )
        )
        self.query_one("#runs", CalmTable).show([self._row(run, status.schedule.timezone) for run in runs])
        facts = self.query_one("#facts-words", Static)
        lines = schedule_lines(status, self.pantry.config, self.pantry.now())
        facts.update(as_content(lines, facts.size.width or 74))

    def _row(self, run: ExpectedRun, zone: str) -> Row:
        words, colour = run_words(run, self.pantry.glyphs)
        cells = (
            cell(in_zone(run.due_at, zone)),
            cell(words, self.pantry.colour(colour)),
            cell(took(run), right=True),
            cell(why(run), self.pantry.colour("muted")),
        )
        return Row(run.due_at.isoformat(), cells)

    @property
    def selected_run(self) -> ExpectedRun | None:
        """The run under the cursor."""
        if not self.is_mounted:
            return None
        key = self.query_one("#runs", CalmTable).selected_key
        return next((each for each in self.known.runs_of(self._schedule_id) if each.due_at.isoformat() == key), None)

    def situation(self) -> Situation:
        run = self.selected_run
        job_id = next((each for each in reversed(run.job_ids) if each in self.known.jobs), None) if run else None
        return replace(super().situation(), run=run, job=self.known.jobs[job_id] if job_id is not None else None)

    @on(CalmTable.RowHighlighted)
    def _moved(self) -> None:
        self.draw_keys()

    @on(CalmTable.RowSelected)
    async def _opened(self) -> None:
        await self.perform(command("schedule.job"))

    def do_schedule_job(self) -> None:
        if (job := self.situation().job) is not None:
            self.app.push_screen(JobScreen(job.id))
