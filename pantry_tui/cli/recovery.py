"""`pantry-tui recovery`: restore a backup, prove the result, and undo it."""

from __future__ import annotations

import argparse

from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.cli import recovery_drill, recovery_history, recovery_undo
from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.keys_given import add_identity_options, add_trust_option, unlocking
from pantry_tui.cli.output import counted, print_document
from pantry_tui.cli.parser import Parser, Unsupported, command, positive
from pantry_tui.cli.question import confirm, require_terminal
from pantry_tui.cli.recovery_foreign import backup_at, execute_foreign, execute_imported, named_path
from pantry_tui.cli.recovery_renaming import add_rename_option, rename_schemas, renaming_question
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
from pantry_tui.errors import RefusedError, RestoreError, UsageError, VerificationError
from pantry_tui.models import (
    BackupKind,
    BackupSummary,
    DatabaseTarget,
    RepositoryTarget,
    RestoreRequest,
    RestoreResult,
    Strategy,
    Unlocking,
)

_DESCRIPTION = (
    "Restores a backup into a database that is new or empty, then compares the result with the\n"
    "backup: rows, content, constraints and sequences. The target is created when it does not exist. A database\n"
    "that is there is exchanged for the restored one when that has been compared: its sessions are ended, and it\n"
    "is kept under another name until it is released. Where the role may not do that, or with -t, -x or another\n"
    "strategy, rows are exchanged in place.\n\n"
    "In place, the rows of tables are exchanged where they are, in one\n"
    "transaction: `replace` makes the tables what the backup says, `merge` puts in and updates rows by key, `append`\n"
    "puts in what is missing and touches nothing that is there. Triggers, rules and cascades do not act; foreign\n"
    "keys are checked again. What undoes it stays on the server until it is released.\n\n"
    "With --rename-schema a schema is restored under another name: beside what the database has, of which\n"
    "nothing is touched, or into a new database.\n\n"
    "A backup that another machine signed is refused (7) unless its signer is trusted. Exit status 0 means done\n"
    "and equal.\n\n"
    "The path of a backup serves in place of its id, and so does that of a dump that somebody brings: a script\n"
    "of pg_dump, plain or packed by gzip or zstd, or an archive (pg_dump -Fc, -Ft, -Fd). Its statements are run one by one,\n"
    "never by psql, as a role that is no superuser, and all of them or none. Nothing is known of such a dump, so\n"
    "its result is not verified; exit status 0 then means that every statement succeeded and every row was taken."
)


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    execute = command(
        commands,
        "execute",
        execute_recovery,
        summary="restore a backup and compare the result",
        description=_DESCRIPTION,
        examples=(
            "pantry-tui recovery execute latest --target crm_restored",
            "pantry-tui recovery execute latest -t public.contacts --dry-run",
            "pantry-tui recovery execute latest -t public.contacts -s merge --yes",
            "pantry-tui recovery execute latest --rename-schema public=yesterday",
            "pantry-tui recovery execute 20261123T020000Z-daily-7f3a --target postgresql://admin@standby/crm",
            "pantry-tui recovery execute ./from-the-agency.sql.gz --target postgresql://dump_reader@localhost/theirs",
        ),
    )
    execute.add_argument(
        "id", metavar="ID", help="a backup's id, the beginning of one, `latest`, or the path of a backup or dump"
    )
    execute.add_argument(
        "--target",
        metavar="DATABASE",
        help="a database name on the same server, or a URI or libpq keywords (default: the configured database)",
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
        "-x", "--exclude-table", action="append", default=[], metavar="TABLE", help="not this table; repeatable"
    )
    execute.add_argument(
        "-s",
        "--strategy",
        choices=[strategy.value for strategy in Strategy],
        default=Strategy.REPLACE.value,
        metavar="STRATEGY",
        help="what becomes of rows that are there: replace (the default), merge or append",
    )
    add_rename_option(execute)
    execute.add_argument(
        "--create-roles", action="store_true", help="make the backup's roles that the server lacks, without passwords"
    )
    execute.add_argument(
        "--managed",
        action="store_true",
        help="others manage the server: leave their schemas alone, and tell what the role may not make",
    )
    execute.add_argument(
        "--dry-run", action="store_true", help="do all of it, tell what it did, and take it back; nothing changes"
    )
    execute.add_argument("--no-checkpoint", action="store_true", help="keep nothing on the server that would undo it")
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
    recovery_drill.add_arguments(commands)
    recovery_undo.add_arguments(commands)
    recovery_history.add_arguments(commands)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def execute_recovery(args: argparse.Namespace) -> int:
    """Restores, compares and tells; 0 only when the comparison was equal, or was not wanted."""
    config = configuration(args)
    target = _target(args, config)
    require_fingerprints(args.trust)
    asks = not (args.yes or args.dry_run)
    rename_schemas(args)  # refuses what is no pair of names, before anybody is asked
    if asks:
        require_terminal("a restore", "--yes")
    path = named_path(args.id)
    at = None if path is None else backup_at(path)
    if path is not None and at is None:
        return execute_foreign(args, config, path, target)
    place, reference = at or (repository(args, config), args.id)
    backup = look_up(config, lambda reads: reads.backup(place, reference)).summary
    if backup.kind is BackupKind.FOREIGN:
        return execute_imported(args, config, place, backup, target)
    _require_own(args, backup, target)
    if asks:
        confirm(_question(args, backup, target))
    keys = unlocking(args, config, backup)
    result = RestoreResult.from_builtins(run_job(args, config, _request(args, place, backup, target, keys)))
    if args.json:
        print_document(result)
    else:
        view.print_result(result)
    if result.violations:
        raise RestoreError(
            f"the recovery would fail: {counted(len(result.violations), 'constraint')} would be broken",
            remedy="take in the tables that refer to these (-t), or merge",
            detail="\n".join(result.violations),
        )
    if result.validation.performed and not result.validation.equal:
        raise VerificationError(
            f"database {result.target} differs from backup {result.backup_id}",
            remedy="do not use it; `pantry-tui backup validate` tells whether the backup itself is sound",
            detail="\n".join(result.validation.differences),
        )
    return 0


