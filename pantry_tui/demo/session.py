"""Everything a demonstration stands on, in one directory: a private server, a repository, a configuration."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from pantry_tui.config import Config, load_config
from pantry_tui.demo.crm import DEFAULT_SCALE, create_crm
from pantry_tui.errors import RefusedError, StorageError, UsageError
from pantry_tui.events import Listener
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.binaries import embedded_binaries, require_binaries, system_binaries
from pantry_tui.postgres.connect import connect, server_error
from pantry_tui.postgres.private import PrivateServer

DATABASE = "crm"
REHEARSAL = "crm_rehearsal"
CONFIGURATION = "config.toml"
SETTINGS = {"shared_buffers": "128MB", "max_wal_size": "4GB"}

_TEMPLATE = """\
# The demonstration's own; `pantry-tui demo --keep` with this directory starts its server again.
data_directory = {data}
default_database = "crm"

[databases.crm]
host = {socket}
port = {port}
dbname = "crm"
user = "postgres"
client_tools = {client_tools}

[repositories.local]
path = {repository}
"""


class DemoSession:
    """A demonstration's server, files and configuration, from `start` to `close`.

    Without a directory to ``keep`` everything lies in a temporary one, and nothing is left of it afterwards.
    """

    def __init__(self, keep: Path | None = None) -> None:
        self.kept = keep is not None
        binaries = require_binaries(embedded_binaries() or system_binaries())  # before anything is made
        self.directory = _kept_directory(keep) if keep is not None else Path(tempfile.mkdtemp(prefix="pantry-demo-"))
        self.reopened = self.configuration.exists()
        self.server = PrivateServer(
            self.directory / "server",
            binaries=binaries,
            durable=self.kept,
            settings=SETTINGS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def configuration(self) -> Path:
        """The configuration file for commands and for the application."""
        return self.directory / CONFIGURATION

    @property
    def config(self) -> Config:
        """What stands in it; the environment of whoever runs the demonstration does not count."""
        return load_config(self.configuration, {})

    def start(self) -> None:
        """Starts the server and writes the configuration.

        In the thread that lives as long as the demonstration: the server ends with it.
        """
        self.server.start()
        text = _TEMPLATE.format(
            data=_quoted(self.directory / "data"),
            socket=_quoted(self.server.socket_directory),
            port=self.server.port,
            client_tools=_quoted(self.server.client_tools),
            repository=_quoted(self.directory / "repository"),
        )
        self.configuration.write_text(text, encoding="utf-8")
        self.configuration.chmod(0o600)

    async def provide_crm(self, *, scale: float | None, listener: Listener) -> bool:
        """Creates the database with the sample CRM, and returns False when it is there from an earlier time.

        Raises `UsageError` for a scale that would then not count.
        """
        if await self._database_exists(DATABASE):
            if scale is not None:
                raise UsageError(f"the CRM in {self.directory} has its size already", remedy="leave --scale out")
            return False
        await self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"), DATABASE)
        await create_crm(
            self.server.target(DATABASE), scale=DEFAULT_SCALE if scale is None else scale, listener=listener
        )
        return True

    async def provide_rehearsal(self) -> DatabaseTarget:
        """Where the restore goes: a database that does not exist, whatever an earlier time left there."""
        await self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), REHEARSAL)
        return self.server.target(REHEARSAL)

    def close(self) -> None:
        """Stops the server; removes every file unless they are to be kept."""
        if self.kept:
            self.server.stop()
            return
        self.server.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _database_exists(self, name: str) -> bool:
        async with await connect(self.server.target("postgres"), application="demo") as connection:
            cursor = await connection.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,))
            return await cursor.fetchone() is not None

    async def _execute(self, statement: sql.SQL, database: str) -> None:
        async with await connect(self.server.target("postgres"), application="demo") as connection:
            try:
                await connection.execute(statement.format(sql.Identifier(database)))
            except psycopg.Error as error:
                raise server_error(error, doing=f"preparing database {database}") from None


def _kept_directory(directory: Path) -> Path:
    directory = directory.expanduser().absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()) and not (directory / CONFIGURATION).exists():
            raise RefusedError(
                f"{directory} holds other files", remedy="choose a directory that is new, empty or from an earlier demo"
            )
    except OSError as error:
        raise StorageError(
            f"{directory} cannot be used: {error.strerror}", remedy="choose another directory"
        ) from error
    return directory


def _quoted(text: object) -> str:
    """A TOML basic string: JSON's rules, and DEL escaped too."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")
