"""Configuration: one TOML file plus the environment, checked when it is read."""

from pantry_tui.config.configuration import Config
from pantry_tui.config.load import configuration_paths, load_config
from pantry_tui.config.settings import (
    BackupSettings,
    DatabaseSettings,
    EncryptionSettings,
    RepositorySettings,
    RunnerSettings,
    Tier,
)

__all__ = [
    "BackupSettings",
    "Config",
    "DatabaseSettings",
    "EncryptionSettings",
    "RepositorySettings",
    "RunnerSettings",
    "Tier",
    "configuration_paths",
    "load_config",
]
