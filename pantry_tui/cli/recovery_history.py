"""`pantry-tui recovery list | show | report`: what was recovered, when, and how it went."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.cli import recovery_drill_view, recovery_foreign
from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.output import (
    Column,
    age,
    duration,
    moment,
    note,
    print_document,
    print_fields,
    print_line,
    print_table,
)
from pantry_tui.cli.parser import command, positive
from pantry_tui.cli.session import configuration, look_up
from pantry_tui.errors import NotFoundError, RefusedError
from pantry_tui.models import DrillResult, ForeignRestoreResult, Job, RestoreResult, RollbackResult

KINDS = ("restore", "foreign_restore", "drill", "rollback", "release")
LIMIT = 1_000_000  # of jobs to look through: all of them

_LIST = (
    Column("ID"),
    Column("STATE"),
    Column("WHAT", least=24),
    Column("WAY", spare=1),
    Column("AGE", right=True),
    Column("TOOK", right=True, spare=1),
)


def add_arguments(commands: Any) -> None:
    """Declares the commands."""
    listing = command(
        commands,
        "list",
        list_recoveries,
        summary="list recoveries, newest first",
        description="Lists recoveries, drills and rollbacks, newest first, with how each went.",
        examples=("pantry-tui recovery list -l 5",),
    )
    listing.add_argument("-l", "--limit", type=positive, default=20, metavar="N", help="at most so many (default: 20)")
    show = command(
        commands,
        "show",
        show_recovery,
        summary="one recovery with what it did",
        description="Shows a recovery: what it did to each table, how it was checked, and what undoes it.",
        examples=("pantry-tui recovery show 20261123T020000Z-7f3a12",),
    )
    show.add_argument("id", metavar="RECOVERY", help="a recovery's id")
    report = command(
        commands,
        "report",
        report_recovery,
        summary="one recovery as a report in Markdown",
        description="Writes the report of a recovery, drill or rollback, of one that failed too: who did it and when, what\n"
        "was decided, the time of each phase, the figures of each table, how it was checked, and what undoes it.",
        examples=(
            "pantry-tui recovery report 20261123T020000Z-7f3a12",
            "pantry-tui recovery report 20261123T020000Z-7f3a12 -o incident.md",
        ),
    )
    report.add_argument("id", metavar="RECOVERY", help="a recovery's id")
    report.add_argument("-o", "--output", metavar="FILE", help="a new file to write it into (default: standard output)")


def list_recoveries(args: argparse.Namespace) -> int:
    """Lists recoveries, newest first."""
    jobs = look_up(configuration(args), lambda reads: reads.jobs(limit=LIMIT), args)
    found = [job for job in jobs if job.kind in KINDS][: args.limit]
    if args.json:
        print_document(found)
    elif found:
        print_table(_LIST, [_row(job) for job in found])
    else:
        note(args, "no recoveries")
    return 0


def show_recovery(args: argparse.Namespace) -> int:
    """Shows one recovery."""
    job = look_up(configuration(args), lambda reads: reads.job(args.id), args)
    if job.kind not in KINDS:
        raise NotFoundError(
            f"job {job.id} is no recovery: {job.title}", remedy="list recoveries with: pantry-tui recovery list"
        )
    if args.json:
        print_document(job)
        return 0
    print_fields([field for field in _fields(job) if field[1]])
    if job.result is not None and job.kind == "restore":
        view.print_result(msgspec.convert(job.result, RestoreResult))
    elif job.result is not None and job.kind == "foreign_restore":
        recovery_foreign.print_result(ForeignRestoreResult.from_builtins(job.result))
    elif job.result is not None and job.kind == "drill":
        recovery_drill_view.print_drill(DrillResult.from_builtins(job.result))
    elif job.result is not None and job.kind == "rollback":
        view.print_effects(msgspec.convert(job.result, RollbackResult).tables)
    return 0


def report_recovery(args: argparse.Namespace) -> int:
    """Prints the report, or writes it into a new file."""
    text = look_up(configuration(args), lambda reads: reads.report(args.id), args)
    if args.output is None:
        if args.json:
            print_document({"id": args.id, "report": text})
        else:
            for line in text.splitlines():
                print_line(line)
        return 0
    path = Path(args.output).expanduser().absolute()
    _write_new(path, text)
    if args.json:
        print_document({"id": args.id, "path": str(path)})
    else:
        print_line(f"written: {path}")
    return 0


def _write_new(path: Path, text: str) -> None:
    """Raises `RefusedError` where something is there already, `StorageError`."""
    with storage_errors(path, "writing the report"):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise RefusedError(f"{path} is there already", remedy="name a file that does not exist") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def _row(job: Job) -> tuple[str, ...]:
    way = str((job.result or {}).get("way", ""))
    return (job.id, str(job.state), job.title, way, age(job.queued_at), _took(job))


def _fields(job: Job) -> list[tuple[str, str]]:
    failure = job.failure
    return [
        ("id", job.id),
        ("what", job.title),
        ("state", str(job.state)),
        ("started by", job.started_by),
        ("started", moment(job.started_at)),
        ("finished", moment(job.finished_at)),
        ("took", _took(job)),
        ("failed", failure.message if failure else ""),
        ("remedy", (failure.remedy or "") if failure else ""),
    ]


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return duration((job.finished_at - job.started_at).total_seconds())
