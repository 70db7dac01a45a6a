"""A job's state and its result, in words."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from pantry_tui.models import (
    AssertionOutcome,
    BackupDiff,
    BackupExport,
    BackupSummary,
    CopyResult,
    DrillResult,
    ForeignPlan,
    ForeignRestoreResult,
    Job,
    JobState,
    RecoveryPlan,
    ReleaseResult,
    RestoredTable,
    RestoreResult,
    RollbackResult,
    ValidationResult,
)
from screens.widgets import figures
from screens.widgets.difference import diff_words
from screens.widgets.glyphs import Glyphs
from screens.widgets.text import visible


def state_words(state: JobState, glyphs: Glyphs) -> tuple[str, str]:
    """The state as sign and word, and the theme colour's name."""
    word = state.value.replace("_", " ")
    match state:
        case JobState.SUCCEEDED:
            return f"{glyphs.good} {word}", "success"
        case JobState.FAILED | JobState.TIMED_OUT:
            return f"{glyphs.bad} {word}", "error"
        case JobState.RUNNING:
            return f"{glyphs.running} {word}", "accent"
        case JobState.QUEUED:
            return f"{glyphs.waiting} {word}", "muted"
        case JobState.CANCELLED | JobState.SKIPPED:
            return f"{glyphs.unknown} {word}", "warning"


def result_words(job: Job, glyphs: Glyphs) -> Content:
    """What a job that succeeded has done."""
    if job.result is None:
        return Content("")
    if job.kind in ("backup", "import"):
        return _backup(BackupSummary.from_builtins(job.result))
    if job.kind == "validate":
        return _validation(ValidationResult.from_builtins(job.result), glyphs)
    if job.kind == "diff":
        return diff_words(BackupDiff.from_builtins(job.result), glyphs)
    if job.kind == "export":
        return _export(BackupExport.from_builtins(job.result))
    if job.kind == "copy":
        return _copy(CopyResult.from_builtins(job.result))
    if job.kind == "rollback":
        return _rollback(RollbackResult.from_builtins(job.result), glyphs)
    if job.kind == "release":
        return _release(ReleaseResult.from_builtins(job.result))
    if job.kind == "foreign_restore":
        return _foreign(ForeignRestoreResult.from_builtins(job.result))
    if job.kind == "foreign_plan":
        return _foreign_plan(ForeignPlan.from_builtins(job.result), glyphs)
    if job.kind == "plan":
        return _plan(RecoveryPlan.from_builtins(job.result), glyphs)
    if job.kind == "drill":
        return _drill(DrillResult.from_builtins(job.result), glyphs)
    return _restore(RestoreResult.from_builtins(job.result), glyphs)


def _copy(result: CopyResult) -> Content:
    if not result.copied:
        return Content(f"{visible(result.destination)}: nothing was missing")
    there = ", ".join(each.backup_id for each in result.copied)
    sent = f"{figures.size(result.sent_bytes)} sent" if result.sent_bytes else "nothing had to be sent"
    return Content(f"{visible(result.destination)}: {visible(there)}; {sent}, and read back")


def _foreign_plan(plan: ForeignPlan, glyphs: Glyphs) -> Content:
    """Whether the dump could be restored, what is known of it, and what is not."""
    verdict = (
        (f"{glyphs.good} can be restored, as far as can be told", "bold $success")
        if plan.executable
        else (f"{glyphs.bad} cannot be restored", "bold $error")
    )
    return Content.assemble(
        verdict,
        *((f"\n{visible(each.message)}", "$error") for each in plan.refusals),
        *((f"\n{visible(each)}", "$warning") for each in plan.warnings),
        *(f"\nknown: {visible(each)}" for each in plan.known),
        *((f"\nnot known: {visible(each)}", "$warning") for each in plan.unknown),
        (f"\n{visible(plan.command)}", "$muted"),
    )


