"""Settings of `[monitoring]` that a program gives instead of the file."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pantry_tui.config.configuration import Config
from pantry_tui.config.monitoring import MonitoringSettings, Thresholds
from pantry_tui.config.sections import check_section

_WHERE = "the settings given"


def with_monitoring(config: Config, given: Mapping[str, float]) -> Config:
    """The configuration with some numbers of `[monitoring]` and its thresholds replaced, by their keys.

    They are remembered for a runner that has to be started. Raises `ConfigError` as for a file.
    """
    if not given:
        return config
    names = {field.name for field in msgspec.structs.fields(Thresholds)}
    limits = {key: _number(value) for key, value in given.items() if key in names}
    others = {key: _number(value) for key, value in given.items() if key not in names}
    checked = check_section(limits, Thresholds, prefix="monitoring.thresholds", file=_WHERE)
    settings = check_section(others, MonitoringSettings, prefix="monitoring", file=_WHERE)
    thresholds = {key: getattr(checked, key) for key in limits}
    chosen = {key: getattr(settings, key) for key in others}
    kept = msgspec.structs.replace(config.monitoring.thresholds, **thresholds)
    monitoring = msgspec.structs.replace(config.monitoring, thresholds=kept, **chosen)
    return msgspec.structs.replace(config, monitoring=monitoring, monitoring_given=dict(given))


def _number(value: float) -> float | int:
    """Days are whole numbers, however they came."""
    return int(value) if float(value).is_integer() else value
