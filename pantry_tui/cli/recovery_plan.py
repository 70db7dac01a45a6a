"""`pantry-tui recovery plan`: what a recovery would do, before it does anything."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from pantry_tui.cli import recovery_plan_view as view
from pantry_tui.cli.keys_given import unlocking
from pantry_tui.cli.output import print_document
from pantry_tui.cli.parser import command
from pantry_tui.cli.recovery_choice import (
    add_choice_options,
    require_own,
    restore_request,
    restore_target,
    said_again,
    settings_of,
)
from pantry_tui.cli.recovery_foreign import backup_at, foreign_request, imported_request, named_path
from pantry_tui.cli.recovery_foreign_plan import plan_dump
from pantry_tui.cli.session import configuration, look_up, repository, run_job
from pantry_tui.config import Config
from pantry_tui.models import BackupKind, PlanRequest, RecoveryPlan

_DESCRIPTION = (
    "Tells what `recovery execute` would do with the same options, and does none of it: which way it would go\n"
    "and why, what becomes of each table, what depends on them, which columns changed since, who holds locks\n"
    "now, how much room it takes, what is lost, what may go wrong, how long it will take, and the command that\n"
    "does it.\n\n"
    "The time is reckoned by what recoveries and drills took on this server. Where there were none, a second's\n"
    "work is timed there, in a temporary table of a transaction that is rolled back (--no-probe leaves that out).\n\n"
    "A dump that somebody brought is read to its end, as before it is restored, and nothing of it is run: what is\n"
    "known of it is told, and what nobody can know beforehand.\n\n"
    "Exit status 0 means that it could be executed, as far as can be told beforehand. Otherwise it is that of\n"
    "the first reason why not; the plan is printed all the same, with every reason."
)


def add_arguments(commands: Any) -> None:
    """Declares the command."""
    plan = command(
        commands,
        "plan",
        plan_recovery,
        summary="tell what a recovery would do, and how long it takes",
        description=_DESCRIPTION,
        examples=(
            "pantry-tui recovery plan latest",
            "pantry-tui recovery plan latest -t public.contacts -s merge",
            "pantry-tui recovery plan latest --target crm_restored --json",
            "pantry-tui recovery plan latest --rename-schema public=yesterday",
            "pantry-tui recovery plan ./from-the-agency.sql.gz --target theirs",
        ),
    )
    add_choice_options(plan)
    plan.add_argument("--no-probe", action="store_true", help="time nothing on the server")


def plan_recovery(args: argparse.Namespace) -> int:
    """Plans and tells; 0 when it could be executed, else the exit status of the first reason why not."""
    config = configuration(args)
    target = restore_target(args, config)
    path = named_path(args.id)
    at = None if path is None else backup_at(path)
    if path is not None and at is None:
        return plan_dump(args, config, foreign_request(args, config, path, target))
    place, reference = at or (repository(args, config), args.id)
    backup = look_up(config, lambda reads: reads.backup(place, reference)).summary
    if backup.kind is BackupKind.FOREIGN:
        return plan_dump(args, config, imported_request(args, config, place, backup, target))
    require_own(args, backup, target)
    keys = unlocking(args, config, backup)
    request = restore_request(args, config, place, backup, target, keys)
    settings = settings_of(args, config, backup) if _is_configured(args, config, backup.database) else None
    asked = PlanRequest(
        **msgspec.structs.asdict(request),
        rto_seconds=settings.rto_seconds if settings is not None else None,
        rpo_seconds=settings.rpo_seconds if settings is not None else None,
        probe=not args.no_probe,
        options=said_again(args, place, target),
    )
    plan = RecoveryPlan.from_builtins(run_job(args, config, asked))
    if args.json:
        print_document({"executable": plan.executable, **plan.to_builtins()})
    else:
        view.print_plan(plan)
    return plan.refusals[0].exit_status if plan.refusals else 0


def _is_configured(args: argparse.Namespace, config: Config, database: str) -> bool:
    return (args.database or database) in config.databases
