"""`pantry-tui recovery drill`: rehearse restores, and prove by them that backups restore."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.cli import recovery_drill_view as view
from pantry_tui.cli.failure import describe
from pantry_tui.cli.follow import OnInterrupt, follow
from pantry_tui.cli.keys_given import add_identity_options, add_trust_option, unlocking
from pantry_tui.cli.output import print_document
from pantry_tui.cli.parser import command, positive
from pantry_tui.cli.session import add_repository_option, ask_runner, configuration, look_up, repository, started_by
from pantry_tui.cli.streams import narrate
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, PantryError
from pantry_tui.models import (
    BackupSummary,
    DrillPlace,
    DrillRequest,
    DrillResult,
    Failure,
    JobRequest,
    RepositoryTarget,
)
from pantry_tui.runner.drilling import drill_request, latest_to_drill

if TYPE_CHECKING:
    from pantry_tui.runner.client import RunnerClient


def add_arguments(commands: Any) -> None:
    """Declares the command."""
    drill = command(
        commands,
        "drill",
        drill_backups,
        summary="rehearse a restore, time it, and keep nothing but the proof",
        description="Restores a backup into a throw-away database, compares it with the backup as a recovery does, and\n"
        "tells how long each phase took, beside the recovery time objective of the database's tier. Without an ID the\n"
        "latest backup of each database is drilled, one after the other.\n\n"
        "The database is on a private server that is started for it, of the installed PostgreSQL that fits best, and gone\n"
        "afterwards; with `--on server` on the database's own server. The proof, or the failure, is recorded beside the\n"
        "backup, signed. Exit status 0 means that every backup was restored and is equal; else it is that of the first\n"
        "failure.",
        examples=(
            "pantry-tui recovery drill",
            "pantry-tui recovery drill latest -d crm --on server",
            "pantry-tui recovery drill 20261123T020000Z-daily-7f3a --identity /media/key/identity.txt",
        ),
    )
    drill.add_argument(
        "id",
        metavar="ID",
        nargs="?",
        help="a backup's id, the beginning of one, or `latest` (default: one per database)",
    )
    drill.add_argument(
        "-d", "--database", metavar="DATABASE", help="only backups of this database; with an ID: whose server is meant"
    )
    drill.add_argument(
        "--on",
        choices=[place.value for place in DrillPlace],
        default=DrillPlace.PRIVATE.value,
        metavar="WHERE",
        help="`private`: a server started for it (the default); `server`: the database's own server",
    )
    drill.add_argument("--jobs", type=positive, metavar="N", help="connections at work at once (default: one per core)")
    add_trust_option(drill)
    add_identity_options(drill)
    add_repository_option(drill)


def drill_backups(args: argparse.Namespace) -> int:
    """Drills, tells, and returns the first failure's exit status."""
    config = configuration(args)
    require_fingerprints(args.trust)
    place = repository(args, config)
    results = [_drilled(args, config, place, backup) for backup in _chosen(args, config, place)]
    if args.json:
        print_document({"ok": all(result.ok for result in results), "drills": results})
    else:
        view.print_drills(results)
    failures = [result.failure for result in results if result.failure is not None]
    for failure in failures:
        narrate(describe(failure.as_error()))
    return failures[0].exit_status if failures else 0


def _chosen(args: argparse.Namespace, config: Config, place: RepositoryTarget) -> Sequence[BackupSummary]:
    """The backup that is asked for, or the latest of each database that can be drilled."""
    if args.id is not None and not (args.id == "latest" and args.database is not None):
        return [look_up(config, lambda reads: reads.backup(place, args.id)).summary]
    backups = look_up(config, lambda reads: reads.backups(place, database=args.database), args)
    chosen = latest_to_drill(backups)
    if not chosen:
        of = f" of database {args.database}" if args.database is not None else ""
        raise NotFoundError(
            f"the repository {place.name} has no backup{of} that can be drilled",
            remedy="take one with: pantry-tui backup create -n NAME",
        )
    return [chosen[database] for database in sorted(chosen)]


def _drilled(args: argparse.Namespace, config: Config, place: RepositoryTarget, backup: BackupSummary) -> DrillResult:
    """How the drill went; one that could not be done is a failed one, which nothing is recorded of."""
    where = DrillPlace(args.on)
    try:
        return _result(args, config, _request(args, config, place, backup))
    except PantryError as error:
        return DrillResult(id=backup.id, database=backup.database, ok=False, where=where, failure=Failure.of(error))


def _request(args: argparse.Namespace, config: Config, place: RepositoryTarget, backup: BackupSummary) -> DrillRequest:
    return drill_request(
        config,
        place,
        backup,
        database=args.database,
        where=DrillPlace(args.on),
        jobs=args.jobs,
        trust=tuple(args.trust),
        unlocking=unlocking(args, config, backup),
        started_by=started_by(),
    )


def _result(args: argparse.Namespace, config: Config, request: JobRequest) -> DrillResult:
    """Has a runner do it. Raises the job's failure when there is nothing else to tell of it."""
    from pantry_tui.runner.surrounding import surrounded

    async def work(client: RunnerClient) -> dict[str, Any]:
        job = await client.submit(surrounded(request, config))
        ours = (await client.status()).pid == os.getpid()
        try:
            return await follow(client, job.id, args, OnInterrupt.CANCEL if ours else OnInterrupt.ASK)
        except PantryError:
            result = (await client.job(job.id)).result
            if result is None:
                raise
            return result

    return DrillResult.from_builtins(ask_runner(config, work))
