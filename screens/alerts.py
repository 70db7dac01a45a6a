"""The alerts: what is wrong and who takes care of it, and what was wrong."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from pantry_tui.errors import PantryError
from pantry_tui.models import Alert, AlertState
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import ALERTS
from screens.explain import Explain
from screens.link import RunnerCall
from screens.list_screen import BROAD, WIDE, Entry, ListScreen
from screens.situation import Situation
from screens.trouble import Trouble
from screens.widgets import figures
from screens.widgets.alert_words import alert_lines, severity_words, state_words
from screens.widgets.summary import as_content
from screens.widgets.table import Column
from screens.widgets.text import cell, visible

_NARROW = (
    Column("severity", "Severity", 11),
    Column("summary", "What"),
    Column("opened", "Since", 11),
    Column("state", "State", 13),
)
_BROADER = (*_NARROW, Column("database", "Of", 14), Column("by", "By", 18))
_SINCE = 2


class AlertsScreen(ListScreen):
    """The alerts, those that are open on top, the latest first."""

    PANE = ALERTS
    TITLE_WORDS = "Alerts"
    OPEN = "alert.explain"
    initial_sort = _SINCE
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ALERTS)

    def columns(self) -> tuple[Column, ...]:
        return _BROADER if WIDE <= self.app.size.width < BROAD else _NARROW

    @property
    def selected_alert(self) -> Alert | None:
        """The alert under the cursor."""
        key = self.table.selected_key if self.is_mounted else None
        return next((alert for alert in self.known.alerts if alert.id == key), None)

    def situation(self) -> Situation:
        return Situation(connected=self.known.attached, alert=self.selected_alert)

    def entries(self) -> list[Entry]:
        return [self._entry(alert) for alert in self.known.alerts]

    def _entry(self, alert: Alert) -> Entry:
        glyphs = self.pantry.glyphs
        over = alert.state is AlertState.RESOLVED
        words, colour = severity_words(alert, glyphs)
        cells = {
            "severity": self.coloured(words, "muted" if over else colour),
            "summary": cell(alert.summary, self.pantry.colour("muted") if over else ""),
            "opened": cell(figures.age(alert.opened_at, self.pantry.now())),
            "state": self.coloured(*state_words(alert, glyphs)),
            "database": cell(alert.database or alert.subject),
            "by": cell(alert.acknowledged_by or alert.resolved_by),
        }
        keys = [column.key for column in self.columns()]
        order = {"opened": (not over, alert.opened_at), "severity": (not over, alert.severity.rank)}
        return Entry(
            key=alert.id,
            cells=tuple(cells[key] for key in keys),
            order=tuple(order.get(key, cells[key].plain.casefold()) for key in keys),
            searched=" ".join([*(text.plain for text in cells.values()), alert.type]).casefold(),
        )

    def headline(self) -> str:
        alerts = self.known.alerts
        taken = sum(alert.state is AlertState.ACKNOWLEDGED for alert in alerts)
        over = sum(alert.state is AlertState.RESOLVED for alert in alerts)
        return f"{self.known.open_alerts} open, {taken} taken care of, {over} over"

    def empty_words(self) -> Content:
        if not self.known.attached:
            return Content("The alerts are shown once the runner is connected.")
        return Content.assemble(
            ("There is no alert, and there was none for a month.\n\n", "bold"),
            (self.pantry.key_of("app.health"), "bold $accent"),
            " shows what is looked at.",
        )

    def selection_words(self) -> Content:
        alert = self.selected_alert
        return Content("" if alert is None else visible(alert.remedy.text))

    def pane_words(self) -> Content:
        alert = self.selected_alert
        if alert is None:
            return Content("")
        lines = alert_lines(alert, self.known.alerts)
        return Content.assemble((visible(alert.summary), "bold $accent"), "\n\n", as_content(lines, self.pane_width))

    def do_alert_explain(self) -> None:
        if (alert := self.selected_alert) is not None:
            self.app.push_screen(Trouble(alert))

    def do_alert_acknowledge(self) -> None:
        if (alert := self.selected_alert) is not None:
            said = "you take care of it: nobody else is told"
            self._change("Acknowledging the alert", lambda runner: runner.acknowledge_alert(alert.id), said)

    def do_alert_resolve(self) -> None:
        if (alert := self.selected_alert) is not None:
            said = "it is over; the next look opens it again where it is not"
            self._change("Resolving the alert", lambda runner: runner.resolve_alert(alert.id), said)

    @work(group="alert", exclusive=False, exit_on_error=False)
    async def _change(self, doing: str, call: RunnerCall, said: str) -> None:
        answer = await self.pantry.link.ask(call)
        if isinstance(answer, PantryError):
            self.app.push_screen(Explain(doing, answer))
            return
        self.say(said)
        self.pantry.look_again()

    def do_list_refresh(self) -> None:
        super().do_list_refresh()
        if self.known.attached:
            self.pantry.look_again()

    def do_copy_id(self) -> None:
        if (alert := self.selected_alert) is not None:
            self.copy(alert.id)

    def do_copy_command(self) -> None:
        if (alert := self.selected_alert) is not None:
            mends = (command_lines.PROGRAM, *alert.remedy.command) if alert.remedy.command else None
            self.copy(command_lines.shown(mends or (command_lines.PROGRAM, "monitor", "alerts")))
