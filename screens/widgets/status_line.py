"""The line at the top: where you are, which host, what the runner does, whether the terminal may be closed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from pantry_tui.models import JobState
from screens.known import Known
from screens.widgets.glyphs import Glyphs
from screens.widgets.text import shortened

AREAS = (("1", "Backups", "backups"), ("2", "Jobs", "jobs"), ("3", "Schedules", "schedules"))


class StatusLine(Static):
    """One line; sent again only when its text changes."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._shown: tuple[str, ...] = ()

    def show(self, known: Known, *, area: str, host: str, glyphs: Glyphs, start_key: str) -> None:
        """Draws the line for this state; ``start_key`` starts a runner where none is there."""
        runner, style, safe = runner_words(known, glyphs, start_key)
        wanted = (area, host, runner, safe, str(self.size.width))
        if wanted == self._shown:
            return
        self._shown = wanted
        left = Content.assemble((" Pantry ", "bold $accent"), *_areas(area))
        separator = f" {glyphs.dot} "
        right_plain = separator.join((runner, safe)) + " "
        room = self.size.width - left.cell_length - len(right_plain) - len(separator) - 1
        fitting = host if len(host) <= room else shortened(host.partition(".")[0], max(room, 0), "")
        shown_host = fitting + separator if fitting else ""
        right = Content.assemble((shown_host, "$muted"), (runner, style), (separator + safe + " ", "$muted"))
        gap = max(1, self.size.width - left.cell_length - right.cell_length)
        self.update(Content.assemble(left, " " * gap, right))


def _areas(area: str) -> list[tuple[str, str]]:
    parts = []
    for key, title, name in AREAS:
        style = "bold underline" if name == area else "$muted"
        parts += [("  ", ""), (f"{key} {title}", style)]
    return parts


def no_runner_words(known: Known) -> str:
    """Why no runner is attached, in two or three words."""
    return "runner stopped" if known.met else "no runner answers"


def runner_words(known: Known, glyphs: Glyphs, start_key: str) -> tuple[str, str, str]:
    """The runner's state, its style, and the answer to "can I close this terminal?"."""
    if not known.attached:
        if known.problem is None:
            return f"{glyphs.waiting} connecting to the runner", "$warning", "nothing runs yet"
        return f"{glyphs.waiting} {no_runner_words(known)}", "$warning", f"press {start_key} to start it"
    closing = "closing ends the demo" if known.demo else "safe to close"
    running, queued = known.count(JobState.RUNNING), known.count(JobState.QUEUED)
    if not running and not queued:
        return f"{glyphs.good} runner idle", "$success", closing
    words = f"{glyphs.running} {running} running" + (f", {queued} queued" if queued else "")
    return words, "bold $accent", closing
