"""A recovery plan as the command line prints it: for somebody who is frightened, at 03:00, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from pantry_tui.cli.output import (
    Column,
    age,
    count,
    counted,
    duration,
    moment,
    print_line,
    print_table,
    size,
    terminal_columns,
)
from pantry_tui.escaping import escape
from pantry_tui.models import (
    DataLoss,
    Estimate,
    Failure,
    LockHolder,
    PlannedTable,
    RecoveryPlan,
    RecoveryWay,
    Strategy,
)

COLUMNS = 80
_NAME_ROOM = 11
_HOLDERS_SHOWN = 5
_TABLES = (
    Column("TABLE", least=20),
    Column("WHAT"),
    Column("ROWS NOW", right=True),
    Column("IN BACKUP", right=True),
    Column("WRITTEN", right=True, spare=1),
)
_SURE = {"good": "quite sure", "fair": "fairly sure", "rough": "a rough guess"}


def print_plan(plan: RecoveryPlan) -> None:
    """Prints the verdict, then what it means for people, then the tables, and last the commands."""
    _print_verdict(plan)
    print_line()
    for name, text in _fields(plan):
        print_field(name, text)
    print_list("Risks", plan.risks)
    print_list("Mind", plan.warnings)
    _print_tables(plan)
    print_list("Columns that changed since the backup", _drift(plan))
    print_list("What depends on these tables", _dependents(plan))
    print_list("Left out, because it points to tables that do not come", plan.left_out)
    print_line()
    if plan.dry_run_command is None:
        print_line("Nothing has been changed. To do it, which cannot be rehearsed as it is:")
    else:
        print_line("Nothing has been changed. To rehearse it, and then to do it:")
        print_line(f"  {plan.dry_run_command}")
    print_line(f"  {plan.command}")


def _print_verdict(plan: RecoveryPlan) -> None:
    print_line(f"Plan: backup {plan.backup_id} into database {plan.target}, {plan.way}")
    print_refusals(plan.refusals)


def print_refusals(refusals: Sequence[Failure]) -> None:
    """Prints that it can be executed, or every reason why not."""
    if not refusals:
        print_line("It can be executed, as far as can be told beforehand.")
        return
    reasons = counted(len(refusals), "reason")
    print_line(f"It can NOT be executed now, for {reasons}:")
    for number, refusal in enumerate(refusals, 1):
        _print_wrapped(f"{number}. ", refusal.message)
        if refusal.remedy:
            _print_wrapped("   ", refusal.remedy)


def _fields(plan: RecoveryPlan) -> Iterator[tuple[str, str]]:
    yield "way", f"{plan.way}: {plan.why}"
    yield "backup", f"of database {plan.database}, PostgreSQL {plan.backup_version}, {_loss(plan.loss)}"
    yield "server", f"PostgreSQL {plan.server_version}"
    yield "time", _time(plan.estimate)
    if plan.estimate is not None:
        yield "measured by", "; ".join(plan.estimate.rates)
        slowest = sorted(plan.estimate.phases, key=lambda phase: -phase.seconds)[:3]
        if slowest and plan.estimate.source in ("history", "drills"):  # a probe sees some of the phases alone
            yield "mostly", ", ".join(f"{phase.name} {duration(phase.seconds)}" for phase in slowest)
        yield from _objective(plan.estimate)
    if plan.way not in (RecoveryWay.NEW, RecoveryWay.BESIDE):
        yield "lost", _lost(plan)
    free = "" if plan.room.free is None else f", {size(plan.room.free)} free"
    yield "room", f"{size(plan.room.needed)} needed{free} ({plan.room.words})"
    yield "locks", plan.locks.words
    if plan.locks.tables:
        yield "on", _shortened(plan.locks.tables)
    if plan.locks.holders:
        shown = "; ".join(_holder(each) for each in plan.locks.holders[:_HOLDERS_SHOWN])
        more = len(plan.locks.holders) - _HOLDERS_SHOWN
        yield "in use by", shown + (f"; and {more} more" if more > 0 else "")
    yield "assertions", ", ".join(plan.assertions) or "none"


def _loss(loss: DataLoss) -> str:
    return f"of {moment(loss.backup_at)}, {age(loss.backup_at)} old"


def _lost(plan: RecoveryPlan) -> str:
    """What is gone afterwards; of merge and append that is less than what was written since."""
    loss, objective = plan.loss, ""
    if plan.way is RecoveryWay.EMPTY_TABLES or plan.strategy is Strategy.APPEND:
        return "nothing: rows that are there are not touched"
    if plan.strategy is Strategy.MERGE:
        return "changes since the backup to rows that it has; rows that it does not have stay"
    if loss.rpo_seconds is not None:
        verdict = "within" if loss.age_seconds <= loss.rpo_seconds else "MORE THAN"
        objective = f", {verdict} the objective of {duration(loss.rpo_seconds)}"
    written = (
        "" if loss.log_bytes is None else f"; the server wrote {size(loss.log_bytes)} of log since, for all databases"
    )
    told = f"; {'; '.join(loss.words[:3])}" if loss.words else ""
    return f"what was written in the last {age(loss.backup_at)}{objective}{told}{written}"


def _time(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown: nothing was ever measured here"
    spread = f"{duration(estimate.least)} to {duration(estimate.most)}"
    return f"about {duration(estimate.seconds)}, {_SURE.get(estimate.confidence, estimate.confidence)} (from {spread})"


def _objective(estimate: Estimate) -> Iterator[tuple[str, str]]:
    if estimate.rto_seconds is None:
        return
    verdict = {True: "met", False: "NOT met", None: "uncertain"}[estimate.within_rto]
    yield "objective", f"{duration(estimate.rto_seconds)}: {verdict}"


def _holder(holder: LockHolder) -> str:
    who = f"pid {holder.pid} of {holder.role or 'the server'}" + (
        f" ({holder.application})" if holder.application else ""
    )
    what = f", {holder.mode} on {holder.table}" if holder.mode else ""
    since = f", {holder.state or 'at work'} for {duration(holder.seconds)}" if holder.seconds is not None else ""
    return who + what + since


def _print_tables(plan: RecoveryPlan) -> None:
    print_line()
    print_line(f"{counted(len(plan.tables), 'table')}, those that others refer to first:")
    print_table(_TABLES, [_row(table) for table in plan.tables])
    for number, cycle in enumerate(plan.cycles, 1):
        _print_wrapped(f"cycle {number}: ", f"{', '.join(cycle)} refer to each other")


def _row(table: PlannedTable) -> tuple[str, str, str, str, str]:
    now = "-" if table.rows_now is None else f"{'' if table.rows_now_exact else '~'}{count(table.rows_now)}"
    written = "?" if table.written is None and table.rows_now is not None else count(table.written or 0)
    what = "REFUSED" if table.refusal else table.action
    mark = f" (cycle {table.cycle})" if table.cycle is not None else ""
    return table.qualified_name, what + mark, now, count(table.rows_backup), "-" if table.rows_now is None else written


def _drift(plan: RecoveryPlan) -> Iterator[str]:
    for table in plan.tables:
        for each in table.drift:
            types = " to ".join(kind for kind in (each.in_backup, each.in_database) if kind)
            mark = "" if each.handled else "NOT COPED WITH: "
            yield f"{mark}{table.qualified_name}.{each.column}, {each.change} ({types}): {each.words}"


def _dependents(plan: RecoveryPlan) -> Iterator[str]:
    for each in plan.dependents:
        offer = f": {each.offer}" if each.offer else ""
        yield f"{each.kind} {each.name}, on {each.table}{offer}"


def _shortened(names: tuple[str, ...], limit: int = 8) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def print_list(title: str, lines: Iterable[str]) -> None:
    """Prints lines below a title; nothing where there are none."""
    found = list(lines)
    if not found:
        return
    print_line()
    print_line(f"{title}:")
    for line in found:
        _print_wrapped("- ", line)


def print_field(name: str, text: str) -> None:
    """Prints a text behind its name."""
    _print_wrapped(f"{name:<{_NAME_ROOM}} ", text)


def _print_wrapped(first: str, text: str) -> None:
    """One paragraph, its lines under each other."""
    room = min(terminal_columns() or COLUMNS, COLUMNS) - len(first)
    for number, line in enumerate(textwrap.wrap(escape(text), max(room, 20), break_long_words=False) or [""]):
        print_line((first if number == 0 else " " * len(first)) + line)
