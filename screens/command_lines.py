"""The command line that does what a screen is about to do: every confirmation shows one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

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
