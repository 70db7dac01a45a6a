"""The configuration as one checked value, and how names become targets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pantry_tui.config.hooking import HookSettings
from pantry_tui.config.keeping import RetentionSettings, policies_of
from pantry_tui.config.monitoring import MonitoringSettings
from pantry_tui.config.notifying import NotificationSettings, NotifySettings, ping_of, receiver_of
from pantry_tui.config.restoring import check_target, check_target_name, is_address, require_database
from pantry_tui.config.settings import (
    BackupSettings,
    DatabaseSettings,
    DrillSettings,
    EncryptionSettings,
    RepositorySettings,
    RunnerSettings,
    SchedulerSettings,
)
from pantry_tui.config.storing import is_store_url, store_location, store_target
from pantry_tui.config.targets import (
    SUPABASE_REMEDY,
    is_uri,
    libpq_variables,
    target_from_settings,
    target_from_uri,
    target_with_database,
)
from pantry_tui.errors import ConfigError, NotFoundError
from pantry_tui.models import Around, DatabaseTarget, Model, Receiver, RepositoryTarget, RetentionPolicy, ScopedPolicy

URL_VARIABLES = ("DATABASE_URL", "SUPABASE_DB_URL")
_SERVER_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")


class Config(Model, frozen=True, kw_only=True):
    """Everything that is set, from file, environment and defaults.

    ``origins`` says for each key where its value came from. ``environment`` is what references and libpq are resolved
    against; it may hold secrets, so it is neither shown nor written. ``keys`` are the keys that commands of the screens
    get instead of their own, by the command's id. ``monitoring_given``: what of ``monitoring`` a program gave instead of the
    file.
    """

    data_directory: str
    path: str | None = None
    databases: dict[str, DatabaseSettings] = msgspec.field(default_factory=dict)
    repositories: dict[str, RepositorySettings] = msgspec.field(default_factory=dict)
    default_database: str | None = None
    default_repository: str | None = None
    backup: BackupSettings = BackupSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    drill: DrillSettings = DrillSettings()
    retention: RetentionSettings | None = None  # None: nothing is deleted unless somebody asks for it
    policies: dict[str, RetentionSettings] = msgspec.field(default_factory=dict)  # by name, for schedules
    hooks: HookSettings = HookSettings()
    hook_sets: dict[str, HookSettings] = msgspec.field(default_factory=dict)  # by name, for schedules
    notify: NotifySettings = NotifySettings()
    notifications: dict[str, NotificationSettings] = msgspec.field(default_factory=dict)
    monitoring: MonitoringSettings = MonitoringSettings()
    runner: RunnerSettings = RunnerSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    monitoring_given: dict[str, float] = msgspec.field(default_factory=dict)
    origins: dict[str, str] = msgspec.field(default_factory=dict)
    environment: dict[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Config(path={self.path!r}, data_directory={self.data_directory!r})"

    def database_target(self, name: str | None = None) -> DatabaseTarget:
        """The database that ``name`` means: a configured one, a URI, or a database of the default server.

        None is the default database. Secret references are resolved now. Raises `ConfigError`.
        """
        if name is None:
            return self._default_target()
        if name in self.databases:
            return target_from_settings(name, self.databases[name], self.environment)
        if is_uri(name):
            return target_from_uri(name, self.environment, key="the database URI")
        return target_with_database(self._default_target(any_server=True), name)

    def restore_target(self, text: str, *, server: str | None = None) -> DatabaseTarget:
        """The database to restore into: an address of its own (a URI, `host=… dbname=…`), or a name on a server.

        ``server`` is a database, as for `database_target`, whose server a plain name means. Raises `UsageError` for what
        cannot name a new database, `RefusedError` for databases that every server needs, `ConfigError`.
        """
        if not is_address(text):
            check_target_name(text)
            return target_with_database(self.database_target(server), text)
        target = target_from_uri(text, self.environment, key="the target")
        require_database(target)
        check_target(target)
        return target

    def repository_target(self, name: str | None = None) -> RepositoryTarget:
        """The repository that ``name`` means: a configured one, a directory or a URL. None is the default one.

        Raises `NotFoundError` for a name that is not configured.
        """
        name = name or self.default_repository or ""
        if name in self.repositories:
            return self._configured_repository(name)
        if is_store_url(name):
            return self._repository_at(store_location(name, key="the repository"))
        if os.sep in name:
            return RepositoryTarget(name=name, location=directory_path(name, key="the repository"))
        known = ", ".join(self.repositories)
        raise NotFoundError(
            f"No repository is called {name!r}",
            remedy=f"Configured: {known}. Or give a directory as an absolute path, or s3://bucket/prefix.",
        )

    def _configured_repository(self, name: str) -> RepositoryTarget:
        settings = self.repositories[name]
        if settings.url is not None:
            location = store_location(settings.url, key=f"repositories.{name}.url")
            return store_target(name, location, settings, self.environment)
        return RepositoryTarget(name=name, location=settings.path or "")

    def _repository_at(self, location: str) -> RepositoryTarget:
        """The store at a URL, by what is configured for it, else by what the environment says."""
        for name in self.repositories:
            found = self._configured_repository(name)
            if found.location == location:
                return found
        return store_target(location, location, RepositorySettings(url=location), self.environment)

    def copies_of(self, repository: RepositoryTarget) -> tuple[RepositoryTarget, ...]:
        """Where backups that are taken into ``repository`` are copied to, by its configuration."""
        settings = self.repositories.get(repository.name)
        return tuple(self._configured_repository(name) for name in settings.copy_to) if settings is not None else ()

    def retention_policies(
        self, schedules: Mapping[str, RetentionPolicy], *, repository: str | None = None
    ) -> tuple[ScopedPolicy, ...]:
        """How long whose backups are kept: by their schedule's policy, their database's, the general one, else 30 days.

        ``schedules`` are the policies of schedules, deleted ones too, by what their backups call them; those of others are
        left alone. A policy of the ``repository`` itself counts for all that is there. Raises `NotFoundError` where that
        is not configured.
        """
        settings = self.repositories.get(repository or "")
        if settings is not None and settings.retention_policy is not None:
            return (ScopedPolicy(policy=self.named_policy(settings.retention_policy)),)
        own = {name: found.retention for name, found in self.databases.items()}
        return policies_of(self.retention, own, schedules)

    def named_policy(self, name: str) -> RetentionPolicy:
        """The policy `[policies.NAME]`. Raises `NotFoundError`."""
        if name not in self.policies:
            known = f"configured: {', '.join(self.policies)}" if self.policies else "there is none"
            raise NotFoundError(f"no policy of retention is called {name!r}", remedy=f"add [policies.{name}]; {known}")
        return self.policies[name].policy

    def named_hooks(self, name: str) -> HookSettings:
        """The commands `[hook_sets.NAME]`. Raises `NotFoundError`."""
        if name not in self.hook_sets:
            known = f"configured: {', '.join(self.hook_sets)}" if self.hook_sets else "there are none"
            raise NotFoundError(f"no commands are configured as {name!r}", remedy=f"add [hook_sets.{name}]; {known}")
        return self.hook_sets[name]

    def around_backup(self, database: str) -> Around:
        """What is done around a backup of ``database`` that a person starts."""
        ping = self._setting(database, "ping")
        hooks = self._hooks(database)
        return msgspec.structs.replace(
            self._told(database),
            before=hooks.hook("before_backup"),
            after=hooks.hook("after_backup"),
            ping=ping_of(ping, what=database) if ping is not None else None,
            retention=self.retention_after_backup(database),
        )

    def around_recovery(self, database: str) -> Around:
        """What is done around a recovery of ``database`` that a person starts."""
        hooks = self._hooks(database)
        before, after = hooks.hook("before_recovery"), hooks.hook("after_recovery")
        return msgspec.structs.replace(self._told(database), before=before, after=after)

    def around_examination(self) -> Around:
        """What is done around a drill or validation that a person starts."""
        return self._told("")

    def _told(self, database: str) -> Around:
        return Around(
            on_success=self.receivers(self._setting(database, "on_success")),
            on_failure=self.receivers(self._setting(database, "on_failure")),
        )

    def _hooks(self, database: str) -> HookSettings:
        own = self.databases[database].hooks if database in self.databases else None
        return own if own is not None else self.hooks

    @property
    def longest_hook_seconds(self) -> float:
        """How long any command before or after a job may take; 0 where there is none."""
        own = [found.hooks for found in self.databases.values() if found.hooks is not None]
        every = [self.hooks, *self.hook_sets.values(), *own]
        return max((each.timeout_seconds for each in every if each.has_any), default=0.0)

    def receivers(self, names: Iterable[str]) -> tuple[Receiver, ...]:
        """Those who are configured by these names. Raises `NotFoundError`."""
        return tuple(receiver_of(name, self.notifications) for name in names)

    def _setting(self, database: str, key: str) -> Any:
        """What is set for the database, else what [notify] says."""
        own = getattr(self.databases[database], key) if database in self.databases else None
        return own if own is not None else getattr(self.notify, key)

    def retention_after_backup(self, database: str) -> RetentionPolicy | None:
        """By what backups of ``database`` are deleted when one has succeeded; None: by nothing."""
        own = self.databases[database].retention if database in self.databases else None
        found = own or self.retention
        return found.policy if found is not None and found.after_backup else None

    def url_variable(self) -> str | None:
        """The environment variable that names the default database, when one does."""
        return next((variable for variable in URL_VARIABLES if self.environment.get(variable)), None)

    def _default_target(self, *, any_server: bool = False) -> DatabaseTarget:
        if variable := self.url_variable():
            return target_from_uri(self.environment[variable], self.environment, key=variable)
        if self.default_database:
            return self.database_target(self.default_database)
        if self.databases:
            raise ConfigError(
                f"Several databases are configured and none is the default: {', '.join(self.databases)}",
                remedy="Name one with -d, or set default_database.",
            )
        if any_server or any(self.environment.get(variable) for variable in _SERVER_VARIABLES):
            return target_from_uri("", libpq_variables(self.environment), key="the environment")
        if self.environment.get("SUPABASE_URL"):
            raise ConfigError("SUPABASE_URL is set, but no database URL", remedy=SUPABASE_REMEDY)
        raise ConfigError(
            "No database is configured",
            remedy="Set DATABASE_URL (or PGHOST, PGDATABASE … or PGSERVICE), or run: pantry-tui config init",
        )


def directory_path(text: str, *, key: str) -> str:
    """An absolute directory path from what somebody wrote. Raises `ConfigError` for a URL."""
    if "://" in text:
        raise ConfigError(
            f"{key} must be a directory, and {text.partition('://')[0]}://… is none",
            remedy="Give a directory; an object store is set as the url of a repository.",
        )
    expanded = os.path.expanduser(text)  # noqa: PTH111  (Path.expanduser raises for unknown users)
    if "\0" in expanded or not expanded.startswith("/"):  # of a relative path the working directory would decide
        raise ConfigError(f"{key}: {text!r} is not an absolute directory path", remedy="Begin it with / or ~/.")
    return os.path.abspath(expanded)  # noqa: PTH100  (Path.resolve would follow symbolic links)
