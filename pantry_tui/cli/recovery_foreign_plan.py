"""`pantry-tui recovery plan` of a dump that somebody brought: what is known of it, and what is not."""

from __future__ import annotations

import argparse

import msgspec

from pantry_tui.cli.output import Column, count, counted, print_document, print_line, print_table, size
from pantry_tui.cli.recovery_choice import said_again
from pantry_tui.cli.recovery_plan_view import print_field, print_list, print_refusals
from pantry_tui.cli.session import run_job
from pantry_tui.config import Config
from pantry_tui.models import ForeignPlan, ForeignPlanRequest, ForeignRestoreRequest

_TABLES = (Column("TABLE"), Column("ROWS", right=True), Column("BYTES", right=True))


def plan_dump(args: argparse.Namespace, config: Config, request: ForeignRestoreRequest) -> int:
    """Plans and tells; 0 when it could be restored, else the exit status of the first reason why not."""
    asked = ForeignPlanRequest(
        **msgspec.structs.asdict(request), options=said_again(args, request.repository, request.target)
    )
    plan = ForeignPlan.from_builtins(run_job(args, config, asked))
    if args.json:
        print_document({"executable": plan.executable, **plan.to_builtins()})
    else:
        print_foreign_plan(plan)
    return plan.refusals[0].exit_status if plan.refusals else 0


def print_foreign_plan(plan: ForeignPlan) -> None:
    """Prints the verdict, the figures, what is known and what is not, the tables, and last the command."""
    print_line(f"Plan: the dump {plan.source} into database {plan.target}")
    print_refusals(plan.refusals)
    print_line()
    print_field("dump", _figures(plan))
    if plan.server_version is not None:
        print_field("server", f"PostgreSQL {plan.server_version}")
    print_list("Known", plan.known)
    print_list("Not known beforehand", plan.unknown)
    print_list("Mind", plan.warnings)
    if plan.tables:
        print_line()
        rows = [
            (f"{each.schema}.{each.name}" if each.schema else each.name, count(each.rows_backup), size(each.raw_bytes))
            for each in plan.tables
        ]
        print_table(_TABLES, rows)
    print_line()
    print_line("Nothing has been changed. To do it, which cannot be rehearsed:")
    print_line(f"  {plan.command}")


def _figures(plan: ForeignPlan) -> str:
    parts = [plan.source_kind]
    if plan.source_version is not None:
        parts.append(f"of PostgreSQL {plan.source_version}, as it says")
    if plan.encoding is not None:
        parts.append(f"in {plan.encoding}")
    if plan.statements is not None and plan.bytes is not None:
        parts.append(f"{counted(plan.statements, 'statement')}, {size(plan.bytes)} of text")
    return ", ".join(parts)
