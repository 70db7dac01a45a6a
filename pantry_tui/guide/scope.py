"""What is to come back, and how: which tables, and what becomes of the rows that are there; or into which database."""

from __future__ import annotations

from pantry_tui.guide.case import GONE, Case
from pantry_tui.guide.view import Item, Line, Option, Tone, View
from pantry_tui.guide.words import counted
from pantry_tui.models import BackupDiff, DiffStatus, Incident, Strategy, TableDiff

EXCHANGE, BESIDE = "exchange", "beside"

_DIFFERENT = {
    DiffStatus.EQUAL: "equal",
    DiffStatus.ROWS: "rows differ",
}


def beside_name(case: Case) -> str:
    """What a database beside the one that is there is called."""
    return f"{case.database}_{'rehearsal' if case.state.incident is Incident.REHEARSAL else 'restored'}"


def view(case: Case) -> View:
    """Tables for what happened to some; a place for what happened to all."""
    return _whole(case) if case.is_whole else _tables(case)


def _whole(case: Case) -> View:
    name = beside_name(case)
    incident = case.state.incident
    looks_first = incident in (Incident.TAMPERED, Incident.REHEARSAL)
    beside = Option(
        key=BESIDE,
        label=f"Into a new database, {name}",
        detail=f"{case.database} is not touched. You can look at the result before anybody uses it.",
        recommended=looks_first,
    )
    if incident is Incident.REHEARSAL:
        return View(question="Where to?", options=(beside,))
    there = "made again" if incident in GONE else "exchanged for the restored one, and kept under another name"
    exchange = Option(
        key=EXCHANGE,
        label=f"Into {case.database} itself",
        detail=f"It is restored under another name and compared; then {case.database} is {there}.",
        recommended=not looks_first,
    )
    lines = [Line("In both cases the result is compared with the backup before it counts as done.", Tone.MUTED)]
    if incident in GONE:
        lines.append(Line("The server is the one that the configuration names for this database.", Tone.MUTED))
    return View(question="Where to?", lines=tuple(lines), options=(exchange, beside))


def _tables(case: Case) -> View:
    if case.at_work(case.state.comparison):
        return View(
            question="Comparing the backup with the database as it is now",
            lines=(Line("Table by table, by the fingerprints of their rows. Nothing is locked for long."),),
            job=case.state.comparison,
            options=(Option(key="skip", label="Choose without comparing"),),
        )
    chosen = set(case.state.tables)
    items = _compared(case.comparison, chosen) if case.comparison is not None else _listed(case, chosen)
    question = "Which tables, and what becomes of the rows that are there?"
    lines = [*_comparison_failed(case)]
    if case.comparison is not None:
        different = case.comparison.different
        lines.append(Line(f"{counted(different, 'table')} differ from the backup; they stand first.", Tone.STRONG))
    refused = None if chosen else "choose at least one table"
    rows = case.state.incident is Incident.ROWS
    return View(
        question=question,
        lines=tuple(lines),
        columns=("Table", "In the backup", "Now", ""),
        items=tuple(items),
        options=(
            Option(
                key=Strategy.APPEND,
                label="Put back the rows that are missing",
                detail="Rows that are there are not touched, whatever became of them.",
                recommended=rows,
                refused=refused,
            ),
            Option(
                key=Strategy.MERGE,
                label="Put back what is missing, and set right what was changed",
                detail="Rows of the backup are put in or updated by key; rows that came since stay.",
                refused=refused,
            ),
            Option(
                key=Strategy.REPLACE,
                label="Make the tables exactly what the backup says",
                detail="Rows that came since the backup go; they are kept in the checkpoint.",
                recommended=not rows,
                refused=refused,
            ),
        ),
    )


def _listed(case: Case, chosen: set[str]) -> list[Item]:
    if case.details is None:
        return []
    return [
        Item(
            key=f"{table.schema}.{table.name}",
            cells=(f"{table.schema}.{table.name}", f"{table.rows:,}", "?", ""),
            chosen=f"{table.schema}.{table.name}" in chosen,
        )
        for table in case.details.tables
    ]


def _compared(diff: BackupDiff, chosen: set[str]) -> list[Item]:
    tables = [
        table for table in diff.tables if table.rows_a is not None
    ]  # what the backup does not have cannot come back
    tables.sort(key=lambda table: (table.status is DiffStatus.EQUAL, table.schema, table.name))
    return [
        Item(
            key=_name(table),
            cells=(
                _name(table),
                f"{table.rows_a:,}" if table.rows_a is not None else "",
                "gone" if table.rows_b is None else f"{table.rows_b:,}",
                _difference(table),
            ),
            chosen=_name(table) in chosen,
        )
        for table in tables
    ]


def different_tables(diff: BackupDiff) -> tuple[str, ...]:
    """The tables of the backup whose rows are missing or otherwise now: those that are chosen at first."""
    return tuple(_name(table) for table in diff.tables if table.rows_a and table.status is not DiffStatus.EQUAL)


def _name(table: TableDiff) -> str:
    return f"{table.schema}.{table.name}"


def _difference(table: TableDiff) -> str:
    if table.rows_b is None:
        return "is not there"
    if table.status is DiffStatus.EQUAL:
        return "equal"
    missing = (table.rows_a or 0) - table.rows_b
    if missing > 0:
        return f"{missing:,} fewer now"
    return f"{-missing:,} more now" if missing < 0 else str(table.status).replace("_", " ")


def _comparison_failed(case: Case) -> list[Line]:
    job = case.job(case.state.comparison)
    if job is None or job.failure is None:
        return []
    return [Line(f"They could not be compared: {job.failure.message}", Tone.WARNING)]
