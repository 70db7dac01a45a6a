"""`pantry-tui recovery`: restore a backup into a new or empty database, and compare the result."""

from __future__ import annotations

import argparse

from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.keys_given import add_identity_options, add_trust_option, unlocking
from pantry_tui.cli.output import counted, print_document
from pantry_tui.cli.parser import Parser, Unsupported, command, positive, unsupported
from pantry_tui.cli.question import confirm, require_terminal
from pantry_tui.cli.recovery_foreign import backup_at, execute_foreign, named_path
from pantry_tui.cli.session import (
    add_repository_option,
    configuration,
    look_up,
    repository,
    run_job,
    started_by,
)
from pantry_tui.config import Config
from pantry_tui.config.restoring import is_address
from pantry_tui.errors import RefusedError, UsageError, VerificationError
from pantry_tui.models import BackupSummary, DatabaseTarget, RepositoryTarget, RestoreRequest, RestoreResult, Unlocking

REPLACE = "replace"


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    execute = command(
        commands,
        "execute",
        execute_recovery,
        summary="restore a backup into a new or empty database and compare the result",
        description="Restores a backup into a database that is new or empty, then compares the result with the\n"
        "backup: rows, content, constraints and sequences. The target is created when it does not exist, and refused\n"
        "when it holds anything. A backup that another machine signed is refused (7) unless its signer is trusted.\n"
        "Exit status 0 means restored and equal.\n\n"
        "The path of a backup serves in place of its id, and so does that of a dump that somebody brings: a script\n"
        "of pg_dump, plain or packed by gzip or zstd, or an archive (pg_dump -Fc). Its statements are run one by one,\n"
        "never by psql, as a role that is no superuser, and all of them or none. Nothing is known of such a dump, so\n"
        "its result is not verified; exit status 0 then means that every statement succeeded and every row was taken.",
        examples=(
            "pantry-tui recovery execute latest --target crm_restored",
            "pantry-tui recovery execute latest -t public.contacts --target scratch --yes",
            "pantry-tui recovery execute 20261123T020000Z-daily-7f3a --target postgresql://admin@standby/crm",
            "pantry-tui recovery execute ./from-the-agency.sql.gz --target postgresql://dump_reader@localhost/theirs",
        ),
    )
    execute.add_argument(
        "id", metavar="ID", help="a backup's id, the beginning of one, `latest`, or the path of a backup or dump"
    )
    execute.add_argument(
        "--target", metavar="DATABASE", help="a database name on the same server, or a URI or libpq keywords"
    )
    execute.add_argument("-d", "--database", metavar="DATABASE", help="the configured database whose server is meant")
    execute.add_argument(
        "-t",
        "--table",
        action="append",
        default=[],
        metavar="TABLE",
        help="only this table, as schema.name or as SQL quotes it; repeatable",
    )
    execute.add_argument(
        "-s", "--strategy", choices=["replace", "merge", "append"], default=REPLACE, metavar="STRATEGY", help="replace"
    )
    execute.add_argument(
        "--jobs", type=positive, metavar="N", help="connections at work at once (default: one per core)"
    )
    add_trust_option(execute)
    execute.add_argument("--no-validate", action="store_true", help="do not compare the result with the backup")
    execute.add_argument("--no-analyze", action="store_true", help="do not collect the planner's statistics afterwards")
    execute.add_argument("--yes", action="store_true", help="do not ask")
    add_identity_options(execute)
    add_repository_option(execute)
    _add_unsupported(execute)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def execute_recovery(args: argparse.Namespace) -> int:
    """Restores, compares and tells; 0 only when the comparison was equal, or was not wanted."""
    config = configuration(args)
    target = _target(args, config)
    if args.strategy != REPLACE:
        raise unsupported(f"-s {args.strategy}")
    require_fingerprints(args.trust)
    if not args.yes:
        require_terminal("a restore", "--yes")
    path = named_path(args.id)
    at = None if path is None else backup_at(path)
    if path is not None and at is None:
        return execute_foreign(args, config, path, target)
    place, reference = at or (repository(args, config), args.id)
    backup = look_up(config, lambda reads: reads.backup(place, reference)).summary
    if not args.yes:
        confirm(_question(backup, target, args.table))
    keys = unlocking(args, config, encrypted=backup.encrypted)
    result = RestoreResult.from_builtins(run_job(args, config, _request(args, place, backup, target, keys)))
    if args.json:
        print_document(result)
    else:
        view.print_result(result)
    if result.validation.performed and not result.validation.equal:
        raise VerificationError(
            f"database {result.target} differs from backup {result.backup_id}",
            remedy="do not use it; `pantry-tui backup validate` tells whether the backup itself is sound",
            detail="\n".join(result.validation.differences),
        )
    return 0


def _add_unsupported(execute: Parser) -> None:
    for names in (("-x", "--exclude-table"), ("--batch-size",)):
        execute.add_argument(*names, action=Unsupported)
    for name in ("--dry-run", "--no-checkpoint"):
        execute.add_argument(name, action=Unsupported, nargs=0)


def _target(args: argparse.Namespace, config: Config) -> DatabaseTarget:
    if args.target is None:
        raise RefusedError(
            "no target: this version restores into a new or empty database, never over one in use",
            remedy="give --target NAME for a new database on the same server, or --target URI or 'host=… dbname=…'",
        )
    if args.database is not None and is_address(args.target):
        raise UsageError(
            "-d names the server for a plain --target name; this --target names its own", remedy="leave -d out"
        )
    return config.restore_target(args.target, server=args.database)


def _request(
    args: argparse.Namespace, place: RepositoryTarget, backup: BackupSummary, target: DatabaseTarget, keys: Unlocking
) -> RestoreRequest:
    return RestoreRequest(
        repository=place,
        backup_id=backup.id,
        target=target,
        tables=tuple(args.table),
        jobs=args.jobs,
        verify=not args.no_validate,
        trust=tuple(args.trust),
        analyze=not args.no_analyze,
        unlocking=keys,
        started_by=started_by(),
    )


def _question(backup: BackupSummary, target: DatabaseTarget, tables: list[str]) -> str:
    what = f"{counted(len(tables), 'table')} of backup {backup.id}" if tables else f"backup {backup.id}"
    return (
        f"Restore {what} ({view.backup_facts(backup)}) into database {target.name} on {view.place(target)}?"
        " It is created if it does not exist, and refused if it is not empty."
    )
