"""`[hooks]` and `[databases.NAME.hooks]`: commands before and after backups and recoveries."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pantry_tui.errors import ConfigError
from pantry_tui.models import Hook, HookFailure, Model

_Command = Annotated[
    tuple[str, ...], Meta(description='a list of an absolute path and its arguments: ["/usr/local/bin/stop", "crm"]')
]
_COMMANDS = ("before_backup", "after_backup", "before_recovery", "after_recovery")


class HookSettings(Model, frozen=True, kw_only=True):
    """What is run before and after backups and recoveries; an empty list is nothing."""

    before_backup: _Command = ()
    after_backup: _Command = ()
    before_recovery: _Command = ()
    after_recovery: _Command = ()
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=86400, description="a number of seconds above 0, at most 86400")
    ] = 60.0
    on_failure: Annotated[HookFailure, Meta(description='"abort" or "continue"')] = HookFailure.ABORT

    @property
    def has_any(self) -> bool:
        """Whether any command is set."""
        return any(getattr(self, name) for name in _COMMANDS)

    def hook(self, command: str) -> Hook | None:
        """What is set as ``command``, which is one of the first four keys."""
        argv: tuple[str, ...] = getattr(self, command)
        return Hook(argv=argv, timeout_seconds=self.timeout_seconds, on_failure=self.on_failure) if argv else None


def check_hooks(settings: HookSettings, *, prefix: str, file: str) -> HookSettings:
    """The settings again. Raises `ConfigError` for a command that cannot be run as it stands."""
    for name in _COMMANDS:
        argv: tuple[str, ...] = getattr(settings, name)
        if argv and not argv[0].startswith("/"):
            raise ConfigError(
                f"{file}: {prefix}.{name} must begin with an absolute path, not {argv[0]!r}",
                remedy='Write the program\'s full path; for a line of the shell: ["/bin/sh", "-c", "…"].',
            )
        if any("\0" in argument for argument in argv):
            raise ConfigError(f"{file}: {prefix}.{name} holds a NUL character", remedy="Leave it out.")
    return settings
