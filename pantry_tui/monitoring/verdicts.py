"""Would this database survive today? One sentence for each."""

from __future__ import annotations

from datetime import datetime

from pantry_tui.models import BackupSummary, CheckStatus, DatabaseHealth
from pantry_tui.monitoring.facts import DatabaseFacts
from pantry_tui.monitoring.usable import usable, whole
from pantry_tui.monitoring.words import span


def verdict_of(facts: DatabaseFacts, status: CheckStatus, now: datetime) -> DatabaseHealth:
    """What there is to say of a database whose checks come to ``status``."""
    good = usable(facts, now)
    newest = good[0] if good else None
    lost = max((now - newest.started_at).total_seconds(), 0.0) if newest is not None else None
    proof = max((each.proven_at for each in facts.backups if each.proven_at is not None), default=None)
    return DatabaseHealth(
        database=facts.name,
        status=status,
        verdict=_verdict(facts, newest, lost, proof),
        tier=facts.objectives.tier,
        rpo_seconds=facts.objectives.rpo_seconds,
        rto_seconds=facts.objectives.rto_seconds,
        at_risk_seconds=lost,
        recovery_seconds=facts.proof_seconds if proof is not None else None,
        last_backup_id=newest.id if newest is not None else None,
        last_backup_at=newest.started_at if newest is not None else None,
        last_proof_at=proof,
        next_run_at=facts.next_run_at,
    )


def _verdict(facts: DatabaseFacts, newest: BackupSummary | None, lost: float | None, proof: datetime | None) -> str:
    if newest is None or lost is None:
        return "No: every backup of it is damaged." if whole(facts) else "No: there is no backup of it."
    if lost > facts.objectives.rpo_seconds:
        allowed = span(facts.objectives.rpo_seconds)
        return f"With losses: the newest good backup is {span(lost)} old, and {allowed} may be lost."
    if proof is None:
        return f"Probably: the newest backup is {span(lost)} old, but no restore was ever rehearsed."
    took = f" in {span(facts.proof_seconds)}" if facts.proof_seconds is not None else ""
    return f"Yes: the newest backup is {span(lost)} old, and its like was restored{took}."
