"""`pantry-tui doctor`: what is wrong with this machine or database, and the remedy."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from pantry_tui.cli.output import counted, print_document, print_line
from pantry_tui.cli.parser import Parser
from pantry_tui.cli.streams import write_line
from pantry_tui.cli.text import paint
from pantry_tui.config import Config, load_config
from pantry_tui.config.machine import database_choices, examine_machine, free_bytes
from pantry_tui.errors import ConfigError, PantryError
from pantry_tui.escaping import escape
from pantry_tui.models import Finding, FindingStatus, Schedule

_STYLES = {FindingStatus.OK: "good", FindingStatus.WARNING: "warning", FindingStatus.PROBLEM: "bad"}
_WIDTH = max(len(status) for status in FindingStatus)


def add_arguments(parser: Parser) -> None:
    """Declares the options of this command."""
    parser.description = (
        "Examines configuration, directories and every configured database: reachable, client tools that fit,\n"
        "a role that sees every row, locks, long transactions. Changes nothing. Exit status 0: no problem found."
    )
    parser.epilog = (
        "examples:\n  pantry-tui doctor\n  pantry-tui doctor -d crm --json\n  pantry-tui doctor --sql | psql crm"
    )
    parser.add_argument("-d", "--database", metavar="DATABASE", help="only this database (a name or a URI)")
    parser.add_argument(
        "--role", metavar="NAME", default="pantry_backup", help="name of the backup role in the SQL (%(default)s)"
    )
    parser.add_argument("--sql", action="store_true", help="print only the SQL that creates a backup role")


def run(args: argparse.Namespace) -> int:
    """Examines, prints the findings; the exit status tells whether there are problems."""
    config = load_config(args.config)
    if args.sql:
        return _print_sql(args, config)
    findings = asyncio.run(examine(config, args.database, role=args.role))
    problems = [finding for finding in findings if finding.status is FindingStatus.PROBLEM]
    if args.json:
        print_document({"ok": not problems, "findings": findings})
    else:
        for finding in findings:
            _print_finding(finding)
        print_line(_verdict(findings))
    return PantryError.exit_status if problems else 0


async def examine(config: Config, database: str | None, *, role: str) -> list[Finding]:
    """The findings on this machine and its databases, or on one database."""
    from pantry_tui.artifact.key_findings import examine_keys
    from pantry_tui.postgres.diagnose import examine_database

    names: list[str | None] = [database] if database else database_choices(config)
    findings = [
        *examine_machine(config, names),
        *examine_keys(config),
        *_stores(config),
        *_missing_repositories(config),
    ]
    findings += _untold(config) + _schedules(config)
    place = config.repository_target()
    room = free_bytes(place.location) if place.store is None else None
    for name in names:
        with contextlib.suppress(ConfigError):  # examine_machine has said so
            target = config.database_target(name)
            findings += await examine_database(target, role=role, free_bytes=room)
    return findings


def _stores(config: Config) -> list[Finding]:
    """Object stores: whether each answers, with these credentials."""
    from pantry_tui.repository.opening import open_repository

    findings = []
    for target in (config.repository_target(name) for name in config.repositories):
        if target.store is None:
            continue
        what = f"Repository {target.name} {target.location}"
        try:
            open_repository(target).prepare()
            status, message, remedy = FindingStatus.OK, f"{what} answers", None
        except PantryError as error:
            status, message, remedy = FindingStatus.PROBLEM, f"{what}: {error.message}", error.remedy
        findings.append(
            Finding(check="repository", subject=target.location, status=status, message=message, remedy=remedy)
        )
    return findings


def _missing_repositories(config: Config) -> list[Finding]:
    """Repositories of which backups are listed, and that are missing or have no backup in them."""
    from pantry_tui.catalog.catalog import PUT_BACK, Catalog
    from pantry_tui.repository.opening import open_repository

    findings = []
    with Catalog(Path(config.data_directory)) as catalog:
        for name in config.repositories:
            target = config.repository_target(name)
            with contextlib.suppress(PantryError):  # examine_machine has said what keeps it from being looked at
                if words := catalog.absence(open_repository(target)):
                    problem = FindingStatus.PROBLEM
                    findings.append(
                        Finding(
                            check="backups", subject=target.location, status=problem, message=words, remedy=PUT_BACK
                        )
                    )
    return findings


def _schedules(config: Config) -> list[Finding]:
    """Schedules that name what the configuration does not have."""
    from pantry_tui.catalog.catalog import Catalog
    from pantry_tui.runner.scheduling.references import unknown_names
    from pantry_tui.runner.scheduling.wishes import unmet_wishes

    found: list[tuple[Schedule, FindingStatus, str]] = []
    with contextlib.suppress(PantryError), Catalog(Path(config.data_directory)) as catalog:
        for schedule in catalog.schedules():
            found += [(schedule, FindingStatus.PROBLEM, words) for words in unknown_names(schedule, config)]
            found += [(schedule, FindingStatus.WARNING, words) for words in unmet_wishes(schedule, config)]
    return [
        Finding(
            check="schedules",
            subject=schedule.name,
            status=status,
            message=f"schedule {schedule.name}: {words}",
            remedy=f"Put it back into the configuration, or change the schedule: pantry-tui schedule edit {schedule.id}",
        )
        for schedule, status, words in found
    ]


def _untold(config: Config) -> list[Finding]:
    """Who could not be told of jobs, and why."""
    from pantry_tui.notify.queue import NoticeQueue

    with contextlib.suppress(PantryError):  # examine_machine has said what is wrong with the directory
        tried = [waiting for waiting in NoticeQueue(Path(config.data_directory)).waiting() if waiting.attempts]
        return [
            Finding(
                check="notifications",
                subject=name,
                status=FindingStatus.WARNING,
                message=f"{counted(len(found), 'message')} to {name} could not be sent: {found[-1].problem}",
                remedy=f"Try it with: pantry-tui notify test {name}",
            )
            for name in dict.fromkeys(waiting.receiver.name for waiting in tried)
            if (found := [waiting for waiting in tried if waiting.receiver.name == name])
        ]
    return []


def _print_sql(args: argparse.Namespace, config: Config) -> int:
    from pantry_tui.config.targets import actual_database
    from pantry_tui.postgres.privileges import backup_role_sql

    statements = backup_role_sql(args.role, actual_database(config.database_target(args.database)))
    if args.json:
        print_document({"role": args.role, "sql": statements})
    else:
        write_line(statements)
    return 0


def _print_finding(finding: Finding) -> None:
    word = paint(finding.status.ljust(_WIDTH), _STYLES[finding.status], sys.stdout)
    write_line(f"{word}  {escape(finding.message)}")
    indent = " " * (_WIDTH + 2)
    if finding.remedy:
        write_line(f"{indent}{escape(finding.remedy)}")
    for line in (finding.sql or "").splitlines():
        write_line(f"{indent}  {escape(line)}")


def _verdict(findings: list[Finding]) -> str:
    counted = []
    for status in (FindingStatus.PROBLEM, FindingStatus.WARNING):
        number = sum(finding.status is status for finding in findings)
        counted.append(f"{number or 'no'} {status}{'' if number == 1 else 's'}")
    return ", ".join(counted)
