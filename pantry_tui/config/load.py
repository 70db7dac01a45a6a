"""Finding and reading the configuration.

Order: the `--config` option, the PANTRY_CONFIG variable, the user's file, the system's file; the first that exists
counts, alone. DATA_DIR, BACKUP_DIR and DATABASE_URL (or SUPABASE_DB_URL) in the environment override it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.config.configuration import URL_VARIABLES, Config, directory_path
from pantry_tui.config.hooking import HookSettings
from pantry_tui.config.keeping import RetentionSettings
from pantry_tui.config.monitoring import MonitoringSettings
from pantry_tui.config.notifying import NotificationSettings, NotifySettings, with_expanded
from pantry_tui.config.references import check_not_writable
from pantry_tui.config.sections import Document, check_document
from pantry_tui.config.settings import (
    BackupSettings,
    DrillSettings,
    EncryptionSettings,
    RepositorySettings,
    RunnerSettings,
    SchedulerSettings,
)
from pantry_tui.config.storing import is_store_url, store_location
from pantry_tui.config.targets import check_database
from pantry_tui.errors import ConfigError

APPLICATION = "pantry-tui"
SYSTEM_PATH = Path("/etc/pantry-tui/config.toml")
_LARGEST_FILE = 1024 * 1024
_DEFAULT_REPOSITORY = "local"
_SECTIONS = (
    ("backup", BackupSettings),
    ("encryption", EncryptionSettings),
    ("drill", DrillSettings),
    ("retention", RetentionSettings),
    ("hooks", HookSettings),
    ("notify", NotifySettings),
    ("monitoring", MonitoringSettings),
    ("runner", RunnerSettings),
    ("scheduler", SchedulerSettings),
)


def configuration_paths(environment: Mapping[str, str] | None = None) -> list[Path]:
    """The files that are looked for without an option, first choice first."""
    return [_user_path(os.environ if environment is None else environment), SYSTEM_PATH]


def load_config(path: str | Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration from file and environment, checked. Raises `ConfigError` naming file, key and remedy."""
    environment = dict(os.environ if environment is None else environment)
    file = _find(path, environment)
    document = Document() if file is None else _read_document(file)
    origins = _origins(document, str(file))
    repositories, default_repository = _repositories(document, environment, origins, file=file)
    return Config(
        path=None if file is None else str(file),
        data_directory=_data_directory(document, environment, origins, file=file),
        databases=document.databases,
        repositories=repositories,
        default_database=_default_database(document, environment, file=file),
        default_repository=default_repository,
        backup=document.backup,
        encryption=_encryption(document, file=file),
        drill=_drill(document, file=file),
        retention=document.retention,
        policies=document.policies,
        hook_sets=document.hook_sets,
        hooks=document.hooks,
        notify=document.notify,
        notifications=_notifications(document, file=file),
        monitoring=_monitoring(document, file=file),
        runner=document.runner,
        scheduler=document.scheduler,
        keys=document.bindings,
        origins=origins,
        environment=environment,
    )


def _user_path(environment: Mapping[str, str]) -> Path:
    # platformdirs reads the process's own variables; the caller's environment may be another one
    if base := environment.get("XDG_CONFIG_HOME"):
        return Path(base) / APPLICATION / "config.toml"
    if home := environment.get("HOME"):
        return Path(home) / ".config" / APPLICATION / "config.toml"
    import platformdirs  # 7 ms, and only for those without a HOME

    return Path(platformdirs.user_config_dir(APPLICATION)) / "config.toml"


def _find(path: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    for given, source in ((path, "--config"), (environment.get("PANTRY_CONFIG"), "PANTRY_CONFIG")):
        if given:
            file = Path(given).expanduser().absolute()
            if not file.exists():
                raise ConfigError(
                    f"The configuration file {file} (from {source}) does not exist",
                    remedy=f"Create it with: pantry-tui config init --path {file}",
                )
            return file
    return next((file for file in configuration_paths(environment) if file.exists()), None)


def _read_document(file: Path) -> Document:
    try:
        with file.open("rb") as stream:
            check_not_writable(os.fstat(stream.fileno()), file, what="The configuration file")
            text = stream.read(_LARGEST_FILE + 1).decode()
        if len(text) > _LARGEST_FILE:
            raise ConfigError(f"{file} is over 1 MB: that is no configuration file", remedy="Check the path.")
        content: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"Cannot read {file}: {error.strerror}", remedy="Check its path and mode.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}", remedy="Correct that line.") from error
    document = check_document(content, file=str(file))
    for name, settings in document.databases.items():
        try:
            check_database(name, settings)
        except ConfigError as error:
            raise ConfigError(f"{file}: {error.message}", remedy=error.remedy) from None
    return document


def _data_directory(
    document: Document, environment: Mapping[str, str], origins: dict[str, str], *, file: Path | None
) -> str:
    if given := environment.get("DATA_DIR"):
        origins["data_directory"] = "environment variable DATA_DIR"
        return directory_path(given, key="DATA_DIR")
    if document.data_directory:
        return _absolute(document.data_directory, key="data_directory", file=file)
    origins["data_directory"] = "default"
    return default_data_directory(environment)


