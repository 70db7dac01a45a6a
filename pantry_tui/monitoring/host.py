"""This host: its catalog and trails, its runner, its clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pantry_tui.models import AlertType, BackupSummary, Check, CheckKind, CheckStatus, Remedy
from pantry_tui.monitoring.checks import CRITICAL, OK, UNKNOWN, WARNING, check, remedy
from pantry_tui.monitoring.facts import HostFacts
from pantry_tui.monitoring.usable import is_future
from pantry_tui.monitoring.words import counted, listed, span

HOST = "host"


def judge_catalog(host: HostFacts) -> list[Check]:
    """The catalog's files, the audit trail, each repository that is used, and the chain of its manifests."""
    checks = [_judged("files", host.catalog_problems, WARNING, "the catalog is intact", AlertType.CATALOG_DAMAGED)]
    if host.trail is not None:
        whole = "the audit trail is whole"
        checks.append(_judged("audit", host.trail.problems, CRITICAL, whole, AlertType.TRAIL_BROKEN))
    names = {each.location: each.name for each in host.repositories}
    for seen in host.repositories:
        if seen.location in host.silent:
            checks.append(_repository(seen.name, UNKNOWN, f"the repository {seen.name} did not answer in time"))
        elif seen.problem is not None:
            checks.append(
                _repository(seen.name, CRITICAL, f"the repository {seen.name} cannot be used: {seen.problem}")
            )
    for chain in host.chains:
        name = names.get(chain.location, chain.location)
        whole = f"every backup of {name} is signed, and none is missing"
        checks.append(_judged(f"chain:{name}", chain.problems, CRITICAL, whole, AlertType.TRAIL_BROKEN))
    return checks


def judge_runner(host: HostFacts) -> list[Check]:
    """A runner works the schedules off, where there are any, and those are told who are to be."""
    checks = []
    if host.runner_stays or host.schedules_enabled:
        status = OK if host.runner_stays else CRITICAL
        said = f"{counted(host.schedules_enabled, 'schedule')} and no runner that works them off"
        start = remedy("start one, or have systemd do it (runner install-unit)", "runner", "start")
        checks.append(
            _host(CheckKind.RUNNER, "alive", status, said, "a runner is at work", start, AlertType.RUNNER_ABSENT)
        )
    status = WARNING if host.untold else OK
    said = f"people could not be told: {listed(host.untold)}"
    mend = remedy("see why, and try it (notify test)", "notify", "list")
    told = "nothing waits to be told"
    checks.append(_host(CheckKind.RUNNER, "messages", status, said, told, mend, AlertType.NOTIFICATION_FAILED))
    return checks


def judge_clock(host: HostFacts, backups: Iterable[BackupSummary], now: datetime) -> list[Check]:
    """The clock did not jump ahead, and no backup is of a time to come."""
    status = CRITICAL if host.jumped_seconds else OK
    said = f"the clock jumped ahead by {span(host.jumped_seconds)}: no backup is deleted by its age"
    mend = remedy("set it right; or see what retention would do, and apply it once", "retention", "preview")
    checks = [_host(CheckKind.CLOCK, "jump", status, said, "the clock did not jump", mend, AlertType.CLOCK_MOVED)]
    future = sorted((each.id for each in backups if is_future(each, now)), reverse=True)
    if future:
        said = f"{counted(len(future), 'backup')} dated in the future: {listed(future)}"
        look = remedy("see which clock was wrong when it was taken", "backup", "show", future[0])
        checks.append(_host(CheckKind.CLOCK, "future", WARNING, said, "", look, AlertType.CLOCK_MOVED))
    return checks


def _judged(part: str, problems: Sequence[str], bad: CheckStatus, whole: str, alert: AlertType) -> Check:
    said = f"{problems[0]}" + (f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else "") if problems else whole
    mend = ("audit", "verify") if part == "audit" else ("catalog", "check")
    return check(
        CheckKind.CATALOG,
        bad if problems else OK,
        said,
        subject=HOST,
        part=part,
        value=float(len(problems)),
        threshold=0.0,
        unit="count",
        remedy=remedy("see everything that is wrong, and find out who changed it", *mend),
        alert=alert,
    )


def _repository(name: str, status: CheckStatus, summary: str) -> Check:
    return check(
        CheckKind.CATALOG,
        status,
        summary,
        subject=name,
        part="repository",
        remedy=remedy("mount its file system, or put the directory back", "catalog", "check"),
        alert=AlertType.REPOSITORY_UNUSABLE,
    )


def _host(
    kind: CheckKind, part: str, status: CheckStatus, bad: str, good: str, mend: Remedy, alert: AlertType
) -> Check:
    said = good if status is OK else bad
    return check(kind, status, said, subject=HOST, part=part, remedy=mend, alert=alert)