def _plan(plan: RecoveryPlan, glyphs: Glyphs) -> Content:
    """Whether it could be executed, how long it would take, and what may go wrong."""
    verdict = (
        (f"{glyphs.good} can be executed: {plan.way}", "bold $success")
        if plan.executable
        else (f"{glyphs.bad} cannot be executed: {plan.way}", "bold $error")
    )
    time = plan.estimate
    took = "" if time is None else f", {figures.duration(time.least)} to {figures.duration(time.most)}"
    return Content.assemble(
        verdict,
        f"\n{figures.plural(len(plan.tables), 'table')} of {visible(plan.backup_id)} into {visible(plan.target)}{took}",
        *((f"\n{visible(each.message)}", "$error") for each in plan.refusals),
        *((f"\n{visible(each)}", "$warning") for each in (*plan.risks, *plan.warnings)),
        (f"\n{visible(plan.command)}", "$muted"),
    )


def _asserted(outcomes: Sequence[AssertionOutcome], glyphs: Glyphs) -> list[tuple[str, str]]:
    return [
        (
            f"\n{glyphs.good if each.holds else glyphs.bad} {visible(each.name)}: {visible(each.returned)}",
            "$success" if each.holds else "$error",
        )
        for each in outcomes
    ]


def _drill(result: DrillResult, glyphs: Glyphs) -> Content:
    """Of a drill that went well; another is a job that failed."""
    slow = result.rto_met is False
    objective = f", the objective is {figures.duration(result.rto_seconds)}" if result.rto_seconds is not None else ""
    return Content.assemble(
        (f"{glyphs.good} proven: restored and equal", "bold $success"),
        f"\n{figures.plural(result.tables, 'table')}, {figures.plural(result.rows, 'row')}, ",
        (f"in {figures.duration(result.total_seconds)}{objective}", "$warning" if slow else ""),
        *_asserted(result.assertions, glyphs),
        *((f"\n{visible(each)}", "$warning") for each in result.warnings),
    )


def _backup(backup: BackupSummary) -> Content:
    took = figures.duration(backup.duration_seconds)
    return Content.assemble(
        (visible(backup.id), "bold"),
        f"\n{figures.plural(backup.tables, 'table')}, {figures.plural(backup.rows, 'row')}, "
        f"{figures.size(backup.bytes)} stored of {figures.size(backup.raw_bytes)}, in {took}",
        (
            "\nIts stored bytes were read back and hashed. In the list, V validates it and R restores it elsewhere.",
            "$muted",
        ),
    )


def _validation(result: ValidationResult, glyphs: Glyphs) -> Content:
    if result.unread:
        words = f"\n{figures.size(result.bytes_read)} read back. It is encrypted, and no identity was given."
        return Content.assemble((f"{glyphs.unknown} stored bytes intact, contents unread", "bold $warning"), words)
    if not result.valid:
        problems = "\n".join(visible(problem) for problem in result.problems)
        return Content.assemble((f"{glyphs.bad} damaged", "bold $error"), f"\n{problems}")
    read = f"{figures.size(result.bytes_read)} read back, {figures.size(result.raw_bytes)} unpacked"
    counted = f"{figures.plural(result.rows, 'row')} of {figures.plural(result.tables, 'table')} counted"
    return Content.assemble(
        (f"{glyphs.good} valid", "bold $success"),
        f"\n{read}, {counted}, in {figures.duration(result.duration_seconds)}",
    )


def _export(done: BackupExport) -> Content:
    kind = "encrypted" if done.encrypted else "not encrypted"
    remarks = [f"\n{visible(each)}" for each in done.warnings]
    left_out = [f"\nleft out: {visible(each)}" for each in done.left_out]
    return Content.assemble(
        (visible(done.path), "bold"),
        f"\n{figures.plural(done.tables, 'table')}, {figures.plural(done.rows, 'row')} as {done.format}, {kind}: "
        f"{figures.size(done.bytes)}, in {figures.duration(done.duration_seconds)}",
        *((each, "$warning") for each in remarks),
        *((each, "$muted") for each in left_out),
    )


