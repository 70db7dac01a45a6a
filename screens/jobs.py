"""The jobs: what runs, what waits, what was."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.content import Content

from pantry_tui.models import Job, JobState
from screens.bindings import bindings_of
from screens.command import JOBS
from screens.explain import failure_words
from screens.job import JobScreen
from screens.list_screen import WIDE, Entry, ListScreen
from screens.one_job import OneJobScreen
from screens.widgets import figures
from screens.widgets.outcome import closing_words, result_words, state_words
from screens.widgets.summary import as_content
from screens.widgets.table import Column
from screens.widgets.text import cell, visible

_COLUMNS = (
    Column("state", "State", 12),
    Column("title", "Job", ends=True),
    Column("when", "Queued", 10),
    Column("progress", "Progress", 17),
)
_ID = Column("id", "Id", 24)


class JobsScreen(OneJobScreen, ListScreen):
    """The jobs of the runner, newest first; those alive stand on top."""

    PANE = JOBS
    TITLE_WORDS = "Jobs"
    OPEN = "job.open"
    initial_sort = 2
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(JOBS)

    @property
    def selected_job(self) -> Job | None:
        return self.known.jobs.get(self.table.selected_key or "")

    def columns(self) -> tuple[Column, ...]:
        return _COLUMNS if self.app.size.width < WIDE else (*_COLUMNS, _ID)

    def entries(self) -> list[Entry]:
        return [self._entry(job) for job in self.known.jobs.values()]

    def _entry(self, job: Job) -> Entry:
        now = self.pantry.now()
        cells = {
            "state": self.coloured(*state_words(job.state, self.pantry.glyphs)),
            "title": cell(job.title, "bold" if not job.state.is_final else ""),
            "when": cell(figures.age(job.queued_at, now)),
            "progress": self._progress(job),
            "id": cell(job.id, self.pantry.colour("muted")),
        }
        keys = [column.key for column in self.columns()]
        order = {"when": (not job.state.is_final, job.queued_at), "progress": _seconds(job) or 0.0}
        return Entry(
            key=job.id,
            cells=tuple(cells[key] for key in keys),
            order=tuple(order.get(key, cells[key].plain.casefold()) for key in keys),
            searched=" ".join(text.plain for text in cells.values()).casefold(),
        )

    def _progress(self, job: Job) -> Text:
        if job.state is not JobState.RUNNING:
            return cell(_took(job))
        left = "" if job.seconds_left is None else f" {figures.duration(job.seconds_left)} left"
        return cell(f"{job.share:.0%}{left}", self.pantry.colour("accent"))

    def headline(self) -> str:
        known = self.known
        running, queued = known.count(JobState.RUNNING), known.count(JobState.QUEUED)
        past = len(known.jobs) - running - queued
        return f"{running} running, {queued} queued, {past} past"

    def empty_words(self) -> Content:
        if not self.known.attached:
            return Content("The jobs are shown once the runner is connected.")
        return Content.assemble(
            ("No job has run yet.\n\n", "bold"),
            ("1", "bold $accent"),
            " goes to the backups, where ",
            ("B", "bold $accent"),
            " takes one.",
        )

    def selection_words(self) -> Content:
        job = self.selected_job
        return Content(closing_words(job, demo=self.known.demo) if job is not None and not job.state.is_final else "")

    def pane_words(self) -> Content:
        job = self.selected_job
        if job is None:
            return Content("")
        words, colour = state_words(job.state, self.pantry.glyphs)
        parts: list[Content | tuple[str, str] | str] = [
            (visible(job.title), "bold $accent"),
            "\n\n",
            as_content(_lines(job, words, colour), self.pane_width),
        ]
        if job.failure is not None:
            parts += ["\n\n", failure_words(job.failure)]
        elif job.state is JobState.SUCCEEDED:
            parts += ["\n\n", result_words(job, self.pantry.glyphs)]
        else:
            parts += ["\n\n", closing_words(job, demo=self.known.demo)]
        return Content.assemble(*parts)

    def do_job_open(self) -> None:
        if (job := self.selected_job) is not None:
            self.app.push_screen(JobScreen(job.id))


def _seconds(job: Job) -> float | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return (job.finished_at - job.started_at).total_seconds()


def _took(job: Job) -> str:
    seconds = _seconds(job)
    return "" if seconds is None else figures.duration(seconds)


def _lines(job: Job, state: str, colour: str) -> list[tuple[str, str, str]]:
    def moment(at: datetime | None) -> str:
        return "" if at is None else figures.moment(at)

    lines = [
        ("state", state, f"${colour}"),
        ("phase", "" if job.state.is_final else visible(job.phase), ""),
        ("done", f"{job.share:.0%}" if job.state is JobState.RUNNING else "", ""),
        ("id", visible(job.id), ""),
        ("database", visible(job.database or ""), ""),
        ("queued", moment(job.queued_at), ""),
        ("started", moment(job.started_at), ""),
        ("finished", moment(job.finished_at), ""),
        ("took", _took(job), ""),
        ("warnings", str(job.warnings) if job.warnings else "", ""),
        ("started by", visible(job.started_by), ""),
    ]
    return [line for line in lines if line[1]]
