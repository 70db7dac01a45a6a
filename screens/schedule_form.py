"""The form for a schedule, new or changed: what its expression means is shown while it is typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from pantry_tui.errors import PantryError
from pantry_tui.models import MissedRuns, Schedule, ScheduleKind, SchedulePreview
from pantry_tui.runner.scheduling.references import referenced
from pantry_tui.timetable import in_zone
from screens import command_lines
from screens.form import Field, Form
from screens.schedule_overlap import overlap_words
from screens.widgets.pick import Pick, Words
from screens.widgets.text import visible

KINDS = tuple(kind for kind in ScheduleKind if kind is not ScheduleKind.COPY)

_NEW = Schedule(name="", cron="0 2 * * *")
_SHOWN_RUNS = 3
_ASKED_RUNS = 30  # to see which other schedules run at the same time


class Meant(Message):
    """What the expression means, or what is wrong with it."""

    def __init__(self, cron: str, zone: str, answer: SchedulePreview | PantryError) -> None:
        super().__init__()
        self.cron = cron
        self.zone = zone
        self.answer = answer


class Saved(Message):
    """The runner's answer to a new or changed schedule."""

    def __init__(self, error: PantryError | None) -> None:
        super().__init__()
        self.error = error


class ScheduleForm(Form):
    """Asks what is to be done when; a schedule that is given is changed, else one is added."""

    TITLE_WORDS = "A schedule"
    GO = "Save"

    def __init__(self, schedule: Schedule | None = None) -> None:
        super().__init__()
        self._before = schedule

    def fields(self) -> Iterable[Widget]:
        schedule = self._before or msgspec.structs.replace(_NEW, timezone=self.pantry.zone)
        config = self.pantry.config
        yield Field("Name", schedule.name, id="name", hint="what it and its backups are called")
        yield Field("Runs at", schedule.cron, id="cron", hint="minute hour day month weekday, or @daily", close=True)
        yield Field("Time zone", schedule.timezone, id="zone", hint="such as Europe/Vienna", close=True)
        yield Static(id="meaning", markup=False)
        yield Pick("Does", KINDS, schedule.kind, id="kind")
        names = ", ".join(config.databases)
        hint = f"empty: the default one; * for all{f'; {names}' if names else ''}"
        yield Field("Database", _database_text(schedule), id="database", hint=hint, close=True)
        days = "" if schedule.retention_days is None else str(schedule.retention_days)
        default = f"empty: {config.scheduler.default_retention_days}"
        yield Field("Keep for days", days, id="days", hint=default, kind="integer", close=True)
        yield Pick("If missed", tuple(MissedRuns), schedule.missed, id="missed", close=True)
        told = f"of: {' '.join(config.notifications)}" if config.notifications else "nobody is configured yet"
        yield Field("Tell of failure", " ".join(schedule.on_failure), id="on_failure", hint=told, close=True)
        yield Field("Tell of success", " ".join(schedule.on_success), id="on_success", hint=told, close=True)

    def on_mount(self) -> None:
        super().on_mount()
        self._look_up()

    def draft(self) -> Schedule:
        """The schedule that the fields describe; what they do not show stays as it was."""
        before = self._before or _NEW
        database = self.value("database")
        changes: dict[str, Any] = {
            "name": self.value("name"),
            "cron": self.value("cron"),
            "timezone": self.value("zone"),
            "kind": ScheduleKind(self.picked("kind")),
            "missed": MissedRuns(self.picked("missed")),
            "retention_days": int(self.value("days")) if self.value("days") else None,
            "on_failure": _names(self.value("on_failure")),
            "on_success": _names(self.value("on_success")),
        }
        if database != _database_text(before):
            everything = database.startswith("*")
            changes |= {"database": database.lstrip("* ") or None, "all_databases": everything}
        return msgspec.structs.replace(before, **changes)

    def problem(self) -> str | PantryError | None:
        if not self.value("name"):
            return "give the schedule a name"
        if self.value("days") == "0":
            return "backups are kept for a day at least"
        return None

    def argv(self) -> Sequence[str]:
        draft = self.draft()
        if self._before is None:
            return command_lines.create_schedule(draft)
        return command_lines.edit_schedule(self._before, draft)

    def note(self) -> str:
        if self.value("days") and not ScheduleKind(self.picked("kind")).takes_backup:
            return "A schedule that takes no backup keeps none: the days do not count."
        return ""

    # What the expression means

    @on(Input.Changed, "#cron")
    @on(Input.Changed, "#zone")
    @on(Input.Changed, "#database")
    @on(Words.Changed)
    def _look_up(self) -> None:
        if self.is_mounted:
            self._ask_meaning(self.value("cron"), self.value("zone"))

    @work(group="meaning", exclusive=True, exit_on_error=False)
    async def _ask_meaning(self, cron: str, zone: str) -> None:
        link = self.pantry.link
        answer = await link.ask_attached(lambda runner: runner.preview_schedule(cron, zone or "UTC", count=_ASKED_RUNS))
        self.post_message(Meant(cron, zone, answer))

    def on_meant(self, message: Meant) -> None:
        if (message.cron, message.zone) != (self.value("cron"), self.value("zone")):
            return
        self.query_one("#meaning", Static).update(self._meaning(message.answer))

    def _meaning(self, answer: SchedulePreview | PantryError) -> Content:
        if isinstance(answer, PantryError):
            remedy = f"\n{visible(answer.remedy)}" if answer.remedy else ""
            return Content.assemble(("! ", "bold $error"), (visible(answer.message), "$error"), (remedy, "$muted"))
        runs = ", ".join(in_zone(each, answer.timezone) for each in answer.next_runs[:_SHOWN_RUNS])
        parts: list[tuple[str, str]] = [(visible(answer.words), "bold"), (f"\nnext: {runs}", "$muted")]
        notes = [*answer.notes, *overlap_words(self.draft(), answer.next_runs, self.known.schedules or ())]
        parts += [(f"\n! {visible(note)}", "$warning") for note in notes]
        return Content.assemble(*parts)

    # Saving it

    def go(self) -> None:
        self._save(self.draft())

    @work(group="save", exclusive=True, exit_on_error=False)
    async def _save(self, draft: Schedule) -> None:
        before, config = self._before, self.pantry.config
        try:
            changed = frozenset({"repository"}) if before is None else frozenset[str]()
            if before is None or draft.database != before.database:
                changed |= {"database"}
            draft = referenced(draft, config, changed)
        except PantryError as error:
            self.post_message(Saved(error))
            return
        answer = await self.pantry.link.ask(
            lambda runner: runner.create_schedule(draft) if before is None else runner.edit_schedule(before.id, draft)
        )
        self.post_message(Saved(answer if isinstance(answer, PantryError) else None))

    def on_saved(self, message: Saved) -> None:
        if message.error is not None:
            self.show_problem(message.error)
            return
        self.say(f"{self.value('name')} is saved")
        self.pantry.reload()
        self.dismiss()


def _database_text(schedule: Schedule) -> str:
    """How the form names the database: a star in front stands for all of its server."""
    name = schedule.database or ""
    return f"* {name}".strip() if schedule.all_databases else name


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
