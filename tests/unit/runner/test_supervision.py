"""What systemd is told: by a socket of the test's own."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pantry_tui.runner.supervision import Supervisor


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address that a service manager gives, and its socket."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@pantry-tests-{os.getpid()}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(name.replace("@", "\0", 1))
        channel.settimeout(10)
        yield name, channel


def test_the_states_of_a_runner(manager: tuple[str, socket.socket]) -> None:
    address, channel = manager
    supervisor = Supervisor(address)
    supervisor.ready("3 schedules")
    assert channel.recv(1000) == b"READY=1\nSTATUS=3 schedules"
    supervisor.reloading()
    first, second = channel.recv(1000).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()
    supervisor.stopping(60)
    assert channel.recv(1000) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=75000000"


async def test_the_watchdog_is_told_while_the_loop_turns(manager: tuple[str, socket.socket]) -> None:
    address, channel = manager
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    supervisor = Supervisor.adopt(environment)
    assert environment == {"HOME": "/"}
    alive = asyncio.create_task(supervisor.keep_alive())
    for _ in range(3):
        assert await asyncio.to_thread(channel.recv, 1000) == b"WATCHDOG=1"
    alive.cancel()
    await asyncio.wait([alive])


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
async def test_nobody_watches(environment: dict[str, str]) -> None:
    supervisor = Supervisor.adopt(environment)
    assert supervisor.watchdog_seconds is None
    await supervisor.keep_alive()
    supervisor.ready("nobody hears it")


def test_a_manager_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    Supervisor(str(tmp_path / "gone")).ready("nobody hears it")
