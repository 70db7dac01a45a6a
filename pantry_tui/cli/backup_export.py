"""`pantry-tui backup export`: what a backup holds as one file, in its own or another format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pantry_tui.cli.keys_given import (
    add_identity_options,
    add_trust_option,
    backup_to_open,
    parsed_recipients,
    unlocking,
)
from pantry_tui.cli.output import counted, duration, note, print_document, print_line, size
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.progress import ProgressPrinter
from pantry_tui.cli.session import (
    add_repository_option,
    configuration,
    look_up,
    repository,
    run_job,
    started_by,
)
from pantry_tui.cli.streams import flush, write_bytes
from pantry_tui.config import Config
from pantry_tui.errors import UsageError
from pantry_tui.models import STANDARD_OUTPUT, BackupExport, BackupFormat, ExportRequest


def add_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declares the command."""
    export = command(
        commands,
        "export",
        export_backup,
        summary="write a backup, or some of its tables, into one file of any format",
        description="Writes what a backup holds into a new file, without a server: all of it or some tables, in its own\n"
        "format, from sql to csv, or from csv to sql. A file of format sql is restored by psql; csv and json hold rows\n"
        "alone. FILE's ending says the rest: .sql, .sql.gz, .sql.zst, .json, .json.gz, .json.zst, .zip for csv. The file\n"
        "is not encrypted unless --recipient is given, and FILE then ends with .age. Nothing is overwritten.",
        examples=(
            "pantry-tui backup export latest -o crm.sql.gz",
            "pantry-tui backup export latest -o orders.zip -f csv -t 'sales.*' -t public.users",
            "pantry-tui backup export latest -o - -t public.users | psql -d crm_scratch",
            "pantry-tui backup export latest -o crm.sql.zst.age --recipient age1…",
        ),
    )
    export.add_argument("id", metavar="ID", help="a backup's id, the beginning of one, or `latest`")
    export.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the file to write, or - for standard output"
    )
    export.add_argument(
        "-t",
        "--table",
        action="append",
        default=[],
        metavar="TABLE",
        help="schema.table, as `backup show` lists it, or a pattern as pg_dump takes it (film*, sales.*); repeat for more",
    )
    export.add_argument(
        "-f",
        "--format",
        choices=[str(each) for each in BackupFormat],
        metavar="FORMAT",
        help="sql, json or csv (default: the backup's own)",
    )
    export.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="KEY",
        help="encrypt the file to this recipient (age1…); repeatable",
    )
    add_trust_option(export)
    add_identity_options(export)
    add_repository_option(export)


def export_backup(args: argparse.Namespace) -> int:
    """Writes the file; what is not in it is remarked on standard error."""
    config = configuration(args)
    request = _request(args, config)
    if request.output == STANDARD_OUTPUT:
        _to_standard_output(args, config, request)
        return 0
    done = BackupExport.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(done)
        return 0
    _name_left_out(args, done)
    print_line(_summary(done))
    return 0


def _request(args: argparse.Namespace, config: Config) -> ExportRequest:
    from pantry_tui.artifact.trusted import require_fingerprints  # loads cryptography, which `backup list` need not

    require_fingerprints(args.trust)
    place = repository(args, config)
    to_file = args.output != STANDARD_OUTPUT
    return ExportRequest(
        repository=place,
        backup_id=args.id,
        output=str(Path(args.output).expanduser().absolute()) if to_file else STANDARD_OUTPUT,
        format=BackupFormat(args.format) if args.format else None,
        tables=tuple(args.table),
        recipients=parsed_recipients(args),
        unlocking=unlocking(args, config, backup_to_open(args, config, place)),
        trust=tuple(args.trust),
        data_directory=config.data_directory,
        started_by=started_by(),
    )


def _to_standard_output(args: argparse.Namespace, config: Config, request: ExportRequest) -> None:
    """In this process: a job's output is nobody's terminal or pipe."""
    if args.json:
        raise UsageError("--json and -o - would both write to standard output", remedy="write into a file")
    if sys.stdout.isatty() and (request.recipients or _is_csv(config, request)):
        raise UsageError("a terminal cannot show such a file", remedy="name a file, or pass it on: -o - | …")
    printer = ProgressPrinter(quiet=args.quiet)
    try:
        done = look_up(config, lambda reads: reads.export(request, write_bytes, printer))
    finally:
        printer.close()
    flush()
    _name_left_out(args, done)
    note(args, _summary(done))


def _is_csv(config: Config, request: ExportRequest) -> bool:
    own = look_up(config, lambda reads: reads.backup(request.repository, request.backup_id)).summary.format
    return (request.format or own) is BackupFormat.CSV


def _name_left_out(args: argparse.Namespace, done: BackupExport) -> None:
    for what in done.left_out:
        note(args, f"left out: {what}")


def _summary(done: BackupExport) -> str:
    where = "standard output" if done.path == STANDARD_OUTPUT else done.path
    holds = f"{counted(done.tables, 'table')}, {counted(done.rows, 'row')}"
    how = "encrypted, " if done.encrypted else ""
    took = duration(done.duration_seconds)
    return f"Exported as {done.format}: {holds}, {size(done.bytes)}, {how}in {took}: {where}"
