"""The tables of `docs/configuration.md`, made from the settings.

`python -m pantry_tui.config.reference docs/configuration.md` brings the page up to date; a test compares them.
"""

from __future__ import annotations

import re
import sys
from enum import Enum
from pathlib import Path

import msgspec

from pantry_tui.config.hooking import HookSettings
from pantry_tui.config.keeping import RetentionSettings
from pantry_tui.config.monitoring import AlertSettings, MonitoringSettings, Thresholds
from pantry_tui.config.notifying import NotificationSettings, NotifySettings
from pantry_tui.config.sections import describe
from pantry_tui.config.settings import (
    BackupSettings,
    DatabaseSettings,
    DrillSettings,
    EncryptionSettings,
    RepositorySettings,
    RunnerSettings,
    SchedulerSettings,
)
from pantry_tui.models import Model

SECTIONS: tuple[tuple[str, type[Model]], ...] = (
    ("databases.NAME", DatabaseSettings),
    ("repositories.NAME", RepositorySettings),
    ("backup", BackupSettings),
    ("encryption", EncryptionSettings),
    ("drill", DrillSettings),
    ("retention", RetentionSettings),
    ("policies.NAME", RetentionSettings),
    ("hooks", HookSettings),
    ("hook_sets.NAME", HookSettings),
    ("notify", NotifySettings),
    ("notifications.NAME", NotificationSettings),
    ("monitoring", MonitoringSettings),
    ("monitoring.thresholds", Thresholds),
    ("monitoring.alerts.TYPE", AlertSettings),
    ("runner", RunnerSettings),
    ("scheduler", SchedulerSettings),
)
_BEGIN = "<!-- keys: made by `python -m pantry_tui.config.reference`, do not edit -->"
_END = "<!-- end of keys -->"


def with_tables(page: str) -> str:
    """``page`` with the tables as they must be between its two marks."""
    return re.sub(
        f"(?s){re.escape(_BEGIN)}.*{re.escape(_END)}", lambda _: f"{_BEGIN}\n{tables()}\n{_END}", page, count=1
    )


def tables() -> str:
    """Every section with its keys, what they must be, and their defaults."""
    return "\n".join(_table(name, settings) for name, settings in SECTIONS)


def _table(name: str, settings: type[Model]) -> str:
    rows = [
        f"| `{field.name}` | {describe(field.type)} | {_default(field)} |" for field in msgspec.structs.fields(settings)
    ]
    return "\n".join((f"\n### [{name}]\n", "| key | must be | default |", "| --- | --- | --- |", *rows))


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"  # as TOML writes it
    return "" if value in (None, (), msgspec.NODEFAULT) or isinstance(value, Model) else f"`{value}`"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        path = Path(argument)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
