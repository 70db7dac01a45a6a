"""The line at the top: where you are, which host, what the runner does, whether the terminal may be closed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from pantry_tui.models import JobState
from screens.known import Known
from screens.widgets.glyphs import Glyphs

AREAS = (
    ("1", "Health", "health"),
    ("2", "Backups", "backups"),
    ("3", "Schedules", "schedules"),
    ("4", "Jobs", "jobs"),
    ("5", "Alerts", "alerts"),
)


_ROOM_FOR_ALL = 90


class StatusLine(Static):
    """One line; sent again only when its text changes."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._shown: tuple[str, ...] = ()

    def show(self, known: Known, *, area: str, host: str, glyphs: Glyphs, start_key: str, read_only: bool) -> None:
        """Draws the line for this state; ``start_key`` starts a runner where none is there."""
        narrow = self.size.width < _ROOM_FOR_ALL
        runner, style, safe = runner_words(known, glyphs, start_key, short=narrow)
        alerts = known.open_alerts
        wanted = (area, host, runner, safe, str(alerts), str(self.size.width))
        if wanted == self._shown:
            return
        self._shown = wanted
        separator = f" {glyphs.dot} "
        right_plain = separator.join((*(["only looks"] if read_only else []), runner, safe)) + " "
        left = _areas(area, alerts, brand=not narrow, titles=True)
        if left.cell_length + len(right_plain) >= self.size.width:
            left = _areas(area, alerts, brand=False, titles=False)
        room = self.size.width - left.cell_length - len(right_plain) - len(separator) - 1
        fitting = next((each for each in (host, host.partition(".")[0]) if len(each) <= room), "")
        shown_host = fitting + separator if fitting and not read_only else ""
        only = "only looks" + separator if read_only else ""
        right = Content.assemble(
            (only, "bold $warning"), (shown_host, "$muted"), (runner, style), (separator + safe + " ", "$muted")
        )
        gap = max(1, self.size.width - left.cell_length - right.cell_length)
        self.update(Content.assemble(left, " " * gap, right))


def _areas(area: str, alerts: int, *, brand: bool, titles: bool) -> Content:
    """The areas with their keys; without ``titles``, only of the one that is shown."""
    parts: list[tuple[str, str]] = [(" Pantry ", "bold $accent")] if brand else []
    for key, title, name in AREAS:
        style = "bold underline" if name == area else "$muted"
        parts += [("  " if brand else " ", ""), (f"{key} {title}" if titles or name == area else key, style)]
        if name == "alerts" and alerts:
            parts.append((f" {alerts}", "bold $error"))
    return Content.assemble(*parts)


def no_runner_words(known: Known) -> str:
    """Why no runner is attached, in two or three words."""
    return "runner stopped" if known.met else "no runner answers"


def runner_words(known: Known, glyphs: Glyphs, start_key: str, *, short: bool = False) -> tuple[str, str, str]:
    """The runner's state, its style, and the answer to "can I close this terminal?"; ``short`` of the state."""
    if not known.attached:
        if known.problem is None:
            return f"{glyphs.waiting} connecting to the runner", "$warning", "nothing runs yet"
        return f"{glyphs.waiting} {no_runner_words(known)}", "$warning", f"press {start_key} to start it"
    closing = ("demo" if short else "closing ends the demo") if known.demo else "safe to close"
    running, queued = known.count(JobState.RUNNING), known.count(JobState.QUEUED)
    if not running and not queued:
        return f"{glyphs.good} {'idle' if short else 'runner idle'}", "$success", closing
    waiting = "" if not queued else f" +{queued}" if short else f", {queued} queued"
    words = f"{glyphs.running} {running} running{waiting}"
    return words, "bold $accent", closing
