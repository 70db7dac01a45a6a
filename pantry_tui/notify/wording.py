"""What is said of a job that is over: what, when, how long, and what to do next.

Names and messages come from databases and servers: control characters in them are shown, not sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pantry_tui.escaping import escape
from pantry_tui.models import Job, JobState, Notice, Outcome

LONGEST_SUBJECT = 180
LONGEST_DIGEST = 60_000  # characters
_LONGEST_LINE = 2000


def notice_of(job: Job, *, host: str) -> Notice:
    """The notice of a job that is over, on the machine ``host``."""
    state = str(job.state).replace("_", " ")
    facts = [
        ("when", _span(job)),
        ("took", _took(job)),
        ("machine", host),
        ("job", job.id),
        ("started by", job.started_by),
        ("database", job.database or ""),
        ("backup", job.backup_id or ""),
        *_figures(job.result or {}),
        ("warnings", f"{job.warnings:,}" if job.warnings else ""),
        ("why", job.failure.message if job.failure is not None else ""),
    ]
    lines = [f"{_line(job.title)}: {state}", ""]
    lines += [f"{name + ':':<12} {_line(value)}" for name, value in facts if value]
    lines += ["", "What to do next:", *(f"  {_line(step)}" for step in _next_steps(job))]
    succeeded = job.state is JobState.SUCCEEDED
    return Notice(
        outcome=Outcome.SUCCEEDED if succeeded else Outcome.FAILED,
        subject=subject(f"{job.title}: {state} ({host})"),
        text="\n".join(lines) + "\n",
    )


def trouble_notice(job: Job, what: str, why: str, *, host: str) -> Notice:
    """The notice of something that went wrong around a job, whose own outcome is another matter."""
    said = subject(f"{what} ({host})")
    lines = [_line(what), "", f"why: {_line(why)}", f"machine: {host}", f"job: {job.id}, {_line(job.title)}", ""]
    lines += ["What to do next:", f"  see what was done: pantry-tui job log {job.id}"]
    return Notice(outcome=Outcome.FAILED, subject=said, text="\n".join(lines) + "\n")


def digest_of(notices: Sequence[Notice]) -> Notice:
    """Several notices, oldest first, as one; a single one as it is."""
    if len(notices) == 1:
        return notices[0]
    counted = Counter(notice.outcome for notice in notices)
    numbers = ", ".join(f"{number:,} {outcome}" for outcome, number in counted.most_common())
    overview = [f"* {notice.subject.removeprefix(_PREFIX)}" for notice in notices]
    text = "\n".join([f"{len(notices):,} messages: {numbers}", "", *overview, ""])
    for number, notice in enumerate(notices):
        if len(text) + len(notice.text) > LONGEST_DIGEST:
            text = text[:LONGEST_DIGEST] + f"\n… and {len(notices) - number:,} more\n"
            break
        text += f"\n{'-' * 60}\n{notice.text}"
    failed = Outcome.FAILED if Outcome.FAILED in counted else Outcome.SUCCEEDED
    return Notice(outcome=failed, subject=subject(f"{len(notices):,} messages: {numbers}"), text=text)


def subject(text: str) -> str:
    """One line that says whose it is."""
    return (_PREFIX + _line(text))[:LONGEST_SUBJECT]


_PREFIX = "[pantry-tui] "


def _next_steps(job: Job) -> list[str]:
    if job.state is JobState.SUCCEEDED:
        return ["prove that it restores: pantry-tui recovery drill" if job.kind == "backup" else "nothing"]
    remedy = [job.failure.remedy] if job.failure is not None and job.failure.remedy else []
    return [
        *remedy,
        f"see what was done: pantry-tui job log {job.id}",
        "look for what else is wrong: pantry-tui doctor",
    ]


def _figures(result: dict[str, Any]) -> list[tuple[str, str]]:
    figures = []
    for name in ("tables", "rows", "bytes"):
        value = result.get(name)
        if isinstance(value, int):
            figures.append((name, f"{value:,}"))
    return figures


def _span(job: Job) -> str:
    return " to ".join(_moment(moment) for moment in (job.started_at or job.queued_at, job.finished_at) if moment)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    seconds = round((job.finished_at - job.started_at).total_seconds(), 1)
    if seconds < 60:
        return f"{seconds:g} s"
    return (
        f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min" if seconds >= 3600 else f"{int(seconds // 60)} min"
    )


def _line(text: str) -> str:
    return escape(text[:_LONGEST_LINE]) + (" …" if len(text) > _LONGEST_LINE else "")