def default_data_directory(environment: Mapping[str, str]) -> str:
    """Where history and the list of backups are kept when nothing says so."""
    if base := environment.get("XDG_DATA_HOME"):
        return str(Path(base) / APPLICATION)
    if home := environment.get("HOME"):
        return str(Path(home) / ".local" / "share" / APPLICATION)
    import platformdirs

    return platformdirs.user_data_dir(APPLICATION)


def _repositories(
    document: Document, environment: Mapping[str, str], origins: dict[str, str], *, file: Path | None
) -> tuple[dict[str, RepositorySettings], str]:
    found = {
        name: msgspec.structs.replace(
            settings, path=_absolute(settings.path, key=f"repositories.{name}.path", file=file)
        )
        if settings.path is not None
        else settings
        for name, settings in document.repositories.items()
    }
    given = environment.get("BACKUP_DIR")
    if given and is_store_url(given):
        return _with_store(found, store_location(given, key="BACKUP_DIR"), origins)
    if given:
        location, origin = directory_path(given, key="BACKUP_DIR"), "environment variable BACKUP_DIR"
    elif found:
        return found, _default_repository(document, list(found), file=file)
    else:
        data = _data_directory(document, environment, origins, file=file)
        location, origin = str(Path(data) / "backups"), "default"
    for name, settings in found.items():
        if settings.path == location:
            return found, name
    name = "BACKUP_DIR" if _DEFAULT_REPOSITORY in found else _DEFAULT_REPOSITORY
    origins[f"repositories.{name}.path"] = origin
    return {**found, name: RepositorySettings(path=location)}, name


def _with_store(
    found: dict[str, RepositorySettings], url: str, origins: dict[str, str]
) -> tuple[dict[str, RepositorySettings], str]:
    """The repositories with the store that BACKUP_DIR names, which is the default one."""
    for name, settings in found.items():
        if settings.url is not None and store_location(settings.url, key=f"repositories.{name}.url") == url:
            return found, name
    name = "BACKUP_DIR" if _DEFAULT_REPOSITORY in found else _DEFAULT_REPOSITORY
    origins[f"repositories.{name}.url"] = "environment variable BACKUP_DIR"
    return {**found, name: RepositorySettings(url=url)}, name


def _encryption(document: Document, *, file: Path | None) -> EncryptionSettings:
    settings = document.encryption
    if settings.recipients_file is None:
        return settings
    path = _absolute(settings.recipients_file, key="encryption.recipients_file", file=file)
    return msgspec.structs.replace(settings, recipients_file=path)


def _notifications(document: Document, *, file: Path | None) -> dict[str, NotificationSettings]:
    return {
        name: with_expanded(found, _absolute(found.ca_file, key=f"notifications.{name}.ca_file", file=file))
        if found.ca_file is not None
        else found
        for name, found in document.notifications.items()
    }


def _drill(document: Document, *, file: Path | None) -> DrillSettings:
    if document.drill.directory is None:
        return document.drill
    return DrillSettings(directory=_absolute(document.drill.directory, key="drill.directory", file=file))


def _monitoring(document: Document, *, file: Path | None) -> MonitoringSettings:
    settings = document.monitoring
    if settings.textfile is None:
        return settings
    path = _absolute(settings.textfile, key="monitoring.textfile", file=file)
    return msgspec.structs.replace(settings, textfile=path)


def _default_repository(document: Document, names: list[str], *, file: Path | None) -> str:
    chosen = document.default_repository or (names[0] if len(names) == 1 else None)
    if chosen in names:
        return chosen
    raise ConfigError(
        f"{file}: default_repository is {chosen!r}, which is not configured"
        if chosen
        else f"{file}: several repositories and no default_repository",
        remedy=f"Set default_repository to one of: {', '.join(names)}.",
    )


def _default_database(document: Document, environment: Mapping[str, str], *, file: Path | None) -> str | None:
    names = list(document.databases)
    chosen = document.default_database or (names[0] if len(names) == 1 else None)
    if chosen is not None and chosen not in names:
        raise ConfigError(
            f"{file}: default_database is {chosen!r}, which is not configured",
            remedy=f"Add [databases.{chosen}]" + (f" or choose one of: {', '.join(names)}." if names else "."),
        )
    overridden = any(environment.get(variable) for variable in URL_VARIABLES)
    return None if overridden else chosen


def _absolute(path: str, *, key: str, file: Path | None) -> str:
    if not path.startswith(("/", "~")) and "://" not in path:
        raise ConfigError(f"{file}: {key} must be an absolute path, not {path!r}", remedy="Begin it with / or ~/.")
    return directory_path(path, key=f"{file}: {key}")


def _origins(document: Document, file: str) -> dict[str, str]:
    defaults = [
        f"{section}.{field.name}" for section, settings in _SECTIONS for field in msgspec.structs.fields(settings)
    ]
    return dict.fromkeys(defaults, "default") | dict.fromkeys(document.keys, f"file {file}")
