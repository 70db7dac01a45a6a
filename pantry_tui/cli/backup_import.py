"""`pantry-tui backup import`: take a dump that somebody brings into the repository."""

from __future__ import annotations

import argparse
from pathlib import Path

from pantry_tui.cli.backup_view import content
from pantry_tui.cli.keys_given import add_identity_options, add_recipient_options, given, recipients
from pantry_tui.cli.output import print_document, print_line, size
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.session import add_repository_option, configuration, repository, run_job, started_by
from pantry_tui.models import BackupSummary, ImportRequest, Unlocking


def add_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declares the command."""
    bring = command(
        commands,
        "import",
        import_dump,
        summary="take a dump that somebody else made into the repository",
        description="Takes a dump that somebody brings into the repository, as it is: a script of pg_dump, plain or packed\n"
        "by gzip or zstd, or an archive (pg_dump -Fc, -Ft). It is looked through to its end mark, and nothing of it is run:\n"
        "what no dump of one database needs is refused, with its line. It is then listed, validated, pinned and\n"
        "deleted like a backup; `recovery execute ID` restores it as it would from its path.",
        examples=(
            "pantry-tui backup import ./from-the-agency.sql.gz -n handover -d shop",
            "pantry-tui backup import ./theirs.dump -n before-the-move -d crm --json",
        ),
    )
    bring.add_argument("file", metavar="FILE", help="the dump")
    bring.add_argument("-n", "--name", required=True, metavar="NAME", help="what it is called in the repository")
    bring.add_argument(
        "-d", "--database", required=True, metavar="DATABASE", help="the database that it is listed under: any name"
    )
    add_recipient_options(bring)
    add_identity_options(bring)
    add_repository_option(bring)


def import_dump(args: argparse.Namespace) -> int:
    """Takes the dump in; its summary is the result."""
    from pantry_tui.artifact.content import SEALED_SUFFIX  # loads cryptography, which `backup list` need not

    config = configuration(args)
    path = Path(args.file).expanduser().resolve()
    request = ImportRequest(
        path=str(path),
        repository=repository(args, config),
        name=args.name,
        database=args.database,
        recipients=recipients(args, config),
        unlocking=given(args, config) if path.suffix == SEALED_SUFFIX else Unlocking(),
        started_by=started_by(),
    )
    summary = BackupSummary.from_builtins(run_job(args, config, request))
    if args.json:
        print_document(summary)
        return 0
    print_line(f"{summary.path}: {content(summary)}, {size(summary.bytes)}")
    print_line(f"Taken in, whole to its end mark: {summary.id}; what it holds shows a restore")
    return 0