def _add_unsupported(execute: Parser) -> None:
    execute.add_argument("--batch-size", action=Unsupported)


def _require_own(args: argparse.Namespace, backup: BackupSummary, target: DatabaseTarget) -> None:
    """Raises `RefusedError` where nobody said that a backup of one database is to go into another."""
    if args.target is None and backup.database != target.name:
        raise RefusedError(
            f"backup {backup.id} is of database {backup.database}, and {target.name} is the configured one",
            remedy=f"say where it goes: -d {backup.database} if that is configured, or --target NAME",
        )


def _is_partial(args: argparse.Namespace) -> bool:
    """Whether tables are meant, and not the database as a whole."""
    return bool(args.table or args.exclude_table or args.strategy != Strategy.REPLACE)


def _target(args: argparse.Namespace, config: Config) -> DatabaseTarget:
    if args.target is None:
        return config.database_target(args.database)
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
        exclude=tuple(args.exclude_table),
        strategy=Strategy(args.strategy),
        rename_schemas=rename_schemas(args),
        managed=args.managed,
        create_roles=args.create_roles,
        dry_run=args.dry_run,
        checkpoint=not args.no_checkpoint,
        swap=True,
        jobs=args.jobs,
        verify=not args.no_validate,
        trust=tuple(args.trust),
        analyze=not args.no_analyze,
        unlocking=keys,
        started_by=started_by(),
    )


def _question(args: argparse.Namespace, backup: BackupSummary, target: DatabaseTarget) -> str:
    if args.rename_schema:
        return renaming_question(args, view.backup_facts(backup), backup.id, target)
    tables = args.table
    what = f"{counted(len(tables), 'table')} of backup {backup.id}" if tables else f"backup {backup.id}"
    if args.managed:
        return (
            f"Restore {what} ({view.backup_facts(backup)}) into database {target.name} on {view.place(target)}, as far as"
            " the role may? Schemas of others are left alone; where tables of yours are there, their rows are exchanged."
        )
    if _is_partial(args):
        return (
            f"Restore {what} ({view.backup_facts(backup)}) into database {target.name} on {view.place(target)}?"
            f" Where the tables are there, their rows are exchanged ({args.strategy}); --dry-run shows the effect first."
        )
    return (
        f"Restore {what} ({view.backup_facts(backup)}) into database {target.name} on {view.place(target)}?"
        " It is created if it does not exist. One that is there is exchanged for the restored one, its sessions are"
        " ended, and it is kept under another name until it is released."
    )
