"""Which databases and repositories are watched, by the configuration and the schedules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from pantry_tui.config import Config, DatabaseSettings
from pantry_tui.config.machine import database_choices
from pantry_tui.config.targets import actual_database, target_with_database
from pantry_tui.errors import ConfigError, PantryError
from pantry_tui.models import DatabaseTarget, Finding, FindingStatus, Model, RepositoryTarget, Schedule
from pantry_tui.monitoring.facts import Objectives, ServerSeen
from pantry_tui.runner.scheduling.references import database_of


class Watched(Model, frozen=True, kw_only=True):
    """``targets`` by the names that backups have too; ``refused``: those whose address cannot be made out, and why."""

    targets: dict[str, DatabaseTarget]
    refused: dict[str, ServerSeen]
    schedules: dict[str, tuple[str, ...]]  # the databases of each schedule, by its id
    repositories: tuple[RepositoryTarget, ...]

    @property
    def names(self) -> list[str]:
        """All databases."""
        return sorted({*self.targets, *self.refused})


def watched(config: Config, schedules: Sequence[Schedule]) -> Watched:
    """The configured databases, the one that the environment names, and those of enabled schedules.

    References to passwords are resolved now, which may run a command.
    """
    targets: dict[str, DatabaseTarget] = {}
    refused: dict[str, ServerSeen] = {}
    for choice in database_choices(config):
        try:
            target = config.database_target(choice)
            targets[target.name] = target
        except ConfigError as error:
            if choice is not None:  # without a default there is none to watch
                refused[choice] = _refused(choice, error)
    of: dict[str, tuple[str, ...]] = {}
    for schedule in schedules:
        name = schedule.database or schedule.name
        try:
            found = _targets_of(schedule, config)
        except PantryError as error:
            of[schedule.id] = (name,)
            if schedule.enabled and name not in targets:
                refused.setdefault(name, _refused(name, error))
            continue
        of[schedule.id] = tuple(target.name for target in found)
        if schedule.enabled:
            targets = {**{target.name: target for target in found}, **targets}
    refused = {name: seen for name, seen in refused.items() if name not in targets}
    return Watched(targets=targets, refused=refused, schedules=of, repositories=tuple(_repositories(config, schedules)))


def objectives_of(config: Config, name: str) -> Objectives:
    """A database's objectives: its own, or those of a database that nobody has configured."""
    settings = config.databases.get(name) or DatabaseSettings()
    return Objectives(tier=settings.tier.value, rpo_seconds=settings.rpo_seconds, rto_seconds=settings.rto_seconds)


def _targets_of(schedule: Schedule, config: Config) -> list[DatabaseTarget]:
    server = database_of(schedule, config)
    if not schedule.all_databases:
        return [server]
    own = actual_database(server)
    names = schedule.databases_seen or (own,)
    return [server if name == own else target_with_database(server, name) for name in names]


def _repositories(config: Config, schedules: Iterable[Schedule]) -> list[RepositoryTarget]:
    found: dict[str, RepositoryTarget] = {}
    for name in (*config.repositories, *(schedule.repository for schedule in schedules if schedule.enabled)):
        with contextlib.suppress(PantryError):  # a name that is configured no more, of which the schedule's runs tell
            target = config.repository_target(name)
            found.setdefault(target.location, target)
    return list(found.values())


def _refused(name: str, error: PantryError) -> ServerSeen:
    finding = Finding(
        check="configuration",
        subject=name,
        status=FindingStatus.PROBLEM,
        message=error.message,
        remedy=error.remedy,
    )
    return ServerSeen(database=name, cause=f"configuration of {name}", findings=(finding,))
