"""`pantry-tui config`: write, check and show the configuration."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.cli.output import Column, note, print_document, print_fields, print_line, print_table
from pantry_tui.cli.parser import Parser, command
from pantry_tui.cli.question import can_ask
from pantry_tui.cli.streams import narrate
from pantry_tui.config import Config, configuration_paths, load_config
from pantry_tui.config.configuration import URL_VARIABLES, directory_path
from pantry_tui.config.initial import Answers, holds_password, write_configuration
from pantry_tui.config.load import default_data_directory
from pantry_tui.config.machine import (
    configuration_problems,
    database_choices,
    notification_problems,
    repository_problems,
)
from pantry_tui.config.references import redact
from pantry_tui.config.targets import libpq_variables, target_from_uri
from pantry_tui.errors import ConfigError, UsageError
from pantry_tui.escaping import escape
from pantry_tui.models import FindingStatus

_REFERENCES = "env:NAME, file:/path, command:/path, credential:NAME; empty for ~/.pgpass or none"


def add_arguments(parser: Parser) -> None:
    """Declares the commands of this group."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    command(
        commands,
        "show",
        show_configuration,
        summary="every setting and where its value came from",
        description="Shows every setting and where its value came from. Passwords are shown as references only.",
        examples=("pantry-tui config show", "pantry-tui config show --json"),
    )
    command(
        commands,
        "check",
        check_configuration,
        summary="read the configuration and resolve its references; connects to nothing",
        description="Reads the configuration and resolves every reference to a password, without showing any.\n"
        "Connects to nothing; `pantry-tui doctor` does.",
        examples=("pantry-tui config check",),
    )
    _add_init(commands)


def run(args: argparse.Namespace) -> int:
    """Runs the command that was chosen."""
    status: int = args.action(args)
    return status


def _add_init(commands: argparse._SubParsersAction[Any]) -> None:
    init = command(
        commands,
        "init",
        write_first_configuration,
        summary="write a first configuration file",
        description="Writes a commented configuration file (mode 0600) and reads it back. On a terminal it asks for\n"
        "what no option says; elsewhere DATABASE_URL, BACKUP_DIR and DATA_DIR of the environment serve.",
        examples=(
            "pantry-tui config init",
            "pantry-tui config init --database-url postgresql://backup@db/crm --backup-dir /var/backups/crm",
        ),
    )
    init.add_argument("--database-url", metavar="URL", help="the database, without a password")
    init.add_argument("--password", metavar="REFERENCE", help=f"where the password is: {_REFERENCES}")
    init.add_argument("--backup-dir", metavar="DIRECTORY", help="where backups are kept")
    init.add_argument("--data-dir", metavar="DIRECTORY", help="where history and the list of backups are kept")
    init.add_argument(
        "--path", metavar="FILE", help="the file to write (default: the first that `config show` looks for)"
    )
    init.add_argument("--force", action="store_true", help="replace a file that exists")


def show_configuration(args: argparse.Namespace) -> int:
    """Shows every setting and its origin."""
    config = load_config(args.config)
    values = configuration_values(config)
    if args.json:
        shown = {key: {"value": value, "from": origin} for key, value, origin in values}
        print_document({"path": config.path, "values": shown})
        return 0
    files = ", ".join(str(path) for path in configuration_paths())
    print_line(f"configuration file: {config.path or f'none (looked for {files})'}")
    rows = [[key, "" if value is None else str(value), origin] for key, value, origin in values]
    print_table([Column("KEY"), Column("VALUE"), Column("FROM")], rows)
    return 0


def configuration_values(config: Config) -> list[tuple[str, Any, str]]:
    """Every setting as key, value and origin; nothing secret among them."""
    values = _flattened(
        {
            "data_directory": config.data_directory,
            "default_database": config.default_database,
            "default_repository": config.default_repository,
            **{
                section: msgspec.to_builtins(getattr(config, section))
                for section in ("backup", "encryption", "drill", "hooks", "notify", "monitoring", "runner", "scheduler")
            },
            "retention": msgspec.to_builtins(config.retention) if config.retention is not None else {},
            "policies": {name: _given(config, f"policies.{name}", found) for name, found in config.policies.items()},
            "notifications": {
                name: _given(config, f"notifications.{name}", found) for name, found in config.notifications.items()
            },
            "databases": {name: _given(config, f"databases.{name}", found) for name, found in config.databases.items()},
            "repositories": {
                name: _given(config, f"repositories.{name}", found) for name, found in config.repositories.items()
            },
        }
    )
    return [(key, value, config.origins.get(key, "default")) for key, value in values] + _environment_values(config)


