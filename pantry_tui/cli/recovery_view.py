"""Restores as the command line prints them."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.cli.backup_view import content
from pantry_tui.cli.output import Column, age, count, counted, duration, print_line, print_table
from pantry_tui.config.targets import connection_parameters
from pantry_tui.models import AssertionOutcome, BackupSummary, DatabaseTarget, RestoredTable, RestoreResult

_TABLES = (Column("TABLE"), Column("ROWS", right=True), Column("COMPARED BY"), Column("RESULT"))
_EFFECTS = (
    Column("TABLE"),
    Column("INSERTED", right=True),
    Column("UPDATED", right=True),
    Column("DELETED", right=True),
    Column("UNCHANGED", right=True),
)
IN_PLACE, SIDE_BY_SIDE, BESIDE = "in place", "side by side", "beside"
_COMPARED = {"fingerprint": "fingerprint", "text": "every value", "count": "row count", "unverified": "-"}


def print_result(result: RestoreResult) -> None:
    """Prints what became of each table, and in the last line whether the result is proven."""
    if result.way == IN_PLACE:
        print_effects(result.tables)
        _print_in_place(result)
        return
    print_table(_TABLES, [_row(table) for table in result.tables])
    print_assertions(result.assertions)
    for heading, lines in (("left out", result.left_out), ("warning", result.warnings)):
        for line in lines:
            print_line(f"{heading}: {line}")
    if result.analyzed_tables:
        print_line(
            f"analyzed for the planner: {counted(result.analyzed_tables, 'table')}, {duration(result.analyze_seconds)}"
        )
    print_line(last_line(result))
    if result.way == BESIDE and not result.dry_run:
        for schema in sorted({table.schema for table in result.tables}):
            quoted = schema.replace('"', '""')
            print_line(f'To remove it: DROP SCHEMA "{quoted}" CASCADE')
    if result.checkpoint is not None:
        print_line(f"The earlier database is kept as {result.checkpoint}, closed.")
        print_line(f"To undo it: pantry-tui recovery rollback {result.id}")
        print_line(f"To drop it: pantry-tui recovery release {result.id}")


def print_effects(tables: Sequence[RestoredTable]) -> None:
    """Prints how many rows of each table were put in, updated, removed, and found as they should be."""
    rows = [
        (
            f"{each.schema}.{each.name}{' (was not there)' if each.created else ''}",
            *map(count, (each.inserted, each.updated, each.deleted, each.unchanged)),
        )
        for each in tables
    ]
    print_table(_EFFECTS, rows)


def print_assertions(outcomes: Sequence[AssertionOutcome]) -> None:
    """Prints what each assertion came to."""
    for outcome in outcomes:
        print_line(f"assertion {'holds' if outcome.holds else 'FAILS'}: {outcome.name} ({outcome.returned})")


def _print_in_place(result: RestoreResult) -> None:
    print_assertions(result.assertions)
    for heading, lines in (("violation", result.violations), ("warning", result.warnings)):
        for line in lines:
            print_line(f"{heading}: {line}")
    what = f"{result.strategy} of {counted(len(result.tables), 'table')} in {result.target}"
    took = duration(result.duration_seconds)
    if result.violations:
        print_line(f"Would fail: {what}; nothing was changed")
    elif result.dry_run:
        print_line(f"Dry run: {what}, {took}; everything was taken back, nothing was changed")
    else:
        constraints = counted(result.validation.constraints_validated, "foreign key")
        print_line(f"Done and verified: {what}, {constraints} checked again, {took}")
    if result.checkpoint is not None:
        print_line(f"To undo it: pantry-tui recovery rollback {result.id}")


def last_line(result: RestoreResult) -> str:
    """The outcome in one sentence; "verified" stands there only when everything was compared and equal."""
    rows = sum(table.inserted for table in result.tables)
    made = "new database" if result.created_database and result.way != SIDE_BY_SIDE else "database"
    what = f"{counted(len(result.tables), 'table')}, {counted(rows, 'row')} in {made} {result.target}"
    what += f", in {counted(len({table.schema for table in result.tables}), 'schema')} beside the others" * (
        result.way == BESIDE
    )
    what += ", exchanged for the earlier one" if result.way == SIDE_BY_SIDE else ""
    took = duration(result.duration_seconds)
    if not result.validation.performed:
        return f"Restored, not verified: {what}, {took}"
    if not result.validation.equal:
        return f"Restored, but DIFFERENT from the backup: {what}"
    checked = (
        f"{counted(result.validation.constraints_validated, 'constraint')},"
        f" {counted(result.validation.sequences_compared, 'sequence')}"
    )
    done = "Dry run, restored, verified and dropped again" if result.dry_run else "Restored and verified"
    return f"{done}: {what}, {checked}; {took}, verification {duration(result.verification_seconds)}"


def backup_facts(backup: BackupSummary) -> str:
    """A backup in a few words, for a question."""
    return f"{backup.database}, {content(backup)}, {age(backup.started_at)} old"


def place(target: DatabaseTarget) -> str:
    """The server of a target, for a question."""
    parameters = connection_parameters(target.conninfo, key="the target") if target.conninfo else {}
    service = parameters.get("service") or target.environment.get("PGSERVICE")
    host = parameters.get("host") or target.environment.get("PGHOST")
    port = parameters.get("port") or target.environment.get("PGPORT")
    if host is None and service is not None:
        return f"service {service}"
    where = f"socket {host}" if host and host.startswith("/") else f"host {host or 'localhost'}"
    return where + (f" port {port}" if port else "")


def _row(table: RestoredTable) -> tuple[str, str, str, str]:
    outcome = "not compared" if table.verified == "unverified" else "equal"
    return (
        f"{table.schema}.{table.name}",
        count(table.inserted),
        _COMPARED.get(table.verified, table.verified),
        f"DIFFERENT: {table.difference}" if table.difference else outcome,
    )
