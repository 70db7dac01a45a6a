"""Health at a glance: would the databases survive today, what is wrong, and which key mends it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.errors import PantryError
from pantry_tui.models import Check, DatabaseHealth, JobState
from screens.backups import BackupsScreen
from screens.bindings import bindings_of
from screens.command import HEALTH
from screens.commands import command
from screens.explain import Explain
from screens.frame import FramedScreen
from screens.health_plots import plots
from screens.list_screen import WIDE
from screens.new_backup import NewBackup
from screens.situation import Situation
from screens.trouble import Trouble
from screens.widgets import figures
from screens.widgets.health_words import COLOURS, back_in, loss, overall, sign, since_words, survival, wrong_checks
from screens.widgets.heat_map import heat_map, legend
from screens.widgets.status_line import no_runner_words
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell, visible
from screens.wizard import WizardScreen

_NARROW = (
    Column("database", "Database"),
    Column("survives", "Survives?", 10),
    Column("loss", "Would lose", 12),
    Column("back", "Back in", 9),
    Column("proof", "Proven", 9),
    Column("next", "Next", 9),
)
_BROAD = (
    Column("database", "Database"),
    Column("survives", "Survives today?", 15),
    Column("loss", "Would lose", 12),
    Column("rpo", "Allowed", 8),
    Column("back", "Back in", 9),
    Column("rto", "Allowed", 8),
    Column("last", "Last backup", 12),
    Column("proof", "Proven", 10),
    Column("next", "Next run", 10),
)
_TROUBLE = (Column("status", "What is wrong"),)
_TROUBLE_WIDE = (Column("status", "What is wrong"), Column("since", "", 20))
_ROOM_FOR_ALL = 110
_MOST_DATABASES = 6  # lines of the table, before it scrolls
_MOST_JOBS = 3
_MOST_SCHEDULES = 4


class HealthScreen(FramedScreen[None]):
    """The first screen: quiet when all is well."""

    PANE = HEALTH
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(HEALTH)

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="middle"):
            with Vertical(id="list-side"):
                yield Static(id="heading", markup=False)
                yield CalmTable(_NARROW, id="databases")
                yield CalmTable(_TROUBLE, id="troubles")
                yield Static(id="well", markup=False)
                yield Static(id="at-work", markup=False)
                yield Static(id="compliance", markup=False)
            with VerticalScroll(id="pane", can_focus=False):
                yield Static(id="pane-words", markup=False)

    # What is selected

    @property
    def databases(self) -> CalmTable:
        """The table of the databases."""
        return self.query_one("#databases", CalmTable)

    @property
    def troubles(self) -> CalmTable:
        """The table of what is wrong."""
        return self.query_one("#troubles", CalmTable)

    @property
    def selected_database(self) -> DatabaseHealth | None:
        """The database under the cursor."""
        health = self.known.health
        key = self.databases.selected_key if self.is_mounted else None
        return next((each for each in health.databases if each.database == key), None) if health is not None else None

    @property
    def selected_check(self) -> Check | None:
        """What is wrong under the cursor."""
        key = self.troubles.selected_key if self.is_mounted else None
        return next((check for check in wrong_checks(self.known.health) if check.id == key), None)

    def situation(self) -> Situation:
        return Situation(connected=self.known.attached, check=self.selected_check)

    # Drawing

    @property
    def _room(self) -> int:
        """Characters in a line beside the pane."""
        return self.query_one("#list-side").size.width or self.app.size.width

    def draw(self) -> None:
        super().draw()
        if self.is_mounted:
            self._draw_databases()
            self._draw_troubles()
            self._draw_at_work()
            self._draw_compliance()
            self._draw_plots()

    def _draw_databases(self) -> None:
        health, heading, table = self.known.health, self.query_one("#heading", Static), self.databases
        table.display = health is not None and bool(health.databases)
        if health is None:
            heading.update(self._nothing_yet())
            return
        checked = f"checked {figures.ago(health.at, self.pantry.now())}"
        heading.update(
            Content.assemble(self._under_way(), overall(health, self.pantry.glyphs), (f"   {checked}", "$muted"))
        )
        columns = _NARROW if self._room < _ROOM_FOR_ALL else _BROAD
        table.set_columns(columns)
        table.styles.height = min(len(health.databases), _MOST_DATABASES) + 1
        table.show([self._row(each, columns) for each in health.databases])

    def _under_way(self) -> Content:
        wizard = self.known.wizard
        if wizard is None:
            return Content("")
        key = self.pantry.key_of("recovery.wizard")
        what = f" of {visible(wizard.database)}" if wizard.database else ""
        words = f"A recovery{what} is under way, at the step {wizard.step}: {key} goes on with it."
        return Content.styled(f"{words}\n", "bold $accent")

    def _nothing_yet(self) -> Content:
        known = self.known
        if known.health_problem is not None:
            return Content.assemble(
                ("The health could not be read.\n\n", "bold $error"), visible(known.health_problem.message)
            )
        if not known.attached and known.problem is not None:
            key = self.pantry.key_of("list.refresh")
            words = no_runner_words(known).capitalize()
            return Content.assemble((f"{words}. Press {key} to start it.", "bold $warning"))
        return Content(f"Looking at everything for the first time{self.pantry.glyphs.ellipsis}")

    def _row(self, database: DatabaseHealth, columns: tuple[Column, ...]) -> Row:
        now, muted = self.pantry.now(), self.pantry.colour("muted")
        words, colour = survival(database, self.pantry.glyphs)
        over = database.at_risk_seconds is None or database.at_risk_seconds > database.rpo_seconds
        slow = database.recovery_seconds is not None and database.recovery_seconds > database.rto_seconds
        bad = self.pantry.colour("error")
        coming = database.next_run_at
        cells = {
            "database": cell(database.database, "bold"),
            "survives": cell(words, self.pantry.colour(colour)),
            "loss": cell(loss(database), bad if over else ""),
            "rpo": cell(figures.span(database.rpo_seconds), muted),
            "back": cell(back_in(database), bad if slow else ""),
            "rto": cell(figures.span(database.rto_seconds), muted),
            "last": cell("never" if database.last_backup_at is None else figures.age(database.last_backup_at, now)),
            "proof": cell("never" if database.last_proof_at is None else figures.age(database.last_proof_at, now)),
            "next": cell("none" if coming is None else figures.age(now, max(coming, now))),
        }
        return Row(database.database, tuple(cells[column.key] for column in columns))

    def _draw_troubles(self) -> None:
        checks, table, well = wrong_checks(self.known.health), self.troubles, self.query_one("#well", Static)
        table.display = bool(checks)
        well.display = not checks
        well.update("" if self.known.health is None else self._all_well())
        wide = self._room >= WIDE
        table.set_columns(_TROUBLE_WIDE if wide else _TROUBLE)
        rows = []
        for check in checks:
            words = f"{sign(check.status, self.pantry.glyphs)} {check.summary}"
            cells = [cell(words, self.pantry.colour(COLOURS[check.status]))]
            if wide:
                cells.append(cell(since_words(check, self.pantry.now()), self.pantry.colour("muted")))
            rows.append(Row(check.id, tuple(cells)))
        table.show(rows)

    def _all_well(self) -> Content:
        health = self.known.health
        number = len(health.checks) if health is not None else 0
        return Content.styled(f"Nothing is wrong: {figures.plural(number, 'check')}, all well.", "$muted")

    def _draw_at_work(self) -> None:
        line, glyphs = self.query_one("#at-work", Static), self.pantry.glyphs
        alive = [job for job in self.known.jobs.values() if not job.state.is_final]
        line.display = bool(alive)
        parts = []
        for job in sorted(alive, key=lambda each: each.state is not JobState.RUNNING)[:_MOST_JOBS]:
            if job.state is JobState.RUNNING:
                bar = figures.bar(job.share, 12, glyphs.bar_done, glyphs.bar_left)
                left = "" if job.seconds_left is None else f"  {figures.time_left(job.seconds_left)}"
                parts.append(
                    Content.assemble(
                        (f"{glyphs.running} ", "$accent"),
                        visible(job.title),
                        (f"  {bar} {job.share:.0%}", "$accent"),
                        (left, "$muted"),
                    )
                )
            else:
                parts.append(Content.assemble((f"{glyphs.waiting} {visible(job.title)}  queued", "$muted")))
        line.update(Content("\n").join(parts))

    def _draw_compliance(self) -> None:
        words, days = self.query_one("#compliance", Static), self.known.compliance
        words.display = bool(days)
        if not days:
            return
        width, today = self._room - 4, self.pantry.now().date()
        drawn = heat_map(days, today, width, _MOST_SCHEDULES, self.pantry.glyphs)
        title = Content.assemble(("Schedules, a day each   ", "bold"), legend(self.pantry.glyphs))
        words.update(Content.assemble(title, "\n", drawn))

    def _draw_plots(self) -> None:
        database = self.selected_database
        if database is not None and self.has_class("-broad"):
            width = self.query_one("#pane-words").size.width or 58
            self.query_one("#pane-words", Static).update(plots(database, self.known, self.pantry.glyphs, width))

    # What is done

    @on(CalmTable.RowHighlighted)
    def _moved(self) -> None:
        self._draw_plots()
        self.draw_keys()

    @on(CalmTable.RowSelected)
    async def _opened(self, event: CalmTable.RowSelected) -> None:
        chosen = "health.explain" if event.data_table.id == "troubles" else "health.backups"
        await self.perform(command(chosen))

    def do_health_explain(self) -> None:
        if (check := self.selected_check) is not None:
            self.app.push_screen(Trouble(check))

    def do_recovery_wizard(self) -> None:
        database = self.selected_database
        self.app.push_screen(WizardScreen(database.database if database is not None else None))

    def do_health_backups(self) -> None:
        database = self.selected_database
        self.pantry.go("backups")
        screen = self.app.screen
        if database is not None and isinstance(screen, BackupsScreen):
            screen.show_only(database.database)

    def do_backup_create(self) -> None:
        database = self.selected_database
        self.app.push_screen(NewBackup(database.database if database is not None else None))

    def do_list_refresh(self) -> None:
        super().do_list_refresh()
        if self.known.attached:
            self._check()

    @work(group="health", exclusive=True, exit_on_error=False)
    async def _check(self) -> None:
        answer = await self.pantry.link.ask(lambda runner: runner.check_health())
        if isinstance(answer, PantryError):
            self.app.push_screen(Explain("The health was not checked", answer))
        else:
            self.pantry.learn(health=answer, health_problem=None)
