"""What would it do, how long would it take, and what would be lost: the plan, and the rehearsal of it."""

from __future__ import annotations

from pantry_tui.guide.case import Case
from pantry_tui.guide.view import Item, Line, Option, Tone, View
from pantry_tui.guide.words import age, counted, listed, moment, size, span
from pantry_tui.models import DataLoss, Estimate, Job, RecoveryPlan, RecoveryWay, RestoreResult, Strategy

REHEARSE, SKIP, GO_ON, AGAIN = "rehearse", "skip", "go on", "again"

_SURE = {"good": "quite sure", "fair": "fairly sure", "rough": "a rough guess"}


def view_plan(case: Case) -> View:
    """The plan in sentences; where it cannot be executed, every reason why not."""
    if case.at_work(case.state.plan):
        return View(
            question="Finding out what it would do", lines=(Line("Nothing is changed by this."),), job=case.state.plan
        )
    plan = case.plan
    if plan is None:
        return View(
            question="The plan could not be made",
            lines=tuple(_failure(case.job(case.state.plan))),
            options=(Option(key=AGAIN, label="Try again", recommended=True),),
        )
    return View(
        question="This is what it would do",
        lines=(*_verdict(plan), *_facts(plan, case)),
        options=_plan_options(plan),
        command=tuple(plan.command.split()[1:]) if plan.command.startswith("pantry-tui ") else (),
    )


def _plan_options(plan: RecoveryPlan) -> tuple[Option, ...]:
    if not plan.executable:
        return (Option(key=AGAIN, label="Look again", detail="When the reasons are gone.", recommended=True),)
    skip = Option(
        key=SKIP,
        label="Do it without a rehearsal",
        detail="What stands in its way is then found while it is done; it is taken back as a whole then.",
        recommended=plan.dry_run_command is None,
    )
    if plan.dry_run_command is None:
        return (skip,)
    rehearse = Option(
        key=REHEARSE,
        label="Rehearse it",
        detail="It is done for real and taken back: you see how many rows of each table come, change and go.",
        recommended=True,
    )
    return (rehearse, skip)


def _verdict(plan: RecoveryPlan) -> list[Line]:
    if plan.executable:
        return [Line("It can be done, as far as can be told beforehand.", Tone.GOOD)]
    lines = [Line(f"It can not be done now, for {counted(len(plan.refusals), 'reason')}:", Tone.BAD)]
    for refusal in plan.refusals:
        lines.append(Line(refusal.message, Tone.BAD))
        if refusal.remedy:
            lines.append(Line(refusal.remedy))
    return lines


def _facts(plan: RecoveryPlan, case: Case) -> list[Line]:
    lines = [Line(f"{_way(plan)} from the backup of {moment(plan.loss.backup_at)}.", Tone.STRONG)]
    lines += _time(plan.estimate)
    lines += _lost(plan, plan.loss, case)
    free = f" of {size(plan.room.free)} that are free" if plan.room.free is not None else ""
    lines.append(Line(f"It needs {size(plan.room.needed)}{free} on the server's disk."))
    if plan.locks.holders:
        who = listed([f"process {holder.pid} of {holder.role}" for holder in plan.locks.holders], 3)
        lines.append(Line(f"In use now by {who}.", Tone.WARNING))
    lines += [Line(text, Tone.WARNING) for text in (*plan.risks, *plan.warnings)]
    return lines


def _way(plan: RecoveryPlan) -> str:
    tables = counted(len(plan.tables), "table")
    match plan.way:
        case RecoveryWay.NEW:
            return f"A new database {plan.target} with {tables}"
        case RecoveryWay.SIDE_BY_SIDE:
            return f"{plan.target} is restored beside the one that is there and exchanged for it, {tables}"
        case RecoveryWay.IN_PLACE:
            return f"{tables} of {plan.target}, in one transaction ({plan.strategy}),"
        case _:
            return f"{tables} into {plan.target}, {plan.way},"


