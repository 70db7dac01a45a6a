"""`pantry-tui runbook`: what to do on the day on which nothing works, filled in for this host, to be printed."""

from __future__ import annotations

import argparse
import socket
from functools import partial
from typing import TYPE_CHECKING

from pantry_tui.cli.output import print_line
from pantry_tui.cli.parser import Parser
from pantry_tui.cli.session import configuration, look_up
from pantry_tui.config import Config
from pantry_tui.models import BackupSummary, RepositoryTarget, utc_now
from pantry_tui.timetable import of_words

if TYPE_CHECKING:
    from pantry_tui.runner.reads import LocalReads


def add_arguments(parser: Parser) -> None:
    """Declares nothing: the group is the command."""
    parser.description = (
        "Prints the runbook in Markdown: who is told, where everything is, each database with its objectives and what a\n"
        "restore of it took, the wizard, the commands, and how to restore without this program. Keep it on paper:\n"
        "pantry-tui runbook > RUNBOOK.md"
    )


def run(args: argparse.Namespace) -> int:
    """Prints it."""
    from pantry_tui.guide.runbook import facts_of, runbook

    config = configuration(args)
    facts = facts_of(
        config,
        host=socket.gethostname(),
        now=utc_now(),
        backups=_backups(config),
        recovery_seconds=_measured(config),
        schedules=_schedules(config),
    )
    for line in runbook(facts).splitlines():
        print_line(line)
    return 0


def _backups(config: Config) -> list[BackupSummary]:
    found: list[BackupSummary] = []
    for name in config.repositories:
        place = config.repository_target(name)
        found += look_up(config, partial(_backups_of, place))
    return found


async def _backups_of(place: RepositoryTarget, reads: LocalReads) -> list[BackupSummary]:
    return await reads.backups(place)


def _measured(config: Config) -> dict[str, float]:
    """How long the last drill or restore of each database took that went well."""
    jobs = look_up(config, lambda reads: reads.jobs(limit=1000))
    seconds: dict[str, float] = {}
    for job in jobs:  # newest first
        result = job.result or {}
        took = result.get("total_seconds") if job.kind == "drill" and result.get("ok") else None
        database = result.get("database")
        if isinstance(took, int | float) and isinstance(database, str):
            seconds.setdefault(database, float(took))
    return seconds


def _schedules(config: Config) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for status in look_up(config, lambda reads: reads.schedules()):
        schedule = status.schedule
        if schedule.enabled:
            words = f"{schedule.name}: {schedule.kind}, {status.words} ({schedule.timezone})"
            of = schedule.database or config.default_database or of_words(schedule)
            found[of] = (*found.get(of, ()), words)
    return found
