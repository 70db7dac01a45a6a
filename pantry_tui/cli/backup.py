"""`pantry-tui backup`: take, import, list, show, look into, export, copy, validate, pin, label and delete backups."""

from __future__ import annotations

import argparse
import os
from enum import StrEnum
from pathlib import Path

from pantry_tui.cli import backup_copy, backup_diff, backup_export, backup_import, backup_peek
from pantry_tui.cli import backup_view as view
from pantry_tui.cli.keys_given import add_identity_options, add_recipient_options, backup_to_open, recipients, unlocking
from pantry_tui.cli.output import note, print_document, print_line
from pantry_tui.cli.parser import Parser, command, positive, size_in_bytes, unsupported
from pantry_tui.cli.question import confirm_typed, require_terminal
from pantry_tui.cli.session import (
    add_repository_option,
    ask_runner,
    configuration,
    leave_job,
    look_up,
    repository,
    run_job,
    started_by,
)
from pantry_tui.config import Config
from pantry_tui.errors import BackupDamagedError, ContentsUnreadError, NotFoundError
from pantry_tui.models import (
    TAKEN_KINDS,
    BackupFormat,
    BackupKind,
    BackupRequest,
    BackupSelection,
    BackupSummary,
    Compression,
    MarkRequest,
    RepositoryTarget,
    ValidateRequest,
    ValidationResult,
    utc_now,
)

ALL_DATABASES = "*"


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    _add_create(commands)
    backup_import.add_command(commands)
    _add_list(commands)
    show = command(
        commands,
        "show",
        show_backup,
        summary="everything that is known of one backup",
        description="Shows a backup: when and from which server, its tables with rows and sizes,\n"
        "its files with checksums.",
        examples=("pantry-tui backup show latest", "pantry-tui backup show 20261123T020000Z-daily-7f3a --json"),
    )
    backup_peek.add_command(commands)
    backup_diff.add_command(commands)
    backup_export.add_command(commands)
    backup_copy.add_command(commands)
    validate = command(
        commands,
        "validate",
        validate_backup,
        summary="read a backup back, whole, and say whether it is what was written",
        description="Reads every stored byte back: checksums, compression, structure of the rows, their number and\n"
        "the end of the document. A backup is called valid only if all of it was read; an encrypted one takes an identity.",
        examples=("pantry-tui backup validate latest",),
    )
    delete = command(
        commands,
        "delete",
        delete_backup,
        summary="delete a backup; refuses a pinned one and the last good one",
        description="Deletes a backup after its id was typed. A pinned backup is protected, and the\n"
        "last good one of a database.",
        examples=("pantry-tui backup delete 20261123T020000Z-daily-7f3a",),
    )
    pin, unpin, label = _add_marks(commands)
    for one in (show, validate, delete, pin, unpin, label):
        one.add_argument("id", metavar="ID", help="a backup's id, the beginning of one, or `latest`")
        add_repository_option(one)
    add_identity_options(validate)
    label.add_argument("text", metavar="TEXT", help="the label, on one line")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--force", action="store_true", help="delete it even if it is protected")


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def create_backup(args: argparse.Namespace) -> int:
    """Takes a backup; its verified summary is the result."""
    config = configuration(args)
    _reject_unsupported(args, config)
    request = BackupRequest(
        database=config.database_target(args.database),
        repository=repository(args, config),
        name=args.name,
        kind=BackupKind(args.kind),
        format=BackupFormat(args.format),
        compression=Compression(args.compression or config.backup.compression),
        selection=BackupSelection(
            tables=tuple(args.table),
            exclude_tables=tuple(args.exclude_table),
            schemas=tuple(args.schema),
            exclude_schemas=tuple(args.exclude_schema),
        ),
        batch_size=args.batch_size,
        recipients=recipients(args, config),
        jobs=args.jobs or config.backup.jobs,
        max_rate=args.max_rate or config.backup.max_bytes_per_second,
        fingerprints=not args.no_fingerprints,
        base=args.base,
        or_full=args.or_full,
        lock_timeout_seconds=config.backup.lock_timeout_seconds,
        started_by=started_by(),
    )
    if args.no_wait:
        leave_job(args, config, request)
        return 0
    summary = BackupSummary.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(summary)
    else:
        view.print_created(summary)
        for copy in config.copies_of(request.repository):
            note(
                args,
                f"copied to {copy.name} by a job of its own: `pantry-tui backup show {summary.id}` tells how it went",
            )
    return 0


