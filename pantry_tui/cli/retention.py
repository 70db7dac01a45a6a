"""`pantry-tui retention`: which backups are kept by which rule, and deleting the others."""

from __future__ import annotations

import argparse

from pantry_tui.cli.output import Column, counted, moment, note, print_document, print_line, print_table, size
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.session import add_repository_option, ask_runner, configuration, look_up, repository
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, RefusedError
from pantry_tui.models import RepositoryTarget, RetentionReport, RetentionRequest, RetentionVerdict, ScopedPolicy

_TABLE = (
    Column("ID", least=20),
    Column("DATABASE", spare=2, least=8),
    Column("TAKEN", spare=1),
    Column("SIZE", right=True, spare=3),
    Column("WHAT"),
    Column("WHY", least=24),
)


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    preview = command(
        commands,
        "preview",
        preview_retention,
        summary="what would be kept and deleted, and by which rule",
        description="Shows for each backup whether it is kept, and by which rules. Changes nothing.",
        examples=("pantry-tui retention preview", "pantry-tui retention preview -d crm --json"),
    )
    apply = command(
        commands,
        "apply",
        apply_retention,
        summary="delete what no rule keeps; without --yes a dry run",
        description="Deletes the backups that no rule keeps. Without --yes it only shows what it would do.\n"
        "Pinned backups stay, the last valid and the last proven one of a database, and what others build on.",
        examples=("pantry-tui retention apply", "pantry-tui retention apply --yes"),
    )
    for one in (preview, apply):
        one.add_argument("-d", "--database", metavar="DATABASE", help="only backups of that database")
        add_repository_option(one)
    apply.add_argument("--yes", action="store_true", help="delete")


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def preview_retention(args: argparse.Namespace) -> int:
    """Shows what would become of each backup."""
    config = configuration(args)
    _show(args, _looked_at(args, config, repository(args, config)))
    return 0


def apply_retention(args: argparse.Namespace) -> int:
    """Deletes what no rule keeps, if that was confirmed."""
    config = configuration(args)
    place = repository(args, config)
    if not args.yes:
        _show(args, _looked_at(args, config, place))
        note(args, "a dry run: nothing was deleted; to delete, add --yes")
        return 0
    _require_backups(args, _looked_at(args, config, place))
    request = RetentionRequest(policies=_policies(args, config, place))
    report = ask_runner(config, lambda runner: runner.apply_retention(place, request))
    _show(args, report)
    return RefusedError.exit_status if any(verdict.problem for verdict in report.verdicts) else 0


def _looked_at(args: argparse.Namespace, config: Config, place: RepositoryTarget) -> RetentionReport:
    request = RetentionRequest(policies=_policies(args, config, place))
    return look_up(config, lambda reads: reads.retention(place, request))


def _policies(args: argparse.Namespace, config: Config, place: RepositoryTarget) -> tuple[ScopedPolicy, ...]:
    """The policies that count; with `-d`, those that may be for that database, and for no other."""
    from pantry_tui.runner.scheduling.wishes import policies_of_schedules

    schedules = [status.schedule for status in look_up(config, lambda reads: reads.schedules())]
    schedules += look_up(config, lambda reads: reads.deleted_schedules())
    policies = config.retention_policies(policies_of_schedules(schedules, config), repository=place.name)
    if args.database is None:
        return policies
    return tuple(
        ScopedPolicy(policy=scoped.policy, database=args.database, schedule=scoped.schedule)
        for scoped in policies
        if scoped.database in (None, args.database)
    )


def _require_backups(args: argparse.Namespace, report: RetentionReport) -> None:
    """Raises `NotFoundError` for a database of which there is no backup: its name may be wrong."""
    if args.database is not None and all(verdict.database != args.database for verdict in report.verdicts):
        raise NotFoundError(
            f"there is no backup of the database {args.database}", remedy="list them with: pantry-tui backup list"
        )


def _show(args: argparse.Namespace, report: RetentionReport) -> None:
    shown = [verdict for verdict in report.verdicts if args.database in (None, verdict.database)]
    for words in report.unread:
        note(args, f"kept, for it cannot be looked at: {words}")
    if args.json:
        print_document(_document(report, shown))
    elif not shown:
        note(args, "no backups")
    else:
        print_table(_TABLE, [_row(verdict, applied=report.applied) for verdict in shown])
        print_line(_sum(report, shown))


def _row(verdict: RetentionVerdict, *, applied: bool) -> tuple[str, ...]:
    what = "keep" if verdict.kept else "delete"
    if applied:
        what = "kept" if verdict.kept else "deleted" if verdict.deleted else "NOT DELETED"
    why = "; ".join((verdict.problem,) if verdict.problem else verdict.reasons)
    return verdict.backup_id, verdict.database, moment(verdict.at), size(verdict.bytes), what, why


def _sum(report: RetentionReport, shown: list[RetentionVerdict]) -> str:
    going = [verdict for verdict in shown if (verdict.deleted if report.applied else not verdict.kept)]
    freed = size(sum(verdict.bytes for verdict in going))
    verb = "deleted" if report.applied else "would be deleted"
    return f"{counted(len(shown) - len(going), 'backup')} kept, {len(going):,} {verb}: {freed}"


def _document(report: RetentionReport, shown: list[RetentionVerdict]) -> dict[str, object]:
    going = [verdict for verdict in shown if not verdict.kept]
    return {
        "applied": report.applied,
        "kept": len(shown) - len(going),
        "deleted": sum(verdict.deleted for verdict in going) if report.applied else len(going),
        "bytes": sum(verdict.bytes for verdict in going if verdict.deleted or not report.applied),
        "backups": shown,
        "unread": report.unread,
    }
