"""`pantry-tui backup copy`: a second place for backups, another directory or an object store."""

from __future__ import annotations

import argparse

from pantry_tui.cli.output import counted, duration, print_document, print_line, size
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.cli.session import add_repository_option, configuration, leave_job, repository, run_job, started_by
from pantry_tui.errors import UsageError
from pantry_tui.models import CopyCheck, CopyRequest, CopyResult

MISSING = "missing"


def add_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declares the command."""
    copy = command(
        commands,
        "copy",
        copy_backups,
        summary="copy a backup to another repository, and read it back there",
        description="Copies a backup, with the base that it builds on, to another repository: a directory or an object store.\n"
        "What is there already is not sent again, so that a copy that was cut off goes on where it ended. Each part is\n"
        "compared on arrival, some are read back (all with --check all), and the manifest comes last. Copying a backup\n"
        "that is there reads it back again. The outcome is recorded beside the backup; `backup show` tells it.",
        examples=(
            "pantry-tui backup copy latest offsite",
            "pantry-tui backup copy missing offsite -d crm --recheck 3",
            "pantry-tui backup copy latest s3://company-backups/crm --check all",
            "pantry-tui backup copy latest /mnt/usb/backups --repository offsite",
        ),
    )
    copy.add_argument(
        "id",
        metavar="ID",
        help="a backup's id, the beginning of one, `latest`, or `missing`: all that are not there yet",
    )
    copy.add_argument("to", metavar="TO", help="a configured repository, an absolute path, or s3://bucket/prefix")
    copy.add_argument("-d", "--database", metavar="DATABASE", help="of `missing`: only backups of this database")
    copy.add_argument(
        "--check",
        choices=[str(how) for how in CopyCheck],
        default=str(CopyCheck.SAMPLE),
        help="how much is read back: a sample, or all (default: sample)",
    )
    copy.add_argument(
        "--recheck",
        type=positive,
        default=0,
        metavar="N",
        help="of `missing`: also read N copies back that are there, those of which it is longest ago",
    )
    copy.add_argument("--no-wait", action="store_true", help="leave it to a runner, and print the job's id")
    add_repository_option(copy)


def copy_backups(args: argparse.Namespace) -> int:
    """Copies; the figures are the result."""
    if (args.database or args.recheck) and args.id != MISSING:
        option = "-d" if args.database else "--recheck"
        raise UsageError(f"{option} goes with `missing` alone: an id says which backup is meant", remedy="leave it out")
    config = configuration(args)
    request = CopyRequest(
        repository=repository(args, config),
        destination=config.repository_target(args.to),
        backup_id=None if args.id == MISSING else args.id,
        database=args.database,
        check=CopyCheck(args.check),
        recheck=args.recheck,
        started_by=started_by(),
    )
    if args.no_wait:
        leave_job(args, config, request)
        return 0
    result = CopyResult.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(result)
        return 0
    for each in result.copied:
        sent = f"{size(each.sent_bytes)} sent" if each.sent_bytes else "was there"
        print_line(f"{each.backup_id}: {sent}, {size(each.checked_bytes)} read back, {duration(each.seconds)}")
    print_line(f"{counted(len(result.copied), 'backup')} in {result.location}, verified" if result.copied else _NONE)
    return 0


_NONE = "Nothing is missing there"