def list_backups(args: argparse.Namespace) -> int:
    """Lists backups, newest first."""
    config = configuration(args)
    place = repository(args, config)
    backups = look_up(config, lambda reads: reads.backups(place, database=args.database, limit=args.limit), args)
    none = "" if backups else _why_none(args, config, place)
    if args.json:
        print_document(backups)
    elif backups:
        view.print_list(backups, utc_now())
    else:
        note(args, none)
    return 0


def _why_none(args: argparse.Namespace, config: Config, place: RepositoryTarget) -> str:
    """Which backups there are instead. Raises `NotFoundError` for a directory that somebody named and that is not there."""
    if place.store is None and os.sep in (args.repository or "") and not Path(place.location).exists():
        raise NotFoundError(f"there is no directory {place.location}", remedy="name a directory with backups")
    others = look_up(config, lambda reads: reads.backups(place)) if args.database else []
    if not others:
        return f"no backups in {place.location}"
    databases = ", ".join(sorted({backup.database for backup in others}))
    return f"no backups of the database {args.database} in {place.location}; of these there are: {databases}"


def show_backup(args: argparse.Namespace) -> int:
    """Shows one backup."""
    config = configuration(args)
    place = repository(args, config)
    details = look_up(config, lambda reads: reads.backup(place, args.id))
    if args.json:
        print_document(view.details_document(details))
    else:
        view.print_details(details)
    return 0


def validate_backup(args: argparse.Namespace) -> int:
    """Reads a backup back; damage is the result and the exit status."""
    config = configuration(args)
    place = repository(args, config)
    backup = backup_to_open(args, config, place)
    request = ValidateRequest(
        repository=place,
        backup_id=args.id if backup is None else backup.id,
        unlocking=unlocking(args, config, backup),
        started_by=started_by(),
    )
    try:
        result = ValidationResult.from_builtins(run_job(args, config, request))
    except BackupDamagedError as error:  # so damaged that it cannot even be opened
        if not args.json:
            raise
        print_document({"backup_id": args.id, "valid": False, "problems": [error.message]})
        return error.exit_status
    if args.json:
        print_document(result)
    else:
        view.print_validation(result)
    if result.unread:
        return ContentsUnreadError.exit_status
    return 0 if result.valid else BackupDamagedError.exit_status


def delete_backup(args: argparse.Namespace) -> int:
    """Deletes a backup, after a confirmation."""
    if not (args.yes or args.force):
        require_terminal("deleting a backup", "--yes")
    config = configuration(args)
    place = repository(args, config)
    if args.force:  # also one that cannot be read, and of which nothing can be shown
        backup_id = look_up(config, lambda reads: reads.resolve(place, args.id))
    else:
        summary = look_up(config, lambda reads: reads.backup(place, args.id)).summary
        backup_id = summary.id
        if not args.yes:
            confirm_typed(view.loss(summary), backup_id)
    ask_runner(config, lambda runner: runner.delete_backup(place, backup_id, force=args.force))
    if args.json:
        print_document({"id": backup_id, "deleted": True})
    else:
        print_line(f"Deleted {backup_id}")
    return 0


def pin_backup(args: argparse.Namespace) -> int:
    """Pins a backup."""
    return _mark(args, MarkRequest(pinned=True))


def unpin_backup(args: argparse.Namespace) -> int:
    """Takes a pin out."""
    return _mark(args, MarkRequest(pinned=False))


def label_backup(args: argparse.Namespace) -> int:
    """Labels a backup."""
    return _mark(args, MarkRequest(label=args.text))


def _mark(args: argparse.Namespace, request: MarkRequest) -> int:
    config = configuration(args)
    place = repository(args, config)
    marked = ask_runner(config, lambda runner: runner.mark_backup(place, args.id, request))
    if args.json:
        print_document(marked)
    else:
        print_line(view.marked(marked, request))
    return 0