def _restore(result: RestoreResult, glyphs: Glyphs) -> Content:
    validation = result.validation
    if not validation.performed:
        verdict = ("The result was not compared with the backup.", "bold $warning")
    elif validation.equal:
        verdict = (
            f"{glyphs.good} equal: {figures.plural(validation.tables_compared, 'table')} compared",
            "bold $success",
        )
    else:
        verdict = (f"{glyphs.bad} differs from the backup", "bold $error")
    facts = (
        f"{figures.plural(validation.constraints_validated, 'constraint')} validated, "
        f"{figures.plural(validation.sequences_compared, 'sequence')} compared, "
        f"restored in {figures.duration(result.duration_seconds)}, "
        f"compared in {figures.duration(result.verification_seconds)}"
        + (f", analyzed in {figures.duration(result.analyze_seconds)}" if result.analyzed_tables else "")
    )
    differences = [f"\n{visible(each)}" for each in (*validation.differences, *result.warnings)]
    left_out = [f"\nleft out: {visible(each)}" for each in result.left_out]
    return Content.assemble(
        verdict,
        f"\nDatabase {visible(result.target)} {_made(result)}.\n{facts}",
        *_asserted(result.assertions, glyphs),
        *differences,
        *((each, "$muted") for each in left_out),
    )


def _made(result: RestoreResult) -> str:
    """What became of the database."""
    undo = f"; to undo it: pantry-tui recovery rollback {result.id}" if result.checkpoint is not None else ""
    if result.dry_run:
        return "is as it was: this was a dry run, and everything was taken back"
    if result.way == "in place":
        return f"had rows of these tables exchanged ({result.strategy}){undo}"
    if result.way == "side by side":
        return f"was exchanged for the restored one{undo}"
    return "was created" if result.created_database else "was filled"


def _rollback(result: RollbackResult, glyphs: Glyphs) -> Content:
    if result.already is not None:
        return Content(f"Nothing to do: rollback {visible(result.already)} had undone it before.")
    return Content.assemble(
        (f"{glyphs.good} undone: recovery {visible(result.undone)}", "bold $success"),
        f"\nDatabase {visible(result.target)} is what it was before, in {figures.duration(result.duration_seconds)}; "
        f"to undo that: pantry-tui recovery rollback {result.id}",
        *((f"\n{visible(each)}", "$warning") for each in result.warnings),
    )


def _release(result: ReleaseResult) -> Content:
    kept = f"database {visible(result.database)}" if result.database else f"{figures.plural(result.rows, 'kept row')}"
    return Content(f"Recovery {visible(result.released)} cannot be undone any more: {kept} dropped.")


def _foreign(result: ForeignRestoreResult) -> Content:
    made = "created" if result.created_database else "filled"
    rows = sum(table.inserted for table in result.tables)
    return Content.assemble(
        ("Restored, not verified: a dump of others has nothing to compare with.", "bold $warning"),
        f"\nDatabase {visible(result.target)} was {made}.\n{figures.plural(result.statements, 'statement')}, "
        f"{figures.plural(rows, 'row')}, in {figures.duration(result.duration_seconds)}",
        *((f"\n{visible(each)}", "$muted") for each in result.warnings),
    )


_COMPARED = {
    "fingerprint": "equal: content fingerprint",
    "text": "equal: content as text",
    "count": "equal: row count only",
    "unverified": "not compared",
}


def compared_words(table: RestoredTable, glyphs: Glyphs) -> tuple[str, str]:
    """What the comparison of one table found, and the theme colour's name."""
    if table.difference is not None:
        return f"{glyphs.bad} {table.difference}", "error"
    words = _COMPARED.get(table.verified, table.verified)
    known = table.verified in ("fingerprint", "text", "count")
    return (f"{glyphs.good} {words}", "success") if known else (f"{glyphs.unknown} {words}", "muted")


def closing_words(job: Job, *, demo: bool) -> str:
    """The answer to "can I close this terminal?" for one job."""
    if demo:
        return "This is the demo: closing the terminal ends it, with its server and its jobs."
    if job.state.is_final:
        return "This job is over; closing the terminal changes nothing."
    return "You can close this terminal: the job goes on."
