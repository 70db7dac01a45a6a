"""The application: areas as modes, themes, what is known of the runner, and the way to ask it for work."""

from __future__ import annotations

import asyncio
import getpass
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual import events, work
from textual.app import App, ScreenStackError
from textual.binding import BindingType
from textual.screen import Screen
from textual.timer import Timer

from pantry_tui.config.here import local_zone
from pantry_tui.models import BackupDetails, BackupSummary, Job, JobRequest, JobState, MarkRequest, utc_now
from screens.alerts import AlertsScreen
from screens.backups import BackupsScreen
from screens.command import Command
from screens.commands import command
from screens.explain import Explain
from screens.frame import CommandScreen
from screens.health import HealthScreen
from screens.help import Help
from screens.job import JobScreen
from screens.jobs import JobsScreen
from screens.keys_document import key_names
from screens.known import Known, KnownChanged
from screens.link import (
    BackupsAnswered,
    Connect,
    DetailsAnswered,
    HealthAnswered,
    JobHeard,
    JobsHeard,
    RunnerAttached,
    RunnerLink,
    RunnerLost,
    SchedulesHeard,
    Submitted,
    Trouble,
)
from screens.palette import Palette
from screens.schedules import SchedulesScreen
from screens.terminal import TerminalTraits
from screens.themes import DARK, LIGHT, TERMINAL, THEMES
from screens.too_small import MINIMUM_HEIGHT, MINIMUM_WIDTH, TooSmall
from screens.widgets.glyphs import ASCII, UNICODE
from screens.widgets.text import visible
from screens.wizard import WizardScreen

if TYPE_CHECKING:
    from pantry_tui.config import Config

HANGUP_STATUS = 129
_TICK_SECONDS = 30.0
_PROGRESS_SECONDS = 0.5