def check_configuration(args: argparse.Namespace) -> int:
    """Reads the configuration and resolves its references; prints the problems."""
    from pantry_tui.artifact.key_findings import examine_keys  # 50 ms, which the other commands need not wait

    config = load_config(args.config)
    problems = [(error.message, error.remedy) for error in configuration_problems(config, database_choices(config))]
    problems += [(error.message, error.remedy) for error in notification_problems(config)]
    problems += [(error.message, error.remedy) for error in repository_problems(config)]
    problems += [
        (finding.message, finding.remedy) for finding in examine_keys(config) if finding.status is FindingStatus.PROBLEM
    ]
    if args.json:
        names = {"databases": list(config.databases), "repositories": list(config.repositories)}
        found = [{"message": message, "remedy": remedy} for message, remedy in problems]
        print_document({"valid": not problems, "path": config.path, **names, "problems": found})
    else:
        for message, remedy in problems:
            print_line(message)
            print_line(f"  {remedy}")
        if not problems:
            print_line(f"the configuration is in order ({config.path or 'environment and defaults'})")
    return ConfigError.exit_status if problems else 0


def write_first_configuration(args: argparse.Namespace) -> int:
    """Writes a configuration file from options, answers and the environment."""
    path = Path(args.path or args.config or configuration_paths()[0]).expanduser().absolute()
    answers = _answers(args)
    left_out = answers.database_url is not None and not answers.password and holds_password(answers.database_url)
    config = write_configuration(path, answers, force=args.force)
    if args.json:
        directories = {"data_directory": config.data_directory, "backup_directory": answers.backup_directory}
        print_document({"path": str(path), "database": config.default_database, **directories})
    else:
        print_fields([("written", str(path)), ("backups go to", answers.backup_directory)])
    if left_out:
        note(args, "the password of the URL was left out: put it into ~/.pgpass, or set a password reference there")
    note(args, "next: pantry-tui doctor; then have backups and drills done by themselves: pantry-tui schedule defaults")
    return 0


def _answers(args: argparse.Namespace) -> Answers:
    """Options first, then what a person answers, then the environment."""
    if args.database_url and holds_password(args.database_url):
        raise UsageError(
            "--database-url holds a password, and others can read command lines",
            remedy="Take it out; say where the password is with --password REFERENCE, or use ~/.pgpass.",
        )
    asking = can_ask() and not args.json
    url = next((os.environ[name] for name in URL_VARIABLES if os.environ.get(name)), "")
    data = args.data_dir or os.environ.get("DATA_DIR") or default_data_directory(os.environ)
    backups = os.environ.get("BACKUP_DIR") or str(Path(data) / "backups")
    if asking:
        shown = redact(url)
        answer = args.database_url or _ask("Database, as postgresql://user@host:5432/name without a password", shown)
        url = url if answer == shown else answer
        if holds_password(url) and url not in map(os.environ.get, URL_VARIABLES):
            raise UsageError("That URL holds a password", remedy="Give it without, and say where the password is.")
    password = args.password or (_ask(f"Where its password is ({_REFERENCES})", "") if asking and url else None)
    backups = args.backup_dir or (_ask("Directory for the backups", backups) if asking else backups)
    return Answers(
        data_directory=directory_path(data, key="--data-dir"),
        backup_directory=directory_path(backups, key="--backup-dir"),
        database_url=args.database_url or url or None,
        password=password or None,
    )


def _ask(question: str, default: str) -> str:
    narrate(f"{escape(question)}{f' [{escape(default)}]' if default else ''}: ")
    return sys.stdin.readline().strip() or default


def _given(config: Config, prefix: str, settings: msgspec.Struct) -> dict[str, Any]:
    """What the file sets, and the tier, which counts also where it is not set."""
    every: dict[str, Any] = msgspec.to_builtins(settings)
    given = {
        origin.removeprefix(f"{prefix}.").partition(".")[0] for origin in config.origins if origin.startswith(prefix)
    }
    return {key: value for key, value in every.items() if key in given or key == "tier"}


def _environment_values(config: Config) -> list[tuple[str, Any, str]]:
    origin = "environment"
    values: list[tuple[str, Any, str]] = []
    if variable := config.url_variable():
        target = target_from_uri(config.environment[variable], config.environment, key=variable)
        values.append(("default database", target.conninfo, f"environment variable {variable}"))
    for name, value in sorted(libpq_variables(config.environment).items()):
        values.append((name, "set, not shown" if name == "PGPASSWORD" else value, origin))
    return values


def _flattened(table: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    values: list[tuple[str, Any]] = []
    for key, value in table.items():
        values += _flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return values
