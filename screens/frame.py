"""The frame of every screen: line of state, line of keys, and commands from the one table."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from screens.command import Command
from screens.commands import command, commands_of
from screens.known import Known, KnownChanged
from screens.situation import Situation
from screens.widgets.key_line import KeyLine
from screens.widgets.status_line import StatusLine
from screens.widgets.text import visible

if TYPE_CHECKING:
    from screens.application import PantryApp

T = TypeVar("T")

# A terminal clipboard that takes OSC 52 at all usually stops at about this many bytes.
CLIPBOARD_LIMIT = 74_000


class CommandScreen(Screen[T]):
    """A screen that does the commands of its pane: `backup.create` is the method `do_backup_create`."""

    PANE: ClassVar[str]
    AUTO_FOCUS: ClassVar[str | None] = "CalmTable"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (150, "-broad")]  # noqa: RUF012

    @property
    def pantry(self) -> PantryApp:
        """The application, typed."""
        return cast("PantryApp", self.app)

    @property
    def known(self) -> Known:
        """What the application knows now."""
        return self.pantry.known

    def situation(self) -> Situation:
        """What the conditions of commands look at."""
        return Situation(connected=self.known.attached)

    def situation_now(self) -> Situation:
        """The same, with what is so of the whole window."""
        return replace(self.situation(), read_only=self.pantry.read_only)

    def on_mount(self) -> None:
        self.set_class(self.pantry.traits.plain, "-plain")
        self.set_class(self.pantry.traits.few_colours, "-few-colours")

    async def action_command(self, command_id: str) -> None:
        """Does a command, or says why not."""
        await self.perform(command(command_id))

    async def perform(self, chosen: Command) -> None:
        """Does a command, or says why not."""
        reason = chosen.reason_against(self.situation_now())
        if reason is not None:
            self.say(f"{chosen.title}: {reason}", severity="warning")
            return
        result = getattr(self, f"do_{chosen.id.replace('.', '_')}")()
        if inspect.isawaitable(result):
            await result

    def say(self, message: str, *, severity: SeverityLevel = "information", title: str = "") -> None:
        """A short notice; names in it are shown as they are, without markup."""
        self.notify(visible(message), title=visible(title), severity=severity, markup=False, timeout=6)

    def copy(self, text: str) -> None:
        """Sends text to the terminal's clipboard; there is no answer, so no success is claimed."""
        if len(text.encode()) > CLIPBOARD_LIMIT:
            self.say("too long for a terminal's clipboard", severity="warning")
            return
        self.app.copy_to_clipboard(text)
        self.say(text, title="Sent to the terminal's clipboard; not every terminal takes it")

    def do_app_back(self) -> None:
        self.dismiss()

    def do_app_health(self) -> None:
        self.pantry.go("health")

    def do_app_backups(self) -> None:
        self.pantry.go("backups")

    def do_app_jobs(self) -> None:
        self.pantry.go("jobs")

    def do_app_schedules(self) -> None:
        self.pantry.go("schedules")

    def do_app_alerts(self) -> None:
        self.pantry.go("alerts")

    def do_app_help(self) -> None:
        self.pantry.show_help(self)

    def do_app_palette(self) -> None:
        self.pantry.pick_command(self, line=False)

    def do_app_go(self) -> None:
        self.pantry.pick_command(self, line=True)

    def do_app_theme(self) -> None:
        self.pantry.change_theme()

    def do_app_quit(self) -> None:
        self.app.exit(return_code=0)


class FramedScreen(CommandScreen[T]):
    """A full screen with the line of state above and the line of keys below."""

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield from self.body()
        yield KeyLine()

    def body(self) -> Iterable[Widget]:
        """What stands between the two lines."""
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self.draw)

    @on(KnownChanged)
    def _known_changed(self) -> None:
        self.draw()

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        self.draw()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Draws everything from what is known; cheap, and silent on the wire when nothing changed."""
        if not self.is_mounted:
            return
        pantry = self.pantry
        self.query_one(StatusLine).show(
            self.known,
            area=self.pantry.current_mode,
            host=pantry.host,
            glyphs=pantry.glyphs,
            start_key=pantry.key_of("list.refresh"),
            read_only=pantry.read_only,
        )
        self.draw_keys()

    def do_list_refresh(self) -> None:
        if self.known.attached:
            self.pantry.reload()
            return
        self.say(f"starting the runner{self.pantry.glyphs.ellipsis}")
        self.pantry.start_runner()

    def draw_keys(self) -> None:
        """Draws the line of keys."""
        self.query_one(KeyLine).show(commands_of(self.PANE), self.situation_now(), self.pantry.keymap)


class Dialog(CommandScreen[T], ModalScreen[T]):
    """A form or a question before the screen it belongs to; esc leaves it without doing anything."""

    PANE = "dialog"
    AUTO_FOCUS: ClassVar[str | None] = "Input, Button"
