"""Checking a parsed TOML document against the settings, with messages that name file and key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from pantry_tui.config.hooking import HookSettings, check_hooks
from pantry_tui.config.keeping import RetentionSettings, check_retention
from pantry_tui.config.monitoring import AlertSettings, MonitoringSettings, Thresholds, check_monitoring
from pantry_tui.config.notifying import (
    NotificationSettings,
    NotifySettings,
    check_names,
    check_notification,
)
from pantry_tui.config.references import check_reference
from pantry_tui.config.settings import (
    BackupSettings,
    DatabaseSettings,
    DrillSettings,
    EncryptionSettings,
    RepositorySettings,
    RunnerSettings,
    SchedulerSettings,
)
from pantry_tui.config.storing import check_repository
from pantry_tui.errors import ConfigError
from pantry_tui.models import Model

S = TypeVar("S", bound=Model)

_SECRET_KEYS = (
    "password",
    "ping",
    "url",
    "identity",
    "passphrase",
    "recipients",
    "access_key",
    "secret_key",
    "session_token",
)  # where a secret may stand by mistake
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_ASSERTION_NAME = 100
# Comments may stand before it. What it does the server decides, where it is asked as a subquery that can write nothing.
_QUERY = re.compile(r"(?is)(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values|table)\b")
_TABLES = ("retention", "hooks")  # of a database, which are settings of their own
_TOP = (
    "data_directory",
    "default_database",
    "default_repository",
    "backup",
    "encryption",
    "drill",
    "hook_sets",
    "hooks",
    "monitoring",
    "notifications",
    "notify",
    "policies",
    "retention",
    "runner",
    "scheduler",
    "databases",
    "repositories",
    "keys",
)


class Document(Model, frozen=True, kw_only=True):
    """What a configuration file says, checked."""

    data_directory: str | None = None
    default_database: str | None = None
    default_repository: str | None = None
    backup: BackupSettings = BackupSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    drill: DrillSettings = DrillSettings()
    retention: RetentionSettings | None = None  # None: the file has no such table
    policies: dict[str, RetentionSettings] = msgspec.field(default_factory=dict)
    hooks: HookSettings = HookSettings()
    hook_sets: dict[str, HookSettings] = msgspec.field(default_factory=dict)
    notify: NotifySettings = NotifySettings()
    notifications: dict[str, NotificationSettings] = msgspec.field(default_factory=dict)
    monitoring: MonitoringSettings = MonitoringSettings()
    runner: RunnerSettings = RunnerSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    databases: dict[str, DatabaseSettings] = msgspec.field(default_factory=dict)
    repositories: dict[str, RepositorySettings] = msgspec.field(default_factory=dict)
    bindings: dict[str, str] = msgspec.field(default_factory=dict)  # [keys]: keys of the screens' commands
    keys: tuple[str, ...] = ()  # every key that the file sets, dotted


def check_document(content: dict[str, Any], *, file: str) -> Document:
    """The document as settings. Raises `ConfigError` for unknown keys, wrong types and values out of range."""
    _refuse_unknown(content, _TOP, prefix="", file=file)
    notifications = _notifications(content, file)
    databases = _databases(content, file)
    return Document(
        data_directory=_text(content, "data_directory", file),
        default_database=_text(content, "default_database", file),
        default_repository=_text(content, "default_repository", file),
        backup=check_section(_table(content, "backup", file), BackupSettings, prefix="backup", file=file),
        encryption=_encryption(_table(content, "encryption", file), file),
        drill=check_section(_table(content, "drill", file), DrillSettings, prefix="drill", file=file),
        retention=_retention(content, "retention", "retention", file),
        policies=_policies(content, file),
        runner=check_section(_table(content, "runner", file), RunnerSettings, prefix="runner", file=file),
        hooks=_hooks(content, "hooks", file) or HookSettings(),
        hook_sets=_hook_sets(content, file),
        notify=_notify(content, databases, notifications, file),
        notifications=notifications,
        monitoring=_monitoring(_table(content, "monitoring", file), notifications, file),
        scheduler=check_section(_table(content, "scheduler", file), SchedulerSettings, prefix="scheduler", file=file),
        databases=databases,
        repositories=_repositories(content, file),
        bindings=_bindings(_table(content, "keys", file), file),
        keys=tuple(_dotted(content)),
    )


def check_section(table: dict[str, Any], settings: type[S], *, prefix: str, file: str) -> S:
    """One table as its settings model."""
    fields = {field.name: field for field in msgspec.structs.fields(settings)}
    _refuse_unknown(table, fields, prefix=prefix, file=file)
    values = {}
    for key, value in table.items():
        try:
            values[key] = msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"{file}: {prefix}.{key} must be {describe(fields[key].type)}",
                remedy=f"Correct {prefix}.{key} in {file}.",
                detail=None if key in _SECRET_KEYS else f"{str(error).partition(' - ')[0]}: {value!r}"[:200],
            ) from None
    for name, field in fields.items():
        if field.required and name not in values:
            raise ConfigError(f"{file}: {prefix}.{name} is missing", remedy=f"It must be {describe(field.type)}.")
    return settings(**values)


def is_name(text: str) -> bool:
    """Whether a database or repository may be called this in the configuration."""
    return _NAME.fullmatch(text) is not None


def describe(kind: Any) -> str:
    """What a value of this type must be, in words."""
    if get_origin(kind) is Annotated:
        found = [meta.description for meta in get_args(kind)[1:] if isinstance(meta, msgspec.Meta) and meta.description]
        return found[0] if found else describe(get_args(kind)[0])
    inner = [describe(argument) for argument in get_args(kind) if argument is not type(None)]
    return inner[0] if inner else "a text"


def _refuse_unknown(table: Iterable[str], known: Iterable[str], *, prefix: str, file: str) -> None:
    known = list(known)
    for key in table:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            where = f" in [{prefix}]" if prefix else ""
            raise ConfigError(
                f"{file}: unknown key {key!r}{where}",
                remedy=f"Did you mean {nearest[0]}?" if nearest else f"Known here: {', '.join(known)}.",
            )


def _text(content: dict[str, Any], key: str, file: str) -> str | None:
    value = content.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise ConfigError(f"{file}: {key} must be a text that is not empty", remedy=f"Correct {key} in {file}.")


def _table(content: dict[str, Any], key: str, file: str) -> dict[str, Any]:
    value = content.get(key, {})
    if isinstance(value, dict):
        return value
    raise ConfigError(f"{file}: {key} must be a table", remedy=f"Write [{key}] on a line of its own.")


def _named(content: dict[str, Any], key: str, settings: type[S], file: str) -> dict[str, S]:
    found = {}
    for name, value in _table(content, key, file).items():
        if not is_name(name):
            raise ConfigError(
                f"{file}: {name!r} cannot be a name in [{key}]",
                remedy="Use letters, digits, dot, hyphen and underscore, at most 63.",
            )
        if not isinstance(value, dict):
            raise ConfigError(f"{file}: {key}.{name} must be a table", remedy=f"Write [{key}.{name}].")
        found[name] = check_section(value, settings, prefix=f"{key}.{name}", file=file)
    return found


def _databases(content: dict[str, Any], file: str) -> dict[str, DatabaseSettings]:
    tables = _table(content, "databases", file)
    plain = {name: _without_tables(table) for name, table in tables.items()}
    databases = _named({"databases": plain}, "databases", DatabaseSettings, file)
    for database, settings in databases.items():
        for name, query in settings.assertions.items():
            _check_assertion(name, query, where=f"databases.{database}.assertions", file=file)
        databases[database] = _with_tables(settings, tables[database], prefix=f"databases.{database}", file=file)
    return databases


def _without_tables(table: Any) -> Any:
    """What a database has besides the tables that are checked by themselves."""
    return {key: value for key, value in table.items() if key not in _TABLES} if isinstance(table, dict) else table


def _with_tables(settings: DatabaseSettings, table: dict[str, Any], *, prefix: str, file: str) -> DatabaseSettings:
    retention = _retention(table, "retention", f"{prefix}.retention", file)
    return msgspec.structs.replace(settings, retention=retention, hooks=_hooks(table, f"{prefix}.hooks", file))


def _hooks(content: dict[str, Any], prefix: str, file: str) -> HookSettings | None:
    if "hooks" not in content:
        return None
    settings = check_section(_table(content, "hooks", file), HookSettings, prefix=prefix, file=file)
    return check_hooks(settings, prefix=prefix, file=file)


def _hook_sets(content: dict[str, Any], file: str) -> dict[str, HookSettings]:
    found = _named(content, "hook_sets", HookSettings, file)
    return {name: check_hooks(each, prefix=f"hook_sets.{name}", file=file) for name, each in found.items()}


def _notifications(content: dict[str, Any], file: str) -> dict[str, NotificationSettings]:
    found = _named(content, "notifications", NotificationSettings, file)
    for name, settings in found.items():
        check_notification(name, settings, file=file)
    return found


def _notify(
    content: dict[str, Any],
    databases: dict[str, DatabaseSettings],
    notifications: dict[str, NotificationSettings],
    file: str,
) -> NotifySettings:
    """`[notify]`; it and the databases name nobody who is not configured."""
    settings = check_section(_table(content, "notify", file), NotifySettings, prefix="notify", file=file)
    places: list[tuple[str, NotifySettings | DatabaseSettings]] = [("notify", settings)]
    places += [(f"databases.{name}", found) for name, found in databases.items()]
    for prefix, found in places:
        for key, names in (("on_success", found.on_success), ("on_failure", found.on_failure)):
            check_names(names or (), notifications, key=f"{prefix}.{key}", file=file)
        if found.ping is not None:
            check_reference(found.ping, key=f"{file}: {prefix}.ping", what="address")
    return settings


def _monitoring(table: dict[str, Any], notifications: dict[str, NotificationSettings], file: str) -> MonitoringSettings:
    plain = {key: value for key, value in table.items() if key not in ("thresholds", "alerts")}
    thresholds, alerts = _table(table, "thresholds", file), _table(table, "alerts", file)
    settings = msgspec.structs.replace(
        check_section(plain, MonitoringSettings, prefix="monitoring", file=file),
        thresholds=check_section(thresholds, Thresholds, prefix="monitoring.thresholds", file=file),
        alerts={
            name: check_section(
                _table(alerts, name, file), AlertSettings, prefix=f"monitoring.alerts.{name}", file=file
            )
            for name in alerts
        },
    )
    check_monitoring(settings, notifications, file=file)
    return settings


def _policies(content: dict[str, Any], file: str) -> dict[str, RetentionSettings]:
    found = _named(content, "policies", RetentionSettings, file)
    return {name: check_retention(each, prefix=f"policies.{name}", file=file) for name, each in found.items()}


def _retention(content: dict[str, Any], key: str, prefix: str, file: str) -> RetentionSettings | None:
    if key not in content:
        return None
    settings = check_section(_table(content, key, file), RetentionSettings, prefix=prefix, file=file)
    return check_retention(settings, prefix=prefix, file=file)


def _check_assertion(name: str, query: str, *, where: str, file: str) -> None:
    """Raises `ConfigError` for what can be no query, or cannot be told of in a line."""
    if not (0 < len(name) <= _ASSERTION_NAME and name.isprintable()):
        raise ConfigError(
            f"{file}: {name[:_ASSERTION_NAME]!r} cannot be the name of an assertion in [{where}]",
            remedy=f"Say in at most {_ASSERTION_NAME} printable characters what must be true.",
        )
    if _QUERY.match(query) is None:
        raise ConfigError(
            f"{file}: {where}.{name} is no query",
            remedy="It must be one that returns one row with one true: SELECT count(*) > 0 FROM public.contacts",
        )


def _repositories(content: dict[str, Any], file: str) -> dict[str, RepositorySettings]:
    found = _named(content, "repositories", RepositorySettings, file)
    for name, settings in found.items():
        check_repository(name, settings, found, file=file)
    return found


def _encryption(table: dict[str, Any], file: str) -> EncryptionSettings:
    settings = check_section(table, EncryptionSettings, prefix="encryption", file=file)
    references = {"identity": settings.identity, "passphrase": settings.passphrase}
    for key, value in references.items():
        if value is not None:
            check_reference(value, key=f"{file}: encryption.{key}", what=key)
    return settings


def _bindings(table: dict[str, Any], file: str, prefix: str = "") -> dict[str, str]:
    """`[keys]`, with `backup.create` written with or without quotes."""
    found: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _bindings(value, file, f"{prefix}{name}.")
        elif isinstance(value, str) and value:
            found[prefix + name] = value
        else:
            raise ConfigError(
                f"{file}: keys.{prefix}{name} must be a key, or several with commas between",
                remedy='Write them as docs/keys.md does, for example backup.create = "B,f2".',
            )
    return found


def _dotted(table: dict[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, value in table.items():
        keys += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return keys
