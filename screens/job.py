"""One job: progress per table while it runs, its log, and what came of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Log, Static

from pantry_tui.events import TableProgress
from pantry_tui.models import BackupDiff, Job, JobState, RestoredTable, RestoreResult
from screens.bindings import bindings_of
from screens.command import JOB
from screens.explain import failure_words
from screens.job_progress import JobProgress
from screens.one_job import OneJobScreen
from screens.widgets import difference, figures
from screens.widgets.outcome import closing_words, compared_words, result_words, state_words
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell, content, visible

_LIVE = (
    Column("table", "Table"),
    Column("rows", "Rows", 12, right=True),
    Column("read", "Read", 9, right=True),
    Column("done", "Done", 20),
)
_RESTORED = (
    Column("table", "Table"),
    Column("rows", "Inserted", 12, right=True),
    Column("compared", "Compared with the backup", 30),
)
# A log of 20 lines a second costs 180 kB/s one by one and 11 kB/s batched.
_DRAW_SECONDS = 1.0
_BAR = 10


class JobScreen(OneJobScreen):
    """Follows one job by its events, from its beginning, also after the connection was lost."""

    PANE = JOB
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(JOB)

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self._progress = JobProgress()
        self._following = False
        self._result_shown = False

    @property
    def selected_job(self) -> Job | None:
        return self.known.jobs.get(self.job_id)

    def body(self) -> Iterable[Widget]:
        with Vertical(id="job"):
            yield Static(id="heading", markup=False)
            yield Static(id="progress", markup=False)
            with VerticalScroll(id="outcome", can_focus=False):
                yield Static(id="outcome-words", markup=False)
            yield CalmTable(_LIVE, id="tables")
            log = Log(id="log", max_lines=2000)
            log.can_focus = False
            yield log
            yield Static(id="closing", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_DRAW_SECONDS, self._draw_progress)

    def draw(self) -> None:
        super().draw()
        if not self.is_mounted:
            return
        self._follow()
        job = self.selected_job
        if job is not None:
            self._draw_job(job)
        self._draw_progress()

    def _follow(self) -> None:
        if self.known.attached and not self._following and self._progress.outcome is None:
            self._following = True
            self._progress = JobProgress()
            self.query_one(Log).clear()
            self._hear(self._progress)

    @work(group="events", exclusive=True, exit_on_error=False)
    async def _hear(self, progress: JobProgress) -> None:
        try:
            async for event in self.pantry.link.job_events(self.job_id):
                progress.hear(event)
        finally:
            self._following = False

    def _draw_job(self, job: Job) -> None:
        glyphs = self.pantry.glyphs
        words, colour = state_words(job.state, glyphs)
        title, taken = visible(job.title), _taken(job)
        fits = len(title) + len(words) + len(taken) + 8 < self.size.width
        heading = Content.assemble(
            (title, "bold"), "   " if fits else "\n", (words, f"bold ${colour}"), (taken, "$muted")
        )
        self.query_one("#heading", Static).update(heading)
        closing = (
            closing_words(job, demo=self.known.demo)
            if self.known.attached
            else f"No runner is attached: {self.pantry.key_of('list.refresh')} starts it and shows what became of the job."
        )
        self.query_one("#closing", Static).update(content(closing))
        self.query_one("#progress").display = not job.state.is_final
        self.query_one("#outcome").display = job.state.is_final
        outcome = self.query_one("#outcome-words", Static)
        if job.failure is not None:
            outcome.update(failure_words(job.failure))
        elif job.state is JobState.SUCCEEDED:
            outcome.update(result_words(job, glyphs))
        else:
            outcome.update("")
        self._draw_result(job)

    def _draw_result(self, job: Job) -> None:
        if job.kind not in ("restore", "diff") or job.result is None or self._result_shown:
            return
        self._result_shown = True
        table = self.query_one(CalmTable)
        if job.kind == "diff":
            found, width = BackupDiff.from_builtins(job.result), self.app.size.width
            table.set_columns(difference.columns_of(found, width))
            table.show(difference.table_rows(found, width, self.pantry.colour, self.pantry.glyphs))
            return
        table.set_columns(_RESTORED)
        table.show([self._restored(each) for each in RestoreResult.from_builtins(job.result).tables])

    def _restored(self, table: RestoredTable) -> Row:
        words, colour = compared_words(table, self.pantry.glyphs)
        name = f"{table.schema}.{table.name}"
        return Row(
            name, (cell(name), cell(figures.count(table.inserted), right=True), cell(words, self.pantry.colour(colour)))
        )

    def _draw_progress(self) -> None:
        progress = self._progress
        if not progress.changed or not self.is_current:
            return
        progress.changed = False
        self.query_one("#progress", Static).update(self._progress_words(progress))
        if not self._result_shown:
            self.query_one(CalmTable).show([self._row(each) for each in progress.tables.values()])
        self.set_class(not self.query_one(CalmTable).row_count, "-no-tables")
        lines = progress.take_lines()
        if lines:
            log = self.query_one(Log)
            log.write_lines(piece for line in lines for piece in _wrapped(*line, log.size.width - 4))

    def _progress_words(self, progress: JobProgress) -> Content:
        glyphs = self.pantry.glyphs
        width = max(20, min(60, self.size.width - 44))
        drawn = figures.bar(progress.share, width, glyphs.bar_done, glyphs.bar_left)
        speed = f"   {figures.rate(progress.bytes_per_second)}" if progress.bytes_per_second else ""
        left = figures.time_left(progress.seconds_left)
        return Content.assemble(
            (visible(progress.phase or "waiting for its turn"), ""),
            "\n",
            (drawn, "$accent"),
            (f" {progress.share:4.0%}", "bold"),
            (f"{speed}   {left}", "$muted"),
        )

    def _row(self, table: TableProgress) -> Row:
        glyphs = self.pantry.glyphs
        if table.done:
            done = cell(f"{glyphs.good} done", self.pantry.colour("success"))
        else:
            done = cell(f"{figures.bar(table.share, _BAR, glyphs.bar_done, glyphs.bar_left)} {table.share:4.0%}")
        return Row(
            table.table,
            (
                cell(table.table),
                cell(figures.count(table.rows), right=True),
                cell(figures.size(table.raw_bytes), right=True),
                done,
            ),
        )


def _taken(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return f"   {figures.duration((job.finished_at - job.started_at).total_seconds())}"


def _wrapped(at: datetime, message: str, width: int) -> list[str]:
    line = f"{at.astimezone():%H:%M:%S}  {visible(message)}"
    return textwrap.wrap(line, max(width, 40), subsequent_indent=" " * 10, break_on_hyphens=False)
