"""The configuration of a runner: read anew when it is asked for, so that what people change counts at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pantry_tui.config import Config, load_config
from pantry_tui.config.given import with_monitoring
from pantry_tui.errors import ConfigError


class Configured:
    """The configuration file, as the runner's environment finds it."""

    def __init__(
        self,
        file: str | None,
        environment: Mapping[str, str],
        complain: Callable[[str], None],
        monitoring: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._file = file
        self._environment = dict(environment)
        self._complain = complain
        self._monitoring = monitoring
        self._last: Config | None = None

    def __call__(self) -> Config:
        """The configuration; while its file is in disorder, perhaps because somebody is writing it, the last good one.

        Raises `ConfigError` where there was none.
        """
        try:
            return self.read()
        except ConfigError as error:
            if self._last is None:
                raise
            self._complain(f"the configuration cannot be read, and what it said before counts: {error.message}")
            return self._last

    def read(self) -> Config:
        """The configuration as it is now. Raises `ConfigError`."""
        self._last = with_monitoring(load_config(self._file, self._environment), self._monitoring)
        return self._last