class PantryApp(App[None]):
    """Backups and jobs on a terminal; everything that works is done by the runner."""

    TITLE = "Pantry"
    CSS_PATH = "../styles/pantry.tcss"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "health": HealthScreen,
        "backups": BackupsScreen,
        "jobs": JobsScreen,
        "schedules": SchedulesScreen,
        "alerts": AlertsScreen,
    }
    DEFAULT_MODE = "health"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(
        self,
        config: Config,
        *,
        connect: Connect,
        attach: Connect | None = None,
        traits: TerminalTraits | None = None,
        now: Callable[[], datetime] = utc_now,
        host: str | None = None,
        demo: bool = False,
        area: str = DEFAULT_MODE,
        read_only: bool = False,
    ) -> None:
        """``connect`` may start a runner; ``attach`` comes back to one that was lost, where that is another way.

        ``area``: which screen it opens on. ``read_only``: nothing is changed from this window.
        """
        self.traits = traits or TerminalTraits()
        super().__init__(ansi_color=True if self.traits.few_colours else None)
        self.config = config
        self.now = now
        self.host = visible(host or socket.gethostname())
        self.glyphs = ASCII if self.traits.plain else UNICODE
        self.user = getpass.getuser()
        self.known = Known(demo=demo)
        self.read_only = read_only
        self.keymap: dict[str, str] = dict(config.keys)
        self.link = RunnerLink(self, config, start=connect, attach=attach or connect)
        self._area = area
        self._wizard_of: str | None = None  # for which database it opens; empty: the one that is asked for
        self._submitted: set[str] = set()
        self._announcing: Timer | None = None
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = (TERMINAL if self.traits.few_colours else DARK).name

    def on_mount(self) -> None:
        self.set_keymap(self.keymap)
        if self._area != self.DEFAULT_MODE:
            self.switch_mode(self._area)
        self._follow()
        self.set_interval(_TICK_SECONDS, self._tick)
        if not self.is_headless:
            # Without this a lost terminal kills the process before anything is put in order.
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, self.hang_up)
            loop.add_signal_handler(signal.SIGTERM, self.exit, None, 143)

    def open_with_wizard(self, database: str | None) -> None:
        """Has the recovery wizard in front as soon as the runner is attached."""
        self._wizard_of = database or ""

    def hang_up(self) -> None:
        """Ends the application because its terminal is gone. Jobs go on in the runner."""
        self.exit(return_code=HANGUP_STATUS)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"muted": "ansi_default", "line": "ansi_default"}

    # What is known

    def learn(self, **changes: object) -> None:
        """Replaces parts of what is known and tells the screen in front."""
        self.known = msgspec.structs.replace(self.known, **changes)
        self.announce()

    def announce(self) -> None:
        """Tells the screen in front that something is known that was not before."""
        if self._announcing is not None:
            self._announcing.stop()
            self._announcing = None
        with suppress(ScreenStackError):  # while the application ends there is none
            self.screen.post_message(KnownChanged())

    def _announce_soon(self) -> None:
        # Progress comes several times a second; on a slow link twice a second is plenty.
        if self._announcing is None:
            self._announcing = self.set_timer(_PROGRESS_SECONDS, self.announce)

    def _tick(self) -> None:
        if self.screen_stack and self.known.attached and not isinstance(self.screen, TooSmall):
            self.reload()
            self.look_again()

    def on_runner_attached(self, message: RunnerAttached) -> None:
        details = {key: each for key, each in self.known.details.items() if isinstance(each, BackupDetails)}
        jobs = {job.id: job for job in message.jobs}
        self.learn(attached=True, met=True, problem=None, jobs=jobs, details=details)
        self.reload()
        self.look_again()
        if self._wizard_of is not None:
            self.push_screen(WizardScreen(self._wizard_of or None))
            self._wizard_of = None

    def on_runner_lost(self, message: RunnerLost) -> None:
        self.learn(attached=False, problem=message.error)

    def on_jobs_heard(self, message: JobsHeard) -> None:
        self.learn(jobs={job.id: job for job in message.jobs})

    def on_job_heard(self, message: JobHeard) -> None:
        job, before = message.job, self.known.jobs.get(message.job.id)
        self.known = msgspec.structs.replace(self.known, jobs={**self.known.jobs, job.id: job})
        if before is not None and before.state is job.state:
            self._announce_soon()
            return
        self.announce()
        if job.state.is_final:
            if job.id in self._submitted and job.kind in ("backup", "import") and job.backup_id:
                self.known = msgspec.structs.replace(self.known, fresh=job.backup_id)
            self.reload()
            self._tell_of_end(job)

    def _tell_of_end(self, job: Job) -> None:
        screen, well = self.screen, job.state is JobState.SUCCEEDED
        if isinstance(screen, WizardScreen) and screen.shows(job):
            return
        if isinstance(screen, CommandScreen) and not (isinstance(screen, JobScreen) and screen.job_id == job.id):
            screen.say(job.title, title=job.state.replace("_", " "), severity="information" if well else "error")

    def on_health_heard(self) -> None:
        self.look_again()

    def on_health_answered(self, message: HealthAnswered) -> None:
        if message.problem is None:
            if message.health is None:
                self.check_health()
            self.learn(
                health=message.health,
                alerts=message.alerts,
                compliance=message.compliance,
                wizard=message.wizard,
                health_problem=None,
            )
        else:
            self.learn(health_problem=message.problem)

    def on_schedules_heard(self, message: SchedulesHeard) -> None:
        self.learn(schedules=tuple(message.schedules), runs=tuple(message.runs))

    def on_backups_answered(self, message: BackupsAnswered) -> None:
        if message.problem is None or message.backups:
            self.learn(backups=message.backups, backups_problem=message.problem)
        else:
            self.learn(backups_problem=message.problem)

    def on_details_answered(self, message: DetailsAnswered) -> None:
        self.learn(details={**self.known.details, message.backup_id: message.answer})

    # Asking the runner

    @work(group="runner", exclusive=True, exit_on_error=False)
    async def _follow(self) -> None:
        await self.link.follow()

    @work(group="reload", exclusive=True, exit_on_error=False)
    async def reload(self) -> None:
        """Reads jobs, schedules and backups again."""
        await self.link.reload()

    @work(group="health", exclusive=True, exit_on_error=False)
    async def look_again(self) -> None:
        """Reads health, alerts and compliance again."""
        await self.link.look_again()

    @work(group="check", exclusive=True, exit_on_error=False)
    async def check_health(self) -> None:
        """Has the runner look at everything now."""
        await self.link.check_health()

    @work(group="start", exclusive=True, exit_on_error=False)
    async def start_runner(self) -> None:
        """Starts a runner where none is there."""
        await self.link.start()

    def want_details(self, backup: BackupSummary) -> None:
        """Reads a backup's details, once; the screens hear of it."""
        if backup.id not in self.known.details and self.known.attached:
            self._read_details(backup)

    @work(group="details", exclusive=True, exit_on_error=False)
    async def _read_details(self, backup: BackupSummary) -> None:
        await self.link.details(backup.id, backup.repository)

    @work(group="submit", exclusive=False, exit_on_error=False)
    async def submit(self, make: Callable[[], JobRequest]) -> None:
        """Hands work to the runner and shows the job; ``make`` may resolve secrets and so runs in a thread."""
        await self.link.submit(make)

    @work(group="mark", exclusive=False, exit_on_error=False)
    async def mark(self, backup: BackupSummary, request: MarkRequest) -> None:
        """Pins a backup, takes the pin out, or labels it."""
        error = await self.link.mark(backup.id, backup.repository, request)
        if error is not None:
            self.post_message(Trouble("marking the backup", error))
        else:
            await self.link.reload()

    @work(group="cancel", exclusive=False, exit_on_error=False)
    async def cancel(self, job: Job) -> None:
        """Asks the runner to stop a job."""
        await self.link.cancel(job.id)

    def on_submitted(self, message: Submitted) -> None:
        job = message.job
        self._submitted.add(job.id)
        self.known = msgspec.structs.replace(self.known, jobs={job.id: job, **self.known.jobs})
        self.push_screen(JobScreen(job.id))

    def on_trouble(self, message: Trouble) -> None:
        self.push_screen(Explain(message.doing, message.error))

    # Moving about

    def go(self, area: str) -> None:
        """Shows an area's list, whatever is open above it."""
        if self.current_mode != area:
            self.switch_mode(area)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def show_help(self, screen: CommandScreen[Any]) -> None:
        """The keys of the pane in focus."""
        self.push_screen(Help(screen.PANE))

    def pick_command(self, screen: CommandScreen[Any], *, line: bool) -> None:
        """The palette, or the line that ``:`` opens; what is picked is done by ``screen``."""

        async def perform(chosen: Command | None) -> None:
            if chosen is not None:
                await screen.perform(chosen)

        self.push_screen(Palette(screen.PANE, screen.situation_now(), line=line), perform)

    @property
    def zone(self) -> str:
        """The name of this machine's time zone."""
        return local_zone(self.config.environment)

    def change_theme(self) -> None:
        """From dark to light and back; the terminal's own colours stay where only they can be shown."""
        if not self.traits.few_colours:
            self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
            self.announce()

    def key_of(self, command_id: str) -> str:
        """The first key of a command, as people read it."""
        return key_names(self.keymap.get(command_id, command(command_id).keys))[0]

    def colour(self, name: str) -> str:
        """A theme colour for Rich text in tables."""
        return self.theme_variables[name].removeprefix("ansi_")

    def on_resize(self, event: events.Resize) -> None:
        small = event.size.width < MINIMUM_WIDTH or event.size.height < MINIMUM_HEIGHT
        if small and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())
        elif not small and isinstance(self.screen, TooSmall):
            self.pop_screen()
