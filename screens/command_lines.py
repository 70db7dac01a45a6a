"""The command line that does what a screen is about to do: every confirmation shows one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from pantry_tui.models import Schedule
from screens.widgets.text import visible

PROGRAM = "pantry-tui"


def create_backup(
    *,
    name: str,
    database: str | None = None,
    repository: str | None = None,
    jobs: int | None = None,
    fingerprints: bool = True,
    kind: str = "full",
    rows_format: str = "sql",
    compression: str = "gzip",
    tables: Sequence[str] = (),
    exclude_tables: Sequence[str] = (),
) -> tuple[str, ...]:
    """Takes a backup."""
    argv = [PROGRAM, "backup", "create", "-n", name]
    if database is not None:
        argv += ["-d", database]
    if jobs is not None:
        argv += ["--jobs", str(jobs)]
    if kind != "full":
        argv += ["--kind", kind]
    if rows_format != "sql":
        argv += ["-f", rows_format]
    if compression != "gzip":
        argv += ["--compression", compression]
    argv += [part for table in tables for part in ("-t", table)]
    argv += [part for table in exclude_tables for part in ("-T", table)]
    if not fingerprints:
        argv.append("--no-fingerprints")
    return (*argv, *_repository(repository))


def show_backup(backup_id: str, *, repository: str | None = None) -> tuple[str, ...]:
    """Shows a backup."""
    return (PROGRAM, "backup", "show", backup_id, *_repository(repository))


def validate(backup_id: str, *, identity: str | None = None, repository: str | None = None) -> tuple[str, ...]:
    """Reads a backup back, whole."""
    return (PROGRAM, "backup", "validate", backup_id, *_identity(identity), *_repository(repository))


def peek(
    backup_id: str, table: str, *, skip: int = 0, identity: str | None = None, repository: str | None = None
) -> tuple[str, ...]:
    """Shows rows of a table in a backup."""
    passed = ("--skip", str(skip)) if skip else ()
    return (PROGRAM, "backup", "peek", backup_id, table, *passed, *_identity(identity), *_repository(repository))


def diff(backup_id: str, other: str, *, repository: str | None = None) -> tuple[str, ...]:
    """Compares a backup with another, or with the live database."""
    return (PROGRAM, "backup", "diff", backup_id, other, *_repository(repository))


def export(
    backup_id: str,
    *,
    output: str,
    rows_format: str | None = None,
    tables: Sequence[str] = (),
    recipients: Sequence[str] = (),
    identity: str | None = None,
    trust: Sequence[str] = (),
    repository: str | None = None,
) -> tuple[str, ...]:
    """Writes a backup, or some of its tables, into a file."""
    argv = [PROGRAM, "backup", "export", backup_id, "-o", output]
    if rows_format is not None:
        argv += ["-f", rows_format]
    argv += [part for table in tables for part in ("-t", table)]
    argv += [part for each in recipients for part in ("--recipient", each)]
    return (*argv, *_identity(identity), *_trusted(trust), *_repository(repository))


def label_backup(backup_id: str, text: str, *, repository: str | None = None) -> tuple[str, ...]:
    """Labels a backup."""
    return (PROGRAM, "backup", "label", backup_id, text, *_repository(repository))


def delete_backup(backup_id: str, *, repository: str | None = None, force: bool = False) -> tuple[str, ...]:
    """Deletes a backup."""
    return (PROGRAM, "backup", "delete", backup_id, *(("--force",) if force else ()), *_repository(repository))


def restore(
    backup_id: str,
    *,
    target: str,
    database: str | None = None,
    repository: str | None = None,
    tables: Sequence[str] = (),
    identity: str | None = None,
    trust: Sequence[str] = (),
) -> tuple[str, ...]:
    """Restores a backup, or some of its tables, into another database on the server of ``database``."""
    server = ("-d", database) if database is not None else ()
    chosen = [part for table in tables for part in ("-t", table)]
    return (
        PROGRAM,
        "recovery",
        "execute",
        backup_id,
        *server,
        "--target",
        target,
        *chosen,
        *_identity(identity),
        *_trusted(trust),
        *_repository(repository),
    )


def show_schedule(name: str) -> tuple[str, ...]:
    """Shows a schedule."""
    return (PROGRAM, "schedule", "show", name)


def delete_schedule(name: str) -> tuple[str, ...]:
    """Forgets a schedule."""
    return (PROGRAM, "schedule", "delete", name)


def create_schedule(draft: Schedule) -> tuple[str, ...]:
    """Adds a schedule."""
    options = _schedule_options(Schedule(name="", cron="", timezone=""), draft)
    return (PROGRAM, "schedule", "create", draft.name or "NAME", draft.cron or "CRON", *options)


def edit_schedule(before: Schedule, draft: Schedule) -> tuple[str, ...]:
    """Changes a schedule."""
    renamed = ("--name", draft.name) if draft.name != before.name else ()
    moved = ("--cron", draft.cron) if draft.cron != before.cron else ()
    return (PROGRAM, "schedule", "edit", before.name, *renamed, *moved, *_schedule_options(before, draft))


def _schedule_options(before: Schedule, draft: Schedule) -> list[str]:
    """The options that make the one of the other, of what the form asks."""
    argv: list[str] = []
    if (draft.database, draft.all_databases) != (before.database, before.all_databases):
        argv += ["-d", draft.database or "*"] if draft.database or draft.all_databases else []
        argv += ["--all-databases"] if draft.database and draft.all_databases else []
    for option, was, value in (
        ("--timezone", before.timezone, draft.timezone),
        ("--kind", before.kind, draft.kind),
        ("-r", before.retention_days, draft.retention_days),
        ("--missed", before.missed, draft.missed),
    ):
        if value != was and value is not None:
            argv += [option, str(value)]
    for option, told_before, told in (
        ("--on-failure", before.on_failure, draft.on_failure),
        ("--on-success", before.on_success, draft.on_success),
    ):
        if told != told_before:
            argv += [part for name in told or ("",) for part in (option, name)]
    return argv


def show_job(job_id: str) -> tuple[str, ...]:
    """Shows a job."""
    return (PROGRAM, "job", "show", job_id)


def _identity(file: str | None) -> tuple[str, ...]:
    return ("--identity", file) if file is not None else ()


def _trusted(signers: Sequence[str]) -> tuple[str, ...]:
    return tuple(part for signer in signers for part in ("--trust", signer))


def _repository(name: str | None) -> tuple[str, ...]:
    return ("--repository", name) if name is not None else ()


def shown(argv: Sequence[str]) -> str:
    """The command as it would be typed into a shell, control characters escaped."""
    return visible(shlex.join(argv))
