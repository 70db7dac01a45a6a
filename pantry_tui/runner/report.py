"""The report of a recovery or drill in Markdown: what was decided, what was done and when, and with what result.

Names and messages come from databases, files and people: in cells and sentences nothing of them is taken for Markdown, HTML or
control characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from pantry_tui.errors import NotFoundError
from pantry_tui.escaping import escape
from pantry_tui.events import Event, Failed, Finished, Logged, PhaseStarted, Warned
from pantry_tui.models import (
    AssertionOutcome,
    DrillResult,
    Job,
    JobState,
    RestoredTable,
    RestoreResult,
    RestoreValidation,
    RollbackResult,
)

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+.!|~&=-])")
_KINDS = {"restore": "Recovery", "drill": "Restore drill", "rollback": "Rollback"}
_MOST_CHARACTERS = 4096  # of one value


def report(job: Job, events: Sequence[Event]) -> str:
    """The report, ending with a line's end. ``events`` are those of the job's log.

    Raises `NotFoundError` for a job that is no recovery, drill or rollback.
    """
    if job.kind not in _KINDS:
        raise NotFoundError(
            f"job {job.id} is no recovery: {job.title}", remedy="list recoveries with: pantry-tui recovery list"
        )
    parts = [_head(job), _outcome(job), _decisions(job), _phases(job, events), *_figures(job), _course(events)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """``text`` as Markdown shows it letter for letter, in one line."""
    shown = escape(text[:_MOST_CHARACTERS])
    return _SIGNS.sub(r"\\\1", shown) + (" …" if len(text) > _MOST_CHARACTERS else "")


def code(text: str) -> str:
    """``text`` as a piece of code in a line, whatever backticks it has itself."""
    shown = escape(text[:_MOST_CHARACTERS]).replace("|", "¦")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or shown != shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _head(job: Job) -> str:
    return f"# {_KINDS[job.kind]} {plain(job.id)}\n\n{plain(job.title)}"


def _outcome(job: Job) -> str:
    rows = [
        ("outcome", f"**{str(job.state).replace('_', ' ')}**"),
        ("started by", plain(job.started_by)),
        ("began", _moment(job.started_at)),
        ("ended", _moment(job.finished_at)),
        ("took", _took(job.started_at, job.finished_at)),
        ("backup", plain(job.backup_id or "")),
        ("database", plain(job.database or "")),
    ]
    if job.failure is not None:
        rows += [
            ("failed because", plain(job.failure.message)),
            ("exit status", str(job.failure.exit_status)),
            ("what helps", plain(job.failure.remedy or "")),
        ]
        rows += [("in the tool's words", plain(job.failure.detail or ""))]
    return _section("Outcome", _table(("", ""), [row for row in rows if row[1]]))


def _decisions(job: Job) -> str:
    return _section("Decisions", _table(("what", "decided"), [(plain(k), plain(v)) for k, v in job.decisions.items()]))


def _phases(job: Job, events: Sequence[Event]) -> str:
    """When each phase began and how long it took, by the log: so of a recovery that failed, too."""
    begun = [event for event in events if isinstance(event, PhaseStarted)]
    if not begun:
        return ""
    last = [event.at for event in events if isinstance(event, Finished | Failed)]
    ends = [event.at for event in begun[1:]] + [last[-1] if last else (job.finished_at or begun[-1].at)]
    rows = [
        (f"{event.at:%H:%M:%S}", plain(event.title), f"{max(0.0, (end - event.at).total_seconds()):,.2f} s")
        for event, end in zip(begun, ends, strict=True)
    ]
    return _section("Phases", "Times are in UTC.\n\n" + _table(("began", "phase", "took"), rows))


def _figures(job: Job) -> Iterator[str]:
    if job.result is None:
        return
    if job.kind == "restore":
        yield from _of_restore(job, msgspec.convert(job.result, RestoreResult))
    elif job.kind == "drill":
        yield from _of_drill(msgspec.convert(job.result, DrillResult))
    elif job.kind == "rollback":
        yield from _of_rollback(msgspec.convert(job.result, RollbackResult))


def _of_restore(job: Job, result: RestoreResult) -> Iterator[str]:
    dry = ", a dry run: everything was taken back" if result.dry_run else ""
    yield _section("Way", f"{plain(result.way)}, into database {code(result.target)}{dry}")
    yield _section("Tables", _tables(result.tables))
    yield _section("Left out", _list(result.left_out))
    yield _section("Validation", _validation(result.validation))
    yield _section("Assertions", _assertions(result.assertions))
    yield _section("Violations", _list(result.violations))
    yield _section("Warnings", _list(result.warnings))
    if result.checkpoint is not None and job.state is JobState.SUCCEEDED:
        yield _section(
            "The way back",
            f"What undoes it is kept on the server as {code(result.checkpoint)}.\n\n"
            f"* To undo it: `pantry-tui recovery rollback {result.id}`\n"
            f"* To let go of what would: `pantry-tui recovery release {result.id}`",
        )
    else:
        yield _section("The way back", "Nothing is kept that would undo it.")


def _of_drill(result: DrillResult) -> Iterator[str]:
    objective = "none is configured"
    if result.rto_seconds is not None:
        verdict = "met" if result.rto_met else "**not met**"
        objective = f"{result.rto_seconds:,.0f} s, {verdict}"
    rows = [
        ("proven", "yes" if result.ok else "**no**"),
        ("server", plain(f"{result.where}, PostgreSQL {result.server_version or 'not reached'}")),
        ("tables", f"{result.tables:,}"),
        ("rows", f"{result.rows:,}"),
        ("constraints validated", f"{result.constraints_validated:,}"),
        ("sequences compared", f"{result.sequences_compared:,}"),
        ("in all", f"{result.total_seconds:,.2f} s"),
        ("recovery time objective", objective),
        ("recorded beside the backup", "yes" if result.recorded else "no"),
    ]
    yield _section("Proof", _table(("", ""), rows))
    yield _section("Assertions", _assertions(result.assertions))
    yield _section("Warnings", _list(result.warnings))


def _of_rollback(result: RollbackResult) -> Iterator[str]:
    undone = f"Recovery {code(result.undone)} of database {code(result.target)}."
    done = f"{undone} It had been rolled back by {code(result.already)} before." if result.already else undone
    yield _section("What was undone", done)
    yield _section("Tables", _tables(result.tables))
    yield _section("Warnings", _list(result.warnings))


def _tables(tables: Sequence[RestoredTable]) -> str:
    head = ("table", "inserted", "updated", "deleted", "unchanged", "compared by", "difference")
    rows = [
        (
            code(f"{table.schema}.{table.name}") + (" (was not there)" if table.created else ""),
            *(f"{number:,}" for number in (table.inserted, table.updated, table.deleted, table.unchanged)),
            plain(table.verified),
            plain(table.difference or ""),
        )
        for table in tables
    ]
    total = [sum(getattr(table, name) for table in tables) for name in ("inserted", "updated", "deleted", "unchanged")]
    return _table(head, [*rows, ("together", *(f"{number:,}" for number in total), "", "")])


def _validation(validation: RestoreValidation) -> str:
    if not validation.performed:
        return "The result was **not compared** with the backup."
    rows = [
        ("equal to the backup", "yes" if validation.equal else "**no**"),
        ("tables compared", f"{validation.tables_compared:,}"),
        ("constraints validated", f"{validation.constraints_validated:,}"),
        ("constraints not valid, as in the source", f"{validation.constraints_not_valid:,}"),
        ("sequences compared", f"{validation.sequences_compared:,}"),
    ]
    listed = _list(validation.differences)
    return _table(("", ""), rows) + (f"\n\n{listed}" if listed else "")


def _assertions(outcomes: Sequence[AssertionOutcome]) -> str:
    rows = [
        (plain(each.name), "holds" if each.holds else "**fails**", plain(each.returned), f"{each.seconds:,.2f} s")
        for each in outcomes
    ]
    return _table(("assertion", "", "returned", "took"), rows) if rows else ""


def _course(events: Sequence[Event]) -> str:
    """What was said on the way, with its times."""
    said = [
        (f"{event.at:%H:%M:%S}", plain(f"{'warning: ' if isinstance(event, Warned) else ''}{event.message}"))
        for event in events
        if isinstance(event, Logged | Warned)
    ]
    return _section("Log", _table(("time", "what was said"), said)) if said else ""


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}" if content else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines]) if lines else ""


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"* {plain(line)}" for line in lines)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else ""


def _took(began: datetime | None, ended: datetime | None) -> str:
    return f"{(ended - began).total_seconds():,.2f} s" if began is not None and ended is not None else ""
