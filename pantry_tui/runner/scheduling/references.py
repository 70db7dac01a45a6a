"""From the names that a schedule holds to the databases and repositories that the configuration has for them."""

from __future__ import annotations

import msgspec

from pantry_tui.config import Config
from pantry_tui.config.targets import connection_parameters
from pantry_tui.errors import ConfigError, NotFoundError
from pantry_tui.models import DatabaseTarget, RepositoryTarget, Schedule
from pantry_tui.schedule.checking import check_schedule


def referenced(
    draft: Schedule, config: Config, changed: frozenset[str] = frozenset({"database", "repository"})
) -> Schedule:
    """The draft, checked, with names as ``config`` has them; those that were not ``changed`` stay as they are.

    Raises `UsageError` for what no schedule can be, `ConfigError`, `NotFoundError` for names that mean nothing.
    """
    check_schedule(draft)
    if "database" in changed:
        draft = with_database(draft, config)
    return with_repository(draft, config) if "repository" in changed else draft


def with_database(schedule: Schedule, config: Config) -> Schedule:
    """The schedule with its database as a name of ``config``, or with the address that the name means here.

    Raises `ConfigError` for a name that means nothing.
    """
    name = schedule.database if schedule.database is not None else config.default_database
    target = config.database_target(name)
    address = "" if name in config.databases else _place(target)
    return msgspec.structs.replace(schedule, database=name, address=address)


def with_repository(schedule: Schedule, config: Config) -> Schedule:
    """The schedule with its repository as a name of ``config``, and its place where only the environment says that.

    Raises `NotFoundError` for a name that means nothing.
    """
    found = config.repository_target(schedule.repository)
    location = found.location if _is_from_environment(found.name, config) else ""
    return msgspec.structs.replace(schedule, repository=found.name, location=location)


def repository_of(schedule: Schedule, config: Config) -> RepositoryTarget:
    """The schedule's repository, as the configuration at hand has it.

    Raises `NotFoundError`, and `ConfigError` where that is another one than the schedule was made for.
    """
    found = config.repository_target(schedule.repository)
    if schedule.location and found.location != schedule.location and _is_from_environment(found.name, config):
        raise ConfigError(
            f"the schedule {schedule.name} was made for the repository {schedule.location}, and here {found.name} is "
            f"{found.location}",
            remedy="give the repository a name in the configuration ([repositories.NAME]) and use that, or start the "
            "runner with the same BACKUP_DIR",
        )
    return found


def unknown_names(schedule: Schedule, config: Config) -> list[str]:
    """Why the schedule's jobs cannot be begun, as far as its names tell, in words; nothing secret is looked up for it."""
    found = []
    if not schedule.address and schedule.database not in config.databases:
        found.append(f"its database {schedule.database} is not configured")
    try:
        repository_of(schedule, config)
    except (ConfigError, NotFoundError) as error:
        found.append(error.message)
    return found


def copy_places(place: RepositoryTarget, config: Config) -> tuple[RepositoryTarget, ...]:
    """Where the backups of a repository are copied to. Raises `ConfigError` where nothing says so."""
    found = config.copies_of(place)
    if not found:
        raise ConfigError(
            f"nothing says where the backups of the repository {place.name} are copied to",
            remedy=f'set copy_to = ["NAME"] in [repositories.{place.name}], and configure [repositories.NAME]',
        )
    return found


def _is_from_environment(name: str, config: Config) -> bool:
    """Whether no configuration file says where this repository is."""
    keys = (f"repositories.{name}.{key}" for key in ("path", "url"))
    configured = any(config.origins.get(key, "").startswith("file ") for key in keys)
    return name in config.repositories and not configured


def database_of(schedule: Schedule, config: Config) -> DatabaseTarget:
    """The schedule's database, as the configuration at hand has it.

    Raises `ConfigError` where that is another one than the schedule was made for.
    """
    configured = schedule.database in config.databases
    if schedule.address and configured:
        return config.database_target(schedule.database)  # it has been given a name since
    if not schedule.address and not configured:
        raise ConfigError(
            f"the schedule {schedule.name} is of the database {schedule.database}, which is not configured",
            remedy=f"put [databases.{schedule.database}] back, or change the schedule: pantry-tui schedule edit -d",
        )
    target = config.database_target(schedule.database)
    if schedule.address and _place(target) != schedule.address:
        raise ConfigError(
            f"the schedule {schedule.name} was made for {schedule.address}, and here its name means {_place(target)}",
            remedy="give the database a name in the configuration ([databases.NAME]) and schedule that, or start the "
            "runner with the same DATABASE_URL",
        )
    return target


def _place(target: DatabaseTarget) -> str:
    """Host, port and database, for people and to be compared; nothing secret."""
    from pantry_tui.postgres.connect import (
        address,  # the database driver, which a runner without schedules does not need
    )

    parameters = connection_parameters(target.conninfo, key=f"the connection of {target.name}")
    return f"{target.name} at {address(parameters, target.environment)}"
