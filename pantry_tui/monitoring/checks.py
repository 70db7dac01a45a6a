"""Making checks: one id for one cause, whatever the run."""

from __future__ import annotations

from pantry_tui.models import AlertType, Check, CheckKind, CheckStatus, Remedy

OK, UNKNOWN, WARNING, CRITICAL = CheckStatus.OK, CheckStatus.UNKNOWN, CheckStatus.WARNING, CheckStatus.CRITICAL


def check(
    kind: CheckKind,
    status: CheckStatus,
    summary: str,
    *,
    subject: str,
    database: str | None = None,
    part: str = "",
    value: float | None = None,
    threshold: float | None = None,
    unit: str = "",
    remedy: Remedy | None = None,
    alert: AlertType | None = None,
    cause: str = "",
) -> Check:
    """A check of ``subject``, which for a database's own is the database; ``part`` tells several of a kind apart."""
    return Check(
        id=":".join(filter(None, (kind.value, database or subject, part))),
        kind=kind,
        status=status,
        subject=subject,
        database=database,
        summary=summary,
        value=value,
        threshold=threshold,
        unit=unit,
        remedy=remedy if status is not OK else None,
        alert=alert,
        cause=cause,
    )


def remedy(text: str, *command: str, key: str | None = None) -> Remedy:
    """What mends it: a sentence, the arguments of `pantry-tui`, the id of the screens' command."""
    return Remedy(text=text, command=command, key_command=key)
