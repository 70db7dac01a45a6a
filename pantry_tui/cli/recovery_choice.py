"""What is to be recovered, and how: the options that planning and executing share, and the request that they make."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pantry_tui.cli.keys_given import add_identity_options, add_trust_option
from pantry_tui.cli.parser import Parser, positive
from pantry_tui.cli.recovery_renaming import add_rename_option, rename_schemas
from pantry_tui.cli.session import add_repository_option, started_by
from pantry_tui.config import Config
from pantry_tui.config.restoring import is_address
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.errors import RefusedError, UsageError
from pantry_tui.models import BackupSummary, DatabaseTarget, RepositoryTarget, RestoreRequest, Strategy, Unlocking


def add_choice_options(parser: Parser) -> None:
    """Declares what both take."""
    parser.add_argument(
        "id", metavar="ID", help="a backup's id, the beginning of one, `latest`, or the path of a backup or dump"
    )
    parser.add_argument(
        "--target",
        metavar="DATABASE",
        help="a database name on the same server, or a URI or libpq keywords (default: the configured database)",
    )
    parser.add_argument("-d", "--database", metavar="DATABASE", help="the configured database whose server is meant")
    parser.add_argument(
        "-t",
        "--table",
        action="append",
        default=[],
        metavar="TABLE",
        help="only this table, as schema.name or as SQL quotes it; repeatable",
    )
    parser.add_argument(
        "-x", "--exclude-table", action="append", default=[], metavar="TABLE", help="not this table; repeatable"
    )
    parser.add_argument(
        "-s",
        "--strategy",
        choices=[strategy.value for strategy in Strategy],
        default=Strategy.REPLACE.value,
        metavar="STRATEGY",
        help="what becomes of rows that are there: replace (the default), merge or append",
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="in place: most rows that one statement exchanges, still in one transaction (default: a table's all at once)",
    )
    add_rename_option(parser)
    parser.add_argument(
        "--create-roles", action="store_true", help="make the backup's roles that the server lacks, without passwords"
    )
    parser.add_argument(
        "--managed",
        action="store_true",
        help="others manage the server: leave their schemas alone, and tell what the role may not make",
    )
    parser.add_argument("--no-checkpoint", action="store_true", help="keep nothing on the server that would undo it")
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="connections at work at once (default: one per core)"
    )
    add_trust_option(parser)
    parser.add_argument(
        "--no-validate",
        action="store_true",
        help="do not compare the result with the backup, and do not ask the assertions",
    )
    parser.add_argument("--no-analyze", action="store_true", help="do not collect the planner's statistics afterwards")
    add_identity_options(parser)
    add_repository_option(parser)


def require_own(args: argparse.Namespace, backup: BackupSummary, target: DatabaseTarget) -> None:
    """Raises `RefusedError` where nobody said that a backup of one database is to go into another."""
    if args.target is None and backup.database != target.name:
        raise RefusedError(
            f"backup {backup.id} is of database {backup.database}, and {target.name} is the configured one",
            remedy=f"say where it goes: -d {backup.database} if that is configured, or --target NAME",
        )


def is_partial(args: argparse.Namespace) -> bool:
    """Whether tables are meant, and not the database as a whole."""
    return bool(args.table or args.exclude_table or args.strategy != Strategy.REPLACE)


def restore_target(args: argparse.Namespace, config: Config) -> DatabaseTarget:
    """The database that is meant. Raises `UsageError`, `ConfigError`."""
    if args.target is None:
        return config.database_target(args.database)
    if args.database is not None and is_address(args.target):
        raise UsageError(
            "-d names the server for a plain --target name; this --target names its own", remedy="leave -d out"
        )
    return config.restore_target(args.target, server=args.database)


def settings_of(args: argparse.Namespace, config: Config, backup: BackupSummary) -> DatabaseSettings:
    """What is configured of the database: its tier, its assertions."""
    found = config.databases.get(args.database or backup.database)
    return found if found is not None else DatabaseSettings()


def restore_request(
    args: argparse.Namespace,
    config: Config,
    place: RepositoryTarget,
    backup: BackupSummary,
    target: DatabaseTarget,
    keys: Unlocking,
    *,
    dry_run: bool = False,
) -> RestoreRequest:
    """The request that the options make."""
    settings = settings_of(args, config, backup)
    return RestoreRequest(
        repository=place,
        backup_id=backup.id,
        target=target,
        tables=tuple(args.table),
        exclude=tuple(args.exclude_table),
        strategy=Strategy(args.strategy),
        dry_run=dry_run,
        checkpoint=not args.no_checkpoint,
        rename_schemas=rename_schemas(args),
        managed=args.managed,
        create_roles=args.create_roles,
        swap=True,
        jobs=args.jobs,
        batch_size=args.batch_size,
        verify=not args.no_validate,
        assertions=settings.asserted,
        assertion_seconds=settings.assertion_timeout_seconds,
        trust=tuple(args.trust),
        analyze=not args.no_analyze,
        unlocking=keys,
        started_by=started_by(),
    )


def said_again(args: argparse.Namespace, place: RepositoryTarget | None, target: DatabaseTarget) -> tuple[str, ...]:
    """The options as they were given, for another command; an address without its password.

    ``place``: the repository of the backup; None for a dump that is in none.
    """
    return tuple(_said(args, place, target))


def _said(args: argparse.Namespace, place: RepositoryTarget | None, target: DatabaseTarget) -> Iterator[str]:
    if args.config is not None:
        yield from ("--config", args.config)
    if args.target is not None:
        yield from ("--target", target.conninfo if is_address(args.target) else args.target)
    for option, value in (
        ("-d", args.database),
        ("-s", args.strategy if args.strategy != Strategy.REPLACE else None),
        ("--jobs", args.jobs),
        ("--batch-size", args.batch_size),
        ("--identity", args.identity),
        ("--passphrase-file", args.passphrase_file),
        ("--repository", place.location if place is not None and "/" in args.id else args.repository),
    ):
        if value is not None:
            yield from (option, str(value))
    for option, values in (
        ("-t", args.table),
        ("-x", args.exclude_table),
        ("--rename-schema", args.rename_schema),
        ("--trust", args.trust),
    ):
        for value in values:
            yield from (option, value)
    for flag in ("--managed", "--create-roles", "--no-checkpoint", "--no-validate", "--no-analyze"):
        if getattr(args, flag.strip("-").replace("-", "_")):
            yield flag
