"""Starts a server process: becomes its user, ties it to its owner or cuts it loose, then turns into it.

Run as a script by `pantry_tui.postgres.private`, so it needs nothing but the standard library. (A function between fork
and exec would do the same, but is not safe in a process that has threads.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(owner: int) -> None:
    """Has the kernel shut this process down at once when the thread of ``owner`` that started it is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)
    if os.getppid() != owner:  # gone before the call
        sys.exit(1)


def become(user: int, group: int) -> None:
    """Gives up root for good."""
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def main(arguments: list[str]) -> None:
    """Takes user, group (-1: stay who we are), owner's pid (0: detach and print the pid) and the command."""
    user, group, owner = (int(argument) for argument in arguments[:3])
    command = arguments[3:]
    if owner == 0 and (child := os.fork()):
        os.write(1, str(child).encode())
        os._exit(0)
    if user >= 0:
        become(user, group)
    if owner:
        die_with(owner)  # after the change of user, which would undo it
    os.dup2(2, 1)
    os.execv(command[0], command)  # noqa: S606  # an argument list, never a shell


if __name__ == "__main__":
    main(sys.argv[1:])