def _add_create(commands: argparse._SubParsersAction[Parser]) -> None:
    create = command(
        commands,
        "create",
        create_backup,
        summary="take a backup",
        description="Takes a backup of one database: one snapshot for schema, rows, sequences and fingerprints,\n"
        "whatever the number of workers. It exists when everything was written, read back and agreed.\n"
        "What a selection leaves out stands in the backup's details, with the keys and views that pointed to it.",
        examples=(
            "pantry-tui backup create -n daily",
            "pantry-tui backup create -n before-upgrade -d crm --jobs 4 --json",
            "pantry-tui backup create -n hourly --kind incremental --or-full",
            "pantry-tui backup create -n migration --kind schema",
            "pantry-tui backup create -n orders -t 'sales.*' -T sales.audit --compression zstd",
        ),
    )
    create.add_argument("-n", "--name", required=True, metavar="NAME", help="what the backup is called")
    create.add_argument("-d", "--database", metavar="DATABASE", help="a configured database, a URI, or a database name")
    create.add_argument(
        "-f", "--format", choices=_words(BackupFormat), default="sql", metavar="FORMAT", help="sql, json or csv"
    )
    create.add_argument(
        "--kind",
        choices=[str(kind) for kind in TAKEN_KINDS],
        default="full",
        metavar="KIND",
        help="full, incremental (what changed since a full one), schema (no rows) or data (rows alone)",
    )
    create.add_argument(
        "--compression",
        nargs="?",
        const="gzip",
        choices=_words(Compression),
        metavar="METHOD",
        help="gzip (the default), zstd or none; csv has none in plain files, gzip in one zip file, and no zstd",
    )
    for option, what in (
        (("-t", "--table"), "only tables of this name, a pattern as pg_dump takes it; repeat for more"),
        (("-T", "--exclude-table"), "everything but tables of this name"),
        (("--schema",), "only schemas of this name, with all that is in them"),
        (("--exclude-schema",), "everything but schemas of this name"),
    ):
        create.add_argument(*option, action="append", default=[], metavar="PATTERN", help=what)
    _add_pace(create)
    create.add_argument(
        "--no-fingerprints", action="store_true", help="faster; a restore can then compare row counts only"
    )
    create.add_argument("--no-wait", action="store_true", help="leave the job to a runner and print the job's id")
    add_repository_option(create)
    create.add_argument(
        "--base",
        metavar="ID",
        help="of an incremental backup: the full one to build on (default: the newest that can be)",
    )
    create.add_argument(
        "--or-full", action="store_true", help="where no incremental backup can be taken, take a full one, and say why"
    )
    add_recipient_options(create)


def _add_pace(create: Parser) -> None:
    create.add_argument(
        "--batch-size", type=positive, metavar="N", help="most rows in a segment (default: by size alone)"
    )
    create.add_argument("--jobs", type=positive, metavar="N", help="worker processes (default: one per core)")
    create.add_argument(
        "--max-rate", type=size_in_bytes, metavar="SIZE", help="read at most so much of rows in a second, such as 20MB"
    )


def _add_marks(commands: argparse._SubParsersAction[Parser]) -> tuple[Parser, Parser, Parser]:
    pin = command(
        commands,
        "pin",
        pin_backup,
        summary="protect a backup from being deleted",
        description="Pins a backup: it is not deleted unless that is forced.",
        examples=("pantry-tui backup pin 20261123T020000Z-before-upgrade-7f3a",),
    )
    unpin = command(
        commands,
        "unpin",
        unpin_backup,
        summary="take the pin out of a backup",
        description="Takes the pin out of a backup, which may then be deleted like any other.",
        examples=("pantry-tui backup unpin 20261123T020000Z-before-upgrade-7f3a",),
    )
    label = command(
        commands,
        "label",
        label_backup,
        summary="write a label on a backup",
        description="Writes a label on a backup, in place of the one it has. An empty text takes it off.",
        examples=('pantry-tui backup label latest "before release 2.4"', 'pantry-tui backup label latest ""'),
    )
    return pin, unpin, label


def _add_list(commands: argparse._SubParsersAction[Parser]) -> None:
    listing = command(
        commands,
        "list",
        list_backups,
        summary="list backups, newest first",
        description="Lists backups, newest first. VALIDATED tells whether and when a backup was last validated,\n"
        "RESTORED when a restore of it last compared equal. Every backup was read back once before it was listed.",
        examples=("pantry-tui backup list -l 10", "pantry-tui backup list -d crm --json"),
    )
    listing.add_argument("-l", "--limit", type=positive, metavar="N", help="at most so many")
    listing.add_argument("-d", "--database", metavar="DATABASE", help="only backups of that database")
    add_repository_option(listing)


def _reject_unsupported(args: argparse.Namespace, config: Config) -> None:
    if args.database == ALL_DATABASES:
        raise unsupported("-d '*' (every database of the server)")


def _words(kind: type[StrEnum]) -> list[str]:
    return [str(member) for member in kind]
