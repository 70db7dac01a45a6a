"""Servers of our own: for the demo, for rehearsals and for tests.

A private server listens on a Unix socket only, in a directory that nobody else can enter, and never runs as root: for
root it runs under the account "postgres" or "nobody".
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from psycopg.conninfo import make_conninfo

from pantry_tui.errors import ServerError, StorageError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.account import ServerAccount
from pantry_tui.postgres.binaries import (
    binaries_for,
    embedded_binaries,
    require_binaries,
    server_version_num,
    system_binaries,
)
from pantry_tui.postgres.messages import Meaning, meaning_of_text
from pantry_tui.postgres.postmaster import Postmaster, bare_environment

__all__ = ["PrivateServer", "embedded_binaries", "system_binaries"]

SUPERUSER = "postgres"
PORT = 5432  # part of the socket's name, nothing more
SOCKET_PATH_BYTES = 107  # sun_path has 108, one of them for the end
DURABLE_HOME = Path("/var/lib/pantry-tui/servers")
TEMPORARY_HOME = Path("/tmp")  # noqa: S108  # TMPDIR may be too long for a socket; own directories, owner checked
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PrivateServer:
    """A PostgreSQL server with its own data directory and socket, both below ``directory`` where that is possible.

    It lies elsewhere when the account it runs under cannot enter ``directory`` (root's home); the socket does when its
    path would be too long for one or needs quoting. A server that is not durable trades safety for speed and ends with
    the thread that started it; a durable one runs until `stop`. As a context the one is destroyed, the other stopped.
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
        return self._postmaster.pid() is not None

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
        self._postmaster.start(
            programs / "postgres",
            account=self._account,
            socket=self.socket_directory,
            port=self.port,
            settings=self._settings,
            keep=self._durable,
        )

    def stop(self, *, immediate: bool = False) -> None:
        """Stops the server and waits for its end; ``immediate`` without a shutdown checkpoint."""
        self._postmaster.stop(signal.SIGQUIT if immediate else signal.SIGINT)

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
        if self._durable:
            self.stop()
        else:
            self.destroy()

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @cached_property
    def _postmaster(self) -> Postmaster:
        return Postmaster(self._data, self.home / "server.log")

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
            env=bare_environment(),
            umask=0o077,
            **self._account.process_options(),
        )
        if outcome.returncode != 0:
            said = outcome.stdout.decode(errors="replace")
            kind, remedy = meaning_of_text(said) or Meaning(ServerError, "See what initdb said.")
            raise kind(f"PostgreSQL could not make a data directory in {self.home}.", remedy=remedy, detail=said)
        unfinished.rename(self._data)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
