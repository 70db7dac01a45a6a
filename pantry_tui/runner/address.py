"""Where a data directory's runner can be reached, if one is there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from pantry_tui.errors import RunnerError
from pantry_tui.runner.directory import socket_path
from pantry_tui.runner.lock import last_holder

_ANSWER_SECONDS = 5.0


def runner_address(directory: Path) -> Path:
    """The socket to try: the one that the last holder of the lock wrote down, else where one would be.

    Raises `RunnerError` when a file is there that another user put there.
    """
    holder = last_holder(directory)
    path = Path(holder.socket) if holder else socket_path(directory)
    try:
        owner = path.lstat().st_uid
    except OSError:
        return path
    if owner not in (os.geteuid(), 0):
        raise RunnerError(
            f"the socket {path} belongs to another user", remedy=f"find out who made {path}, and remove it"
        )
    return path


def answers(path: Path) -> bool:
    """Whether a process listens at the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            connection.connect(str(path))
        except OSError:
            return False
        return True


def no_runner(directory: Path) -> RunnerError:
    """The error of those who need a runner that is not there."""
    return RunnerError(f"no runner works on {directory}", remedy="start one with: pantry-tui runner start")
