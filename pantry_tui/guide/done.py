"""Doing it, seeing that it is right, and what follows: keep it or take it back, and what to do in the next hours."""

from __future__ import annotations

from pantry_tui.guide.case import GONE, Case
from pantry_tui.guide.planned import effects, failure_lines
from pantry_tui.guide.view import Line, Option, Tone, View
from pantry_tui.guide.words import counted, span
from pantry_tui.models import Incident, RestoreResult, Strategy

DO, GO_ON, AGAIN = "do", "go on", "again"
KEEP, ROLL_BACK, RELEASE, FULL, END = "keep", "roll back", "release", "full", "end"

_AFTERWARDS: tuple[tuple[str, str], ...] = (
    ("Now", "start the application again, and look whether it works"),
    ("Within 2 hours", "tell people what happened and what was lost; take a new full backup"),
    ("Within 24 hours", "look at the health screen; let go of the way back when nobody needs it"),
    ("Within a week", "write down what happened and why; rehearse this once more"),
)


def view_confirm(case: Case) -> View:
    """The last question: the name of the database is typed, and what will be kept is said."""
    target, plan = case.target, case.plan
    lines = [Line(f"Backup {case.state.backup_id} goes into {target}.", Tone.STRONG)]
    if case.state.tables:
        lines.append(Line(f"Tables ({case.state.strategy}): {', '.join(case.state.tables)}"))
    if plan is not None and plan.estimate is not None:
        lines.append(Line(f"It takes about {span(plan.estimate.seconds)}. You may close this terminal meanwhile."))
    lines.append(Line(_kept(case), Tone.GOOD))
    return View(
        question=f"Type the name of the database, {target}, to do it",
        lines=tuple(lines),
        typed=target,
        options=(Option(key=DO, label="Do it", recommended=True),),
        command=tuple(plan.command.split()[1:]) if plan is not None else (),
    )


def _kept(case: Case) -> str:
    if case.state.target is not None or case.state.incident in GONE:
        return "Nothing that is there is touched, so nothing has to be kept."
    if case.state.tables:
        return "What is changed and removed is kept on the server; one key takes it back, as long as you do not let go of it."
    return (
        f"{case.database} as it is now is kept under another name; one key takes it back, as long as you do not let go."
    )


def view_execute(case: Case) -> View:
    """The work, or why it failed."""
    if case.at_work(case.state.recovery):
        return View(question=f"Recovering {case.target}", job=case.state.recovery)
    lines = [*failure_lines(case.job(case.state.recovery))]
    lines.append(Line("What had been done was taken back, unless the message above says otherwise.", Tone.STRONG))
    return View(
        question="The recovery failed",
        lines=tuple(lines),
        options=(
            Option(key=AGAIN, label="Back to the plan", detail="With what the message says in mind.", recommended=True),
        ),
    )


def view_verify(case: Case) -> View:
    """Each comparison as it came out."""
    result = case.recovery
    if result is None:
        return view_execute(case)
    return View(
        question="Is it right?",
        lines=tuple(_verified(result)),
        columns=("Table", "Came", "Changed", "Went", "Stayed"),
        items=effects(result),
        options=(Option(key=GO_ON, label="Go on", recommended=True),),
    )


def _verified(result: RestoreResult) -> list[Line]:
    checked = result.validation
    if not checked.performed:
        lines = [Line("The result was not compared with the backup.", Tone.WARNING)]
    elif checked.equal and result.strategy is not Strategy.REPLACE:
        tables = counted(len(result.tables), "table")
        lines = [
            Line(f"{tables}: every row of the backup that was to come is there", Tone.GOOD),
            Line(f"{counted(checked.constraints_validated, 'constraint')} checked: valid", Tone.GOOD),
        ]
    elif checked.equal:
        lines = [
            Line(f"{counted(checked.tables_compared or len(result.tables), 'table')} compared: equal", Tone.GOOD),
            Line(f"{counted(checked.constraints_validated, 'constraint')} checked: valid", Tone.GOOD),
            Line(f"{counted(checked.sequences_compared, 'sequence')} compared: equal", Tone.GOOD),
        ]
    else:
        lines = [Line(each, Tone.BAD) for each in checked.differences]
    lines += [
        Line(
            f"{each.name}: {'holds' if each.holds else f'FAILS ({each.returned})'}",
            Tone.GOOD if each.holds else Tone.BAD,
        )
        for each in result.assertions
    ]
    lines += [Line(each, Tone.WARNING) for each in result.warnings]
    lines += [Line(f"left out: {each}", Tone.WARNING) for each in result.left_out]
    return lines


def view_finish(case: Case) -> View:
    """Keep it, take it back, let go of the way back; a new full backup; what to do next."""
    state = case.state
    for job, words in (
        (state.rollback, "Taking the recovery back"),
        (state.release, "Letting go of the way back"),
        (state.fresh, "Taking a new full backup"),
    ):
        if case.at_work(job):
            return View(question=words, job=job, options=(Option(key=END, label="Do not wait for it"),))
    lines = [*_finished(case)]
    lines += [Line(f"{when}: {what}") for when, what in _AFTERWARDS]
    return View(
        question="What now?",
        lines=tuple(lines),
        options=tuple(_finish_options(case)),
        command=("recovery", "show", state.recovery or "", "--report"),
    )


def _finished(case: Case) -> list[Line]:
    state, lines = case.state, []
    took = span((case.now - state.started_at).total_seconds())
    if case.succeeded(state.rollback):
        lines.append(Line("The recovery was taken back: everything is as it was before.", Tone.GOOD))
    elif state.rollback is not None:
        lines += [Line("It could not be taken back.", Tone.BAD), *failure_lines(case.job(state.rollback))]
    else:
        lines.append(Line(f"{case.target} is back, {took} after you began.", Tone.GOOD))
    if case.succeeded(state.release):
        lines.append(Line("The way back is gone.", Tone.MUTED))
    elif state.release is not None:
        lines += failure_lines(case.job(state.release))
    if case.succeeded(state.fresh):
        lines.append(Line("A new full backup was taken.", Tone.GOOD))
    elif state.fresh is not None:
        lines += failure_lines(case.job(state.fresh))
    return lines


def _finish_options(case: Case) -> list[Option]:
    state, result = case.state, case.recovery
    undoable = result is not None and result.checkpoint is not None and not case.succeeded(state.rollback)
    undoable = undoable and not case.succeeded(state.release)
    options = []
    if undoable:
        options.append(
            Option(
                key=KEEP,
                label="Keep it, and the way back for now",
                detail="The way back stays on the server until you let go of it.",
                recommended=True,
            )
        )
    else:
        options.append(Option(key=END, label="Finish", recommended=True))
    if state.fresh is None and state.incident is not Incident.REHEARSAL and state.target is None:
        options.append(
            Option(key=FULL, label="Take a new full backup", detail="The next incremental one builds on it.")
        )
    if undoable:
        options += [
            Option(key=ROLL_BACK, label="Take it back", detail="Everything becomes what it was before the recovery."),
            Option(key=RELEASE, label="Let go of the way back", detail="It frees the room; it cannot be undone then."),
        ]
    return options
