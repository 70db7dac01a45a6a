"""The keys that the configuration gives to commands."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pantry_tui.errors import ConfigError
from screens.commands import COMMANDS

if TYPE_CHECKING:
    from pantry_tui.config import Config


def require_known_commands(config: Config) -> None:
    """Raises `ConfigError` when `[keys]` names a command that does not exist."""
    known = [each.id for each in COMMANDS]
    for command_id in config.keys:
        if command_id not in known:
            nearest = difflib.get_close_matches(command_id, known, n=1, cutoff=0.5)
            raise ConfigError(
                f"{config.path}: [keys] names {command_id!r}, and no command is called that",
                remedy=f"Did you mean {nearest[0]}?" if nearest else "docs/keys.md lists the commands.",
            )
