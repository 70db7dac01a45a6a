"""Was a restore of the database rehearsed lately, and was it fast enough?"""

from __future__ import annotations

from datetime import datetime

from pantry_tui.config.monitoring import Thresholds
from pantry_tui.models import AlertType, Check, CheckKind, CheckStatus
from pantry_tui.monitoring.checks import CRITICAL, OK, WARNING, check, remedy
from pantry_tui.monitoring.facts import DatabaseFacts
from pantry_tui.monitoring.words import span


def judge_proof(facts: DatabaseFacts, thresholds: Thresholds, now: datetime) -> list[Check]:
    """The last drill failed: critical. None ever, or too long ago: a warning. Slower than the objective: a warning.

    Proofs count wherever they were made: on a host that cannot open its own backups they come with the records of others.
    """
    if not facts.backups:
        return []
    drilled = [(each.drilled_at, each.id, each.drilled) for each in facts.backups if each.drilled_at is not None]
    proofs = [each.proven_at for each in facts.backups if each.proven_at is not None]
    last = max(proofs, default=None)
    if drilled and max(drilled)[2] is False and (last is None or last < max(drilled)[0]):
        failed = _check(facts, CRITICAL, f"the last drill failed, of {max(drilled)[1]}", alert=AlertType.DRILL_FAILED)
        return [failed]
    if last is None:
        return [_check(facts, WARNING, "no restore of it was ever rehearsed")]
    age = max((now - last).total_seconds(), 0.0)
    status = WARNING if age > thresholds.proof_seconds else OK
    took = f", and took {span(facts.proof_seconds)}" if facts.proof_seconds is not None else ""
    said = f"the last rehearsed restore was {span(age)} ago{took}"
    return [_check(facts, status, said, value=age, threshold=thresholds.proof_seconds), *_time(facts)]


def _time(facts: DatabaseFacts) -> list[Check]:
    """How long the last restore took, against the recovery time objective."""
    took, objective = facts.proof_seconds, facts.objectives.rto_seconds
    if took is None:
        return []
    status = WARNING if took > objective else OK
    verdict = "longer than" if status is WARNING else "within"
    said = f"the last restore took {span(took)}, {verdict} the objective of {span(objective)}"
    return [
        check(
            CheckKind.RESTORE_PROOF,
            status,
            said,
            subject=facts.name,
            database=facts.name,
            part="time",
            value=took,
            threshold=objective,
            unit="seconds",
            remedy=remedy(
                "see which phase takes how long; more connections help (--jobs), or give it another objective",
                *("recovery", "plan", "latest", "-d", facts.name),
            ),
            alert=AlertType.OBJECTIVE_UNREACHABLE,
        )
    ]


def _check(
    facts: DatabaseFacts,
    status: CheckStatus,
    summary: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
    alert: AlertType = AlertType.PROOF_TOO_OLD,
) -> Check:
    return check(
        CheckKind.RESTORE_PROOF,
        status,
        summary,
        subject=facts.name,
        database=facts.name,
        value=value,
        threshold=threshold,
        unit="seconds",
        remedy=remedy("rehearse one; on a host that can open the backup", "recovery", "drill", "-d", facts.name),
        alert=alert,
    )
