"""The process of a private server: starting it, finding it again by its data directory, ending it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pantry_tui.errors import ServerError
from pantry_tui.postgres import launch
from pantry_tui.postgres.account import ServerAccount
from pantry_tui.postgres.messages import Meaning, meaning_of_text

START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.01
READY_LINE = 7  # of postmaster.pid, counted from 0 (PostgreSQL 10+, miscadmin.h)
LOG_TAIL_BYTES = 4000


def bare_environment() -> dict[str, str]:
    """Nothing of ours: PG* variables of the user must not reach a server that is not theirs."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


class Postmaster:
    """The server process of one data directory, whoever started it."""

    def __init__(self, data: Path, log: Path) -> None:
        self._data = data
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None

    def pid(self) -> int | None:
        """The process's number, or None when none runs, with or without a stale lock file."""
        state = self._state()
        if not state or not state[0].isdigit():
            return None
        try:
            # A postmaster keeps its arguments, its children do not; another program may have the number by now.
            arguments = Path(f"/proc/{state[0]}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(state[0]) if os.fsencode(self._data) in arguments else None

    def start(
        self, program: Path, *, account: ServerAccount, socket: Path, port: int, settings: Mapping[str, str], keep: bool
    ) -> None:
        """Starts the server and waits until it accepts connections.

        ``keep``: it outlives us; else it is shut down at once when the thread that calls this ends. Raises
        `ServerError`, or what the end of its log means, when it does not come up.
        """
        command = [str(program), "-D", str(self._data), "-k", str(socket), "-h", "", "-p", str(port)]
        command += [f"--{name}={value}" for name, value in settings.items()]
        self._await_ready(self._launch(command, account=account, owner=0 if keep else os.getpid()))

    def _launch(self, command: list[str], *, account: ServerAccount, owner: int) -> int | None:
        user, group = (account.user, account.group) if account.switched else (-1, -1)
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", launch.__file__, str(user), str(group), str(owner), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env=bare_environment(),
                umask=0o077,
                start_new_session=True,
            )
        assert process.stdout is not None
        with process.stdout as answer:
            if owner == 0:
                detached = answer.read()
                process.wait()
                return int(detached) if detached else None
        self._child = process
        return process.pid

    def _await_ready(self, pid: int | None) -> None:
        deadline = time.monotonic() + START_SECONDS
        while pid is not None and not has_ended(pid, POLL_SECONDS):
            state = self._state()
            if state[:1] == [str(pid)] and [line.strip() for line in state[READY_LINE:]] == ["ready"]:
                return
            if time.monotonic() > deadline:
                break
        self.stop(signal.SIGQUIT)
        tail = self._log_tail()
        kind, remedy = meaning_of_text(tail) or Meaning(ServerError, "See the end of its log.")
        raise kind(f"The private PostgreSQL server in {self._data} did not start.", remedy=remedy, detail=tail)

    def stop(self, how: signal.Signals) -> None:
        """Ends the process and waits for its end: SIGINT with a shutdown checkpoint, SIGQUIT without."""
        pid = self._child.pid if self._child else self.pid()
        if pid is not None and not (_signalled(pid, how) and has_ended(pid, STOP_SECONDS)):
            _signalled(pid, signal.SIGKILL)
            has_ended(pid, STOP_SECONDS)
        if self._child is not None:
            self._child.wait()
            self._child = None

    def _state(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text(errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _log_tail(self) -> str:
        return self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


def has_ended(pid: int, seconds: float) -> bool:
    """Waits up to ``seconds`` for the end of a process, which need not be our child, and tells whether it came."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(handle)


def _signalled(pid: int, how: signal.Signals) -> bool:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True
