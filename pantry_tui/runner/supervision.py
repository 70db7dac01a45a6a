"""What a service manager is told of a runner, by systemd's protocol (sd_notify(3)): ready, alive, reloading, ending."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Self

_SOCKET, _WATCHDOG, _WATCHED = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
VARIABLES = frozenset((_SOCKET, _WATCHDOG, _WATCHED))
_MARGIN_SECONDS = 15  # for the end itself, after the jobs


class Supervisor:
    """The service manager that started this process; without one, nothing of this does anything."""

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address  # abstract sockets
        self.watchdog_seconds = watchdog_seconds

    @classmethod
    def adopt(cls, environment: MutableMapping[str, str]) -> Self:
        """Takes the variables out of ``environment``: what this process starts must not speak in its name."""
        address = environment.pop(_SOCKET, None)
        microseconds = environment.pop(_WATCHDOG, "")
        watched = environment.pop(_WATCHED, str(os.getpid()))
        is_watched = microseconds.isdecimal() and int(microseconds) > 0 and watched == str(os.getpid())
        return cls(address or None, int(microseconds) / 1e6 if is_watched else None)

    @property
    def is_there(self) -> bool:
        """Whether somebody sees to it that there is a runner."""
        return self._address is not None

    def ready(self, status: str) -> None:
        """The API answers, or the configuration has been read again."""
        self._tell("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """What is shown of the service has changed."""
        self._tell(f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, seconds: float) -> None:
        """The runner ends, and may take that long for its jobs."""
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int((seconds + _MARGIN_SECONDS) * 1e6)}")

    async def keep_alive(self) -> None:
        """Says again and again that the event loop turns, until it is cancelled; ends at once where nobody watches."""
        while self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds / 2)  # as sd_watchdog_enabled(3) advises

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        with (
            contextlib.suppress(OSError),  # a service manager that is being replaced must not end the runner
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), self._address)
