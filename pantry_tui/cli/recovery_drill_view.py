"""Drills as the command line prints them."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.output import Column, counted, duration, print_line, print_table
from pantry_tui.models import DrillPlace, DrillResult

_PHASES = (Column("PHASE"), Column("TIME", right=True))
_PLACES = {DrillPlace.PRIVATE: "a private server", DrillPlace.SERVER: "its server"}


def print_drills(results: Sequence[DrillResult]) -> None:
    """Prints each drill with the time of its phases, and in the last lines what is proven."""
    for result in results:
        print_drill(result)
        print_line()
    for result in results:
        print_line(last_line(result))


def print_drill(result: DrillResult) -> None:
    """Prints one drill: its phases, and what a person should know."""
    where = f"{_PLACES[result.where]}, PostgreSQL {result.server_version}" if result.server_version else "nowhere"
    print_line(f"{result.id} of database {result.database}, on {where}")
    if result.phases:
        rows = [(phase, duration(seconds)) for phase, seconds in result.phases.items()]
        print_table(_PHASES, [*rows, ("total", duration(result.total_seconds))])
    view.print_assertions(result.assertions)
    for warning in result.warnings:
        print_line(f"warning: {warning}")
    if not result.recorded and result.phases:
        print_line("warning: the drill could not be recorded beside the backup")


def last_line(result: DrillResult) -> str:
    """The outcome in one sentence."""
    if result.failure is not None:
        what = "FAILED" if result.recorded else "Not drilled"
        return f"{what}: {result.id} of database {result.database}: {result.failure.message}"
    content = f"{counted(result.tables, 'table')}, {counted(result.rows, 'row')}"
    checked = f"{counted(result.constraints_validated, 'constraint')}, {counted(result.sequences_compared, 'sequence')}"
    took = duration(result.total_seconds)
    return f"Proven: {result.id} of database {result.database}: {content}, {checked}; {took}{_objective(result)}"


def _objective(result: DrillResult) -> str:
    if result.rto_seconds is None:
        return ""
    verdict = "within" if result.rto_met else "LONGER THAN"
    return f", {verdict} the objective of {duration(result.rto_seconds)}"