def _time(estimate: Estimate | None) -> list[Line]:
    if estimate is None:
        return [Line("How long it takes is not known: nothing was ever measured here.", Tone.WARNING)]
    sure = _SURE.get(estimate.confidence, estimate.confidence)
    took = f"About {span(estimate.seconds)}, {sure} ({span(estimate.least)} to {span(estimate.most)})"
    if estimate.rto_seconds is None:
        return [Line(f"{took}.")]
    within = {True: "well within", False: "NOT within", None: "perhaps within"}[estimate.within_rto]
    tone = Tone.BAD if estimate.within_rto is False else Tone.PLAIN
    return [Line(f"{took}: {within} the {span(estimate.rto_seconds)} that are allowed.", tone)]


def _lost(plan: RecoveryPlan, loss: DataLoss, case: Case) -> list[Line]:
    if plan.way in (RecoveryWay.NEW, RecoveryWay.BESIDE):
        return [Line("Nothing that is there is touched.", Tone.GOOD)]
    if plan.strategy is Strategy.APPEND:
        return [Line("Nothing is lost: rows that are there are not touched.", Tone.GOOD)]
    if plan.strategy is Strategy.MERGE:
        return [
            Line(
                "Changes since the backup to rows that it has are lost; rows that it does not have stay.", Tone.WARNING
            )
        ]
    rows = f": about {counted(loss.written_rows, 'row')} in these tables" if loss.written_rows is not None else ""
    return [Line(f"You would lose what was written in the last {age(loss.backup_at, case.now)}{rows}.", Tone.WARNING)]


def view_rehearsal(case: Case) -> View:
    """What the rehearsal did to each table, and took back."""
    if case.at_work(case.state.rehearsal):
        return View(
            question="Rehearsing: everything is done, and taken back",
            job=case.state.rehearsal,
            options=(Option(key=SKIP, label="Do not wait for it", detail="The rehearsal is ended."),),
        )
    result = case.rehearsal
    if result is None or not case.succeeded(case.state.rehearsal):
        return View(
            question="The rehearsal failed: it is good that it was one",
            lines=tuple(_failure(case.job(case.state.rehearsal))),
            options=(Option(key=AGAIN, label="Rehearse again", recommended=True),),
        )
    failed = [*result.violations, *(each.name for each in result.assertions if not each.holds)]
    lines = [Line("Nothing has been changed.", Tone.GOOD), *(Line(each, Tone.BAD) for each in result.violations)]
    lines += [Line(f"assertion fails: {each.name}", Tone.BAD) for each in result.assertions if not each.holds]
    lines += [Line(each, Tone.WARNING) for each in result.warnings]
    refused = "the rehearsal says that it would fail" if failed else None
    go_on = Option(
        key=GO_ON, label="Go on", detail="To the last question before it is done.", recommended=True, refused=refused
    )
    return View(
        question="This is what it would change" if not failed else "It would fail",
        lines=tuple(lines),
        columns=("Table", "Come", "Change", "Go", "Stay"),
        items=effects(result),
        options=(go_on, Option(key=AGAIN, label="Rehearse again")) if failed else (go_on,),
    )


def effects(result: RestoreResult) -> tuple[Item, ...]:
    """What became of the rows of each table; those that nothing happened to stand last."""
    tables = sorted(result.tables, key=lambda each: not (each.inserted or each.updated or each.deleted))
    return tuple(
        Item(
            key=f"{each.schema}.{each.name}",
            cells=(
                f"{each.schema}.{each.name}",
                f"{each.inserted:,}",
                f"{each.updated:,}",
                f"{each.deleted:,}",
                f"{each.unchanged:,}",
            ),
        )
        for each in tables
    )


def _failure(job: Job | None) -> list[Line]:
    if job is None or job.failure is None:
        return [Line("Its job has ended without a result.", Tone.BAD)]
    lines = [Line(job.failure.message, Tone.BAD)]
    return lines + ([Line(job.failure.remedy)] if job.failure.remedy else [])


def failure_lines(job: Job | None) -> tuple[Line, ...]:
    """Why a job failed, and what helps."""
    return tuple(_failure(job))
