"""How bad is it? What is seen of the database now, in sentences, and whether to keep what is left of it first."""

from __future__ import annotations

from pantry_tui.guide.case import GONE, Case
from pantry_tui.guide.happened import first_aid
from pantry_tui.guide.view import Line, Option, Tone, View
from pantry_tui.models import CheckKind, CheckStatus, Incident

EMERGENCY, GO_ON = "emergency", "go on"

_TONES = {
    CheckStatus.OK: Tone.GOOD,
    CheckStatus.UNKNOWN: Tone.MUTED,
    CheckStatus.WARNING: Tone.WARNING,
    CheckStatus.CRITICAL: Tone.BAD,
}
_SHOWN = (CheckKind.SERVER, CheckKind.RECENT_BACKUP, CheckKind.INTEGRITY, CheckKind.RESTORE_PROOF, CheckKind.DISK_SPACE)


def is_reachable(case: Case) -> bool:
    """Whether the server of the database answered at the last look; where nobody looked, that is hoped for."""
    servers = [check for check in case.checks() if check.kind is CheckKind.SERVER and check.database == case.database]
    return not any(check.status is CheckStatus.CRITICAL for check in servers)


def view(case: Case) -> View:
    """What was found, what to do outside this program, and the emergency backup."""
    incident = case.state.incident or Incident.ROWS
    if case.at_work(case.state.emergency):
        return View(
            question="Keeping the database as it is now",
            lines=(Line("Everything that is lost by the recovery can be looked up in this backup afterwards."),),
            job=case.state.emergency,
            options=(Option(key=GO_ON, label="Do not wait for it", detail="The backup goes on beside the recovery."),),
        )
    lines = [Line(text, Tone.STRONG) for text in first_aid(incident)]
    lines += _found(case)
    lines += _emergency_failed(case)
    return View(
        question="What is left, and what to do first",
        lines=tuple(lines),
        options=_options(case, incident),
        command=("backup", "create", "-n", "emergency", "-d", case.database),
    )


def _found(case: Case) -> list[Line]:
    if case.health is None:
        return [Line("Nobody has looked at the health of this database yet.", Tone.MUTED)]
    found = [check for check in case.checks() if check.kind in _SHOWN]
    return [Line(check.summary, _TONES[check.status]) for check in found]


def _emergency_failed(case: Case) -> list[Line]:
    job = case.job(case.state.emergency)
    if job is None or job.failure is None:
        return []
    return [Line(f"The emergency backup failed: {job.failure.message}", Tone.BAD)]


def _options(case: Case, incident: Incident) -> tuple[Option, ...]:
    pointless = incident in GONE or incident is Incident.REHEARSAL or not is_reachable(case)
    failed = case.job(case.state.emergency) is not None
    go_on = Option(
        key=GO_ON,
        label="Go on without",
        detail="" if pointless else "What was written since the last backup exists nowhere else.",
        recommended=pointless or failed,
    )
    if pointless:
        return (Option(key=GO_ON, label="Go on", recommended=True),)
    emergency = Option(
        key=EMERGENCY,
        label="Take an emergency backup first",
        detail="It keeps the database as it is now, damage and all, and touches nothing.",
        recommended=not failed,
    )
    return (emergency, go_on)
