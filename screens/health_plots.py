"""A database's figures over time, beside the health of all: how long backups took, how large they are."""

from __future__ import annotations

from textual.content import Content

from pantry_tui.models import BackupSummary, CheckKind, DatabaseHealth
from screens.known import Known
from screens.widgets import figures
from screens.widgets.glyphs import Glyphs
from screens.widgets.spark import spark
from screens.widgets.text import visible


def plots(database: DatabaseHealth, known: Known, glyphs: Glyphs, width: int) -> Content:
    """The verdict in a sentence, then plots of its full backups from left to right, the newest on the right."""
    taken = [each for each in known.backups or () if each.database == database.database and each.kind == "full"]
    taken.sort(key=lambda each: each.started_at)
    parts: list[Content | tuple[str, str] | str] = [
        (visible(database.database), "bold $accent"),
        (f"   tier {visible(database.tier)}\n\n", "$muted"),
        visible(database.verdict),
    ]
    if len(taken) > 1:
        for title, values, words in _series(taken):
            parts += ["\n\n", _plot(title, values, words, glyphs, width)]
    disk = [check for check in (known.health.checks if known.health else ()) if check.kind is CheckKind.DISK_SPACE]
    if disk:
        parts += [("\n\nDisk\n", "bold"), Content("\n").join([Content(visible(check.summary)) for check in disk])]
    return Content.assemble(*parts)


def _series(taken: list[BackupSummary]) -> list[tuple[str, list[float], str]]:
    durations = [each.duration_seconds for each in taken]
    sizes = [float(each.bytes) for each in taken]
    rows = [float(each.rows) for each in taken]
    return [
        ("Duration", durations, f"{figures.duration(durations[-1])}, at most {figures.duration(max(durations))}"),
        ("Size", sizes, f"{figures.size(int(sizes[-1]))}, at most {figures.size(int(max(sizes)))}"),
        ("Rows", rows, f"{figures.count(int(rows[-1]))}, at most {figures.count(int(max(rows)))}"),
    ]


def _plot(title: str, values: list[float], words: str, glyphs: Glyphs, width: int) -> Content:
    heading = Content.assemble((title, "bold"), (f"   {words}\n", "$muted"))
    return Content.assemble(heading, (spark(values, width, glyphs), "$accent"))
