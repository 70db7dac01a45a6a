"""Servers of our own: for the demo, for rehearsals and for tests.

A private server listens on a Unix socket only, in a directory that nobody else can enter, and never runs as root: for
root it runs under the account "postgres" or "nobody".
"""

from __future__ import annotations

import hashlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from psycopg.conninfo import make_conninfo

from pantry_tui.errors import ServerError, StorageError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres import launch
from pantry_tui.postgres.account import ServerAccount
from pantry_tui.postgres.binaries import (
    binaries_for,
    embedded_binaries,
    require_binaries,
    server_version_num,
    system_binaries,
)

__all__ = ["PrivateServer", "embedded_binaries", "system_binaries"]

SUPERUSER = "postgres"
PORT = 5432  # part of the socket's name, nothing more
START_SECONDS = 60.0
STOP_SECONDS = 60.0
SOCKET_PATH_BYTES = 107  # sun_path has 108, one of them for the end
LOG_TAIL_BYTES = 4000
DURABLE_HOME = Path("/var/lib/pantry-tui/servers")
TEMPORARY_HOME = Path("/tmp")  # noqa: S108  # TMPDIR may be too long for a socket; own directories, owner checked
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PrivateServer:
    """A PostgreSQL server with its own data directory and socket, both below ``directory`` where that is possible.

    It lies elsewhere when the account it runs under cannot enter ``directory`` (root's home); the socket does when its
    path would be too long for one or needs quoting. A server that is not durable trades safety for speed and ends with
    the thread that started it; a durable one runs until `stop`.
    """

    port = PORT

    def __init__(
        self,
        directory: Path,
        *,
        binaries: Path | None = None,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = Path(os.path.abspath(directory))  # noqa: PTH100  # links stay as they are named
        if {"\n", "\r"} & set(str(self._directory)):
            raise StorageError(
                f"The server's directory {str(self._directory)!r} has a line break in its name.",
                remedy="PostgreSQL cannot work there; choose another directory.",
            )
        self._binaries = require_binaries(binaries)
        self._durable = durable
        self._settings = {} if durable else dict(THROW_AWAY)
        self._settings |= settings or {}
        self._account = ServerAccount.current()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def client_tools(self) -> str:
        """The directory of the server's own psql, pg_dump and friends."""
        return str(self._binaries)

    @cached_property
    def version_num(self) -> int:
        """The server's version, 170010 for 17.10."""
        return server_version_num(self._binaries)

    @cached_property
    def home(self) -> Path:
        """The directory that holds the server's data and log."""
        existing = next(path for path in (self._directory, *self._directory.parents) if path.is_dir())
        above = existing.parent if existing == self._directory else existing
        if not self._account.switched or self._account.may(above, read=False):
            return self._directory
        base = DURABLE_HOME if self._durable else TEMPORARY_HOME
        return base / f"pantry-server-{_digest(self._directory)}"

    @cached_property
    def socket_directory(self) -> Path:
        """The directory of the server's socket."""
        beside = self.home / "socket"
        length = len(os.fsencode(beside / f".s.PGSQL.{PORT}"))
        # libpq takes a comma for the next host, the server splits its list at commas and blanks
        if length <= SOCKET_PATH_BYTES and re.fullmatch(r"[A-Za-z0-9/._+-]+", str(beside)):
            return beside
        return TEMPORARY_HOME / f"pantry-socket-{_digest(self.home)}"

    def target(self, database: str, *, role: str | None = None) -> DatabaseTarget:
        """``database`` of this server, for ``role`` or the superuser."""
        return DatabaseTarget(
            name=database,
            conninfo=make_conninfo(
                host=str(self.socket_directory), port=self.port, user=role or SUPERUSER, dbname=database
            ),
            client_tools=self.client_tools,
        )

    @property
    def running(self) -> bool:
        """Whether the server runs, whoever started it."""
        return self._pid() is not None

    def start(self) -> None:
        """Makes the server's data directory if need be and starts it; returns when it accepts connections.

        Raises `ServerError` with the end of the server's log when it does not come up.
        """
        if self.running:
            return
        self._make_directories()
        programs = binaries_for(self._account, self._binaries)
        if not (self._data / "PG_VERSION").exists():
            self._initialise(programs)
        self._await_ready(self._launch(programs))

    def stop(self, *, immediate: bool = False) -> None:
        """Stops the server and waits for its end; ``immediate`` without a shutdown checkpoint."""
        if (pid := self._pid()) is not None and not _end(pid, signal.SIGQUIT if immediate else signal.SIGINT):
            _end(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def destroy(self) -> None:
        """Stops the server and removes everything of it."""
        self.stop(immediate=True)
        for directory in {self.socket_directory, self.home, self._directory}:
            if directory.is_dir():
                shutil.rmtree(directory)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _log(self) -> Path:
        return self.home / "server.log"

    def _state(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _pid(self) -> int | None:
        """The process, unless the lock file is stale. (A postmaster keeps its arguments, its children do not.)"""
        state = self._state()
        if not state or not state[0].isdigit():
            return None
        pid = int(state[0])
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return None
        return pid if os.fsencode(self._data) in arguments else None

    def _make_directories(self) -> None:
        if not self.home.parent.is_dir():
            self.home.parent.mkdir(parents=True)
            self._open_to_account(self.home.parent)
        for directory in (self.home, self.socket_directory):
            self._account.make_directory(directory)

    def _open_to_account(self, directory: Path) -> None:
        """Undoes a strict umask on directories just made above the server's own, where its account is another."""
        while self._account.switched and not self._account.may(directory, read=False):
            directory.chmod(0o711)
            directory = directory.parent

    def _initialise(self, programs: Path) -> None:
        """Makes the data directory under another name first: a cut-off initdb is never taken for a cluster."""
        unfinished = self.home / "data.new"
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        command = [str(programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C", *([] if self._durable else ["--no-sync"])]
        outcome = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            umask=0o077,
            **self._account.process_options(),
        )
        if outcome.returncode != 0:
            raise ServerError(
                f"PostgreSQL could not make a data directory in {self.home}.",
                remedy="See what initdb said; a full disk and missing permissions are the usual reasons.",
                detail=outcome.stdout.decode(errors="replace")[-LOG_TAIL_BYTES:],
            )
        unfinished.rename(self._data)

    def _launch(self, programs: Path) -> int:
        """Starts the server process and returns its pid."""
        account = self._account
        user, group = (account.user, account.group) if account.switched else (-1, -1)
        owner = 0 if self._durable else os.getpid()
        command = [sys.executable, "-I", "-S", launch.__file__, str(user), str(group), str(owner)]
        command += [str(programs / "postgres"), "-D", str(self._data), "-k", str(self.socket_directory)]
        command += ["-h", "", "-p", str(PORT)]
        command += [f"--{name}={value}" for name, value in self._settings.items()]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env=_environment(),
                umask=0o077,
                start_new_session=True,
            )
        assert process.stdout is not None
        with process.stdout as answer:
            if self._durable:
                detached = int(answer.read())
                process.wait()
                return detached
        self._process = process
        return process.pid

    def _await_ready(self, pid: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ended = _ended(pid, 0.01)
            state = self._state()
            if not ended and len(state) > 7 and state[0] == str(pid) and state[7].strip() == "ready":
                return
            if ended:
                break
        else:
            self.stop(immediate=True)
        if self._process is not None:
            self._process.wait()
            self._process = None
        raise ServerError(
            f"The private PostgreSQL server in {self.home} did not start.",
            remedy="See the end of its log below.",
            detail=self._log_tail(),
        )

    def _log_tail(self) -> str:
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _environment() -> dict[str, str]:
    """Nothing of ours: PG* variables of the user must not reach a server that is not his."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _ended(pid: int, seconds: float) -> bool:
    """Waits up to ``seconds`` for the end of the process ``pid`` and tells whether it came."""
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


def _end(pid: int, how: signal.Signals) -> bool:
    """Sends ``how`` and tells whether the process ended in time."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return True
    return _ended(pid, STOP_SECONDS)
