"""`pantry-tui recovery`: restore a backup, prove the result, and undo it."""

from __future__ import annotations

import argparse

from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.cli import recovery_drill, recovery_history, recovery_plan, recovery_undo
from pantry_tui.cli import recovery_view as view
from pantry_tui.cli.keys_given import unlocking
from pantry_tui.cli.output import counted, print_document
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.question import confirm, require_terminal
from pantry_tui.cli.recovery_choice import (
    add_choice_options,
    require_own,
    restore_request,
    restore_target,
)
from pantry_tui.cli.recovery_foreign import backup_at, execute_foreign, execute_imported, named_path
from pantry_tui.cli.recovery_question import recovery_question
from pantry_tui.cli.recovery_renaming import rename_schemas
from pantry_tui.cli.session import (
    configuration,
    look_up,
    repository,
    run_job,
)
from pantry_tui.errors import RestoreError, VerificationError
from pantry_tui.models import (
    BackupKind,
    RestoreResult,
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
    add_choice_options(execute)
    execute.add_argument(
        "--dry-run", action="store_true", help="do all of it, tell what it did, and take it back; nothing changes"
    )
    execute.add_argument("--yes", action="store_true", help="do not ask")
    recovery_plan.add_arguments(commands)
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
    target = restore_target(args, config)
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
    require_own(args, backup, target)
    if asks:
        confirm(recovery_question(args, backup, target))
    keys = unlocking(args, config, backup)
    request = restore_request(args, config, place, backup, target, keys, dry_run=args.dry_run)
    result = RestoreResult.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(result)
    else:
        view.print_result(result)
    if failing := [outcome for outcome in result.assertions if not outcome.holds]:
        raise VerificationError(
            f"the recovery would fail: {counted(len(failing), 'assertion')} would not hold",
            remedy="look whether the assertion fits the backup, or choose another backup",
            detail="\n".join(result.violations),
        )
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
