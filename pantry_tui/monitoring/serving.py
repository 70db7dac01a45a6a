"""Can the database be reached, dumped by the tools at hand, and read whole?"""

from __future__ import annotations

from pantry_tui.models import AlertType, Check, CheckKind, CheckStatus, Finding, FindingStatus
from pantry_tui.monitoring.checks import CRITICAL, OK, UNKNOWN, WARNING, check, remedy
from pantry_tui.monitoring.facts import DatabaseFacts

# What an examination looks at, by the part of the check that tells of it. Other findings are for `doctor`.
PARTS: dict[str, tuple[str, ...]] = {
    "reachable": ("configuration", "reachable", "examination", "pooler"),
    "client_tools": ("client_tools",),
    "privileges": ("privileges", "row_security", "large_objects"),
}
_ALERTS = {
    "reachable": AlertType.SERVER_UNREACHABLE,
    "client_tools": AlertType.CLIENT_TOOLS_UNFIT,
    "privileges": AlertType.PRIVILEGES_LOST,
}
_STATUS = {FindingStatus.OK: OK, FindingStatus.WARNING: WARNING, FindingStatus.PROBLEM: CRITICAL}


def judge_server(facts: DatabaseFacts) -> list[Check]:
    """What would make the next backup fail: critical. A server that did not answer in time is not known to be well.

    ``facts.server`` None: nobody tried. Databases of one server share the cause of not reaching it.
    """
    if facts.server is None:
        return []
    if not facts.server.findings:
        return [_check(facts, "reachable", UNKNOWN, "the server did not answer in time", None)]
    found = {part: _worst(facts.server.findings, names) for part, names in PARTS.items()}
    return [
        _check(facts, part, _STATUS[finding.status], finding.message, finding)
        for part, finding in found.items()
        if finding is not None
    ]


def _worst(findings: tuple[Finding, ...], names: tuple[str, ...]) -> Finding | None:
    ranked = [each for each in findings if each.check in names]
    return max(ranked, key=lambda each: _STATUS[each.status].rank, default=None)


def _check(facts: DatabaseFacts, part: str, status: CheckStatus, summary: str, finding: Finding | None) -> Check:
    mend = finding.remedy if finding is not None and finding.remedy else "see what stands in the way"
    cause = facts.server.cause if facts.server is not None and part == "reachable" else ""
    return check(
        CheckKind.SERVER,
        status,
        summary,
        subject=facts.name,
        database=facts.name,
        part=part,
        remedy=remedy(mend, "doctor", "-d", facts.name),
        alert=_ALERTS[part],
        cause=f"server:{cause}" if cause else "",
    )
