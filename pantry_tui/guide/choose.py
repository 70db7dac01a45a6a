"""Which backup? The recommended one, with what each would lose; what was not read back lately is read back now."""

from __future__ import annotations

from datetime import timedelta

from pantry_tui.guide.case import Case
from pantry_tui.guide.view import Line, Option, Tone, View
from pantry_tui.guide.words import age, counted, moment, size
from pantry_tui.models import BackupSummary, Incident, Signature

STALE = timedelta(days=1)  # a validation that is older is not relied upon
TRUST, ANOTHER = "trust", "another"
UNSIGNED = "unsigned"  # who is trusted where there is no signature
_MOST = 12


def candidates(case: Case) -> list[BackupSummary]:
    """The backups that could serve, newest first: whole, not known to be damaged, from before the moment that was named."""
    emergency = case.job(case.state.emergency)
    taken = emergency.backup_id if emergency is not None else None
    found = [
        each
        for each in case.backups
        if each.database == case.database and each.is_whole and each.valid is not False and each.id != taken
    ]
    if case.state.before is not None:
        found = [each for each in found if each.started_at < case.state.before]
    return sorted(found, key=lambda each: each.started_at, reverse=True)


def recommended(case: Case) -> BackupSummary | None:
    """The newest that no drill has shown to fail; after tampering, the newest that was proven, where one was."""
    found = [each for each in candidates(case) if each.drilled is not False]
    if case.state.incident is Incident.TAMPERED:
        return next((each for each in found if each.proven_at is not None), found[0] if found else None)
    return found[0] if found else None


def needs_validation(backup: BackupSummary, case: Case) -> bool:
    """Whether it has to be read back before anything is built on it."""
    return backup.valid is None or backup.validated_at is None or case.now - backup.validated_at > STALE


def is_doubtful(case: Case) -> bool:
    """Whether nobody who is trusted has signed the chosen backup."""
    details = case.details
    if details is None or details.summary.id != case.state.backup_id or details.signature is Signature.TRUSTED:
        return False
    return (details.signer or UNSIGNED) not in case.state.trust


def view(case: Case) -> View:
    """The backups, or the reading back of the one that was chosen."""
    if is_doubtful(case):
        return _doubt(case)
    if case.at_work(case.state.validation):
        return View(
            question="Reading the backup back, to be sure",
            lines=(Line("It was not read back within the last day. Every stored byte is looked at now."),),
            job=case.state.validation,
        )
    best, found = recommended(case), candidates(case)
    lines = [*_refused(case), *_nothing(case, found)]
    lines.append(Line("What was written after the moment of a backup is not in it.", Tone.MUTED))
    options = tuple(
        Option(
            key=each.id,
            label=f"{moment(each.started_at)}, {age(each.started_at, case.now)} old",
            detail=_detail(each, case),
            recommended=best is not None and each.id == best.id,
        )
        for each in found[:_MOST]
    )
    return View(
        question="Which backup?",
        lines=tuple(lines),
        options=options,
        asks="only from before (YYYY-MM-DD HH:MM)" if case.state.incident is Incident.TAMPERED else None,
        command=("backup", "list", "-d", case.database),
    )


def _doubt(case: Case) -> View:
    """Whether to believe a backup that a stranger made, or nobody."""
    assert case.details is not None
    signer, wrong = case.details.signer, case.details.signature is Signature.WRONG
    if wrong:
        words = "Its signature does not fit: the manifest or the signature was changed."
    elif signer is None:
        words = "It has no signature: nothing shows who made it, or whether it was changed."
    else:
        words = f"It is signed by {signer}, whom this machine does not know."
    lines = [Line(words, Tone.BAD if wrong else Tone.WARNING)]
    if signer is not None:
        lines.append(Line("Compare that with what `pantry-tui key show` says on the machine that made it."))
    trust = Option(
        key=TRUST,
        label="It is ours: trust it for this recovery",
        detail="Whoever could write it could write anything into the database.",
        refused="a signature that does not fit is never trusted" if wrong else None,
    )
    return View(
        question="Is this backup yours?",
        lines=tuple(lines),
        options=(trust, Option(key=ANOTHER, label="Choose another one", recommended=True)),
    )


def _detail(backup: BackupSummary, case: Case) -> str:
    proof = "never restored" if backup.proven_at is None else f"restored equal {age(backup.proven_at, case.now)} ago"
    valid = "not read back lately" if needs_validation(backup, case) else "read back lately"
    drilled = "; its last drill FAILED" if backup.drilled is False else ""
    lost = f"loses what was written in the last {age(backup.started_at, case.now)}"
    return f"{backup.name}: {counted(backup.rows, 'row')}, {size(backup.bytes)}; {valid}, {proof}{drilled}; {lost}"


def _nothing(case: Case, found: list[BackupSummary]) -> list[Line]:
    if found:
        return []
    every = [each for each in case.backups if each.database == case.database]
    if not every:
        return [Line(f"There is no backup of {case.database} in the configured repositories.", Tone.BAD)]
    return [Line(f"None of the {counted(len(every), 'backup')} of {case.database} would serve here.", Tone.BAD)]


def _refused(case: Case) -> list[Line]:
    """Why the backup that was chosen before cannot be taken."""
    job = case.job(case.state.validation)
    if job is None or not job.state.is_final or case.succeeded(case.state.validation):
        return []
    message = job.failure.message if job.failure is not None else "it could not be read back"
    return [Line(f"{job.backup_id}: {message}", Tone.BAD), Line("Choose another one.", Tone.STRONG)]
