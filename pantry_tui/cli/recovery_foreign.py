"""`pantry-tui recovery execute`: a backup by its path, or a dump that somebody brought, by its path or id."""

from __future__ import annotations

import argparse
from pathlib import Path

from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.keys_given import given, unlocking
from pantry_tui.cli.output import Column, count, counted, duration, print_document, print_line, print_table, size
from pantry_tui.cli.question import confirm
from pantry_tui.cli.session import run_job, started_by
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, RefusedError, UsageError
from pantry_tui.models import (
    BackupSummary,
    DatabaseTarget,
    ForeignRestoreRequest,
    ForeignRestoreResult,
    RepositoryTarget,
    Strategy,
    Unlocking,
)

_TABLES = (Column("TABLE"), Column("ROWS", right=True))


def named_path(text: str) -> Path | None:
    """The path that is meant, None for a backup's id: what has a slash in it is one, and so is the name of a file here."""
    path = Path(text).expanduser()
    return path.absolute() if "/" in text or path.is_file() else None


def backup_at(path: Path) -> tuple[RepositoryTarget, str] | None:
    """Repository and id of a backup of ours, whose directory or a file in it is named; None where there is none.

    Raises `NotFoundError` where nothing is there at all.
    """
    if not path.exists():
        raise NotFoundError(f"there is nothing at {path}", remedy="name a dump by its path, or a backup by its id")
    directory = path if path.is_dir() else path.parent
    if not (directory / MANIFEST_NAME).is_file():
        return None
    directory = directory.resolve()
    return RepositoryTarget(name=directory.parent.name, location=str(directory.parent)), directory.name


def execute_foreign(args: argparse.Namespace, config: Config, path: Path, target: DatabaseTarget) -> int:
    """Restores a dump; 0 when every statement has succeeded. There is nothing to compare the result with."""
    path = path.resolve()
    what = f"{path.name} ({size(path.stat().st_size)})" if path.is_file() else path.name
    return _execute(args, config, foreign_request(args, config, path, target), what)


def foreign_request(
    args: argparse.Namespace, config: Config, path: Path, target: DatabaseTarget
) -> ForeignRestoreRequest:
    """The request for a dump by its path. Raises `UsageError` and `RefusedError` for options that do not go with it."""
    _refuse_meaningless(args, {"--trust": bool(args.trust), "--repository": args.repository is not None})
    path = path.resolve()
    return ForeignRestoreRequest(
        path=str(path),
        target=target,
        analyze=not args.no_analyze,
        unlocking=given(args, config) if path.suffix == SEALED_SUFFIX else Unlocking(),
        started_by=started_by(),
    )


def execute_imported(
    args: argparse.Namespace, config: Config, place: RepositoryTarget, backup: BackupSummary, target: DatabaseTarget
) -> int:
    """The same of a dump that was taken into a repository."""
    request = imported_request(args, config, place, backup, target)
    return _execute(args, config, request, f"{backup.id} ({size(backup.bytes)})")


def imported_request(
    args: argparse.Namespace, config: Config, place: RepositoryTarget, backup: BackupSummary, target: DatabaseTarget
) -> ForeignRestoreRequest:
    """The request for a dump in a repository. Raises as `foreign_request` does."""
    _refuse_meaningless(args, {})
    return ForeignRestoreRequest(
        repository=place,
        backup_id=backup.id,
        trust=tuple(args.trust),
        target=target,
        analyze=not args.no_analyze,
        unlocking=unlocking(args, config, backup),
        started_by=started_by(),
    )


def _execute(args: argparse.Namespace, config: Config, request: ForeignRestoreRequest, what: str) -> int:
    if not args.yes:
        confirm(_question(what, request.target))
    result = ForeignRestoreResult.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(result)
    else:
        print_result(result)
    return 0


def print_result(result: ForeignRestoreResult) -> None:
    """Prints what came, what a person should know, and in the last line that nothing could be compared."""
    rows = [(f"{table.schema}.{table.name}" if table.schema else table.name, table) for table in result.tables]
    print_table(_TABLES, [(name, count(table.inserted)) for name, table in rows])
    for warning in result.warnings:
        print_line(f"warning: {warning}")
    print_line(last_line(result))


def last_line(result: ForeignRestoreResult) -> str:
    """The outcome in one sentence."""
    made = "new database" if result.created_database else "database"
    inserted = sum(table.inserted for table in result.tables)
    return (
        f"Restored, not verified: {counted(result.statements, 'statement')}, {counted(inserted, 'row')} in"
        f" {counted(len(result.tables), 'table')} of {made} {result.target}; {duration(result.duration_seconds)}"
    )


def _refuse_meaningless(args: argparse.Namespace, more: dict[str, bool]) -> None:
    given = {
        "-t": bool(args.table),
        "-x": bool(args.exclude_table),
        "-s": args.strategy != Strategy.REPLACE,
        "--rename-schema": bool(args.rename_schema),
        "--create-roles": args.create_roles,
        "--managed": args.managed,
        "--dry-run": getattr(args, "dry_run", False),  # a plan has none
        "--no-checkpoint": args.no_checkpoint,
        "--jobs": args.jobs is not None,
        "--batch-size": args.batch_size is not None,
        **more,
    }
    for option, is_given in given.items():
        if is_given:
            raise UsageError(
                f"{option} means nothing for a dump that is no backup of this program: it is restored whole, by one connection,"
                " and nobody has signed it",
                remedy=f"leave {option} out",
            )
    if args.target is None:
        raise RefusedError(
            "nobody said where the dump goes", remedy="give --target NAME or --target URI: a new database"
        )


def _question(what: str, target: DatabaseTarget) -> str:
    return (
        f"Restore the dump {what}, of which nothing is known, into database {target.name} on {view.place(target)}?"
        " It is created if it does not exist, and refused if it is not empty."
    )
