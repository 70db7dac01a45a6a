"""A real PostgreSQL server for tests: databases on demand, and the corpus loaded into them."""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

import psycopg
import pytest
from psycopg import sql

from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.private import PrivateServer

Row = tuple[Any, ...]

SETTINGS = {
    "max_connections": "60",
    "max_locks_per_transaction": "1024",  # the regression database has more than 600 tables
    "max_prepared_transactions": "10",
    "shared_buffers": "128MB",
}
ENOUGH_MEMORY = 8 << 30  # bytes
CORPUS_FILES = {"pagila": "pagila.sql.gz", "regression": "postgres15-regression.sql.gz"}
PRESENT_SINCE_9_0 = b"\nCREATE PROCEDURAL LANGUAGE plpgsql;"  # Pagila is older, and the statement an error now


class TestServer:
    """A server with everything that tests do to one. Databases and connections go away when `tidy` says so."""

    __test__ = False  # not a class of tests

    def __init__(self, private: PrivateServer, corpus: Path) -> None:
        self.private = private
        self._corpus = corpus
        self._numbers = itertools.count(1)
        self._databases: list[str] = []
        self._connections: list[psycopg.Connection[Row]] = []
        self._templates: dict[str, str] = {}

    @property
    def version_num(self) -> int:
        """The server's version, 170010 for 17.10."""
        return self.private.version_num

    @property
    def client_tools(self) -> Path:
        """The directory of the server's own psql, pg_dump and friends."""
        return Path(self.private.client_tools)

    def target(self, database: str, *, role: str | None = None) -> DatabaseTarget:
        """A database of this server, for the superuser or ``role``."""
        return self.private.target(database, role=role)

    def create_database(self, name: str | None = None, **options: str) -> DatabaseTarget:
        """A new database, dropped after the test.

        ``options`` are those of CREATE DATABASE, ``template="template0", encoding="LATIN1"``; identifiers and values
        are quoted here.
        """
        database = f"test_{next(self._numbers)}" if name is None else name
        identifiers = {"template", "owner", "tablespace"}
        clauses = [
            sql.SQL(" {} {}").format(
                sql.SQL(cast("Any", option)), sql.Identifier(value) if option in identifiers else sql.Literal(value)
            )
            for option, value in options.items()
        ]
        self._execute(
            "postgres", sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)) + sql.Composed(clauses)
        )
        self._databases.append(database)
        return self.target(database)

    def drop_database(self, name: str) -> None:
        """Drops a database whoever is connected to it; one that is not there is fine."""
        self._execute("postgres", sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def drop_after_test(self, name: str) -> DatabaseTarget:
        """Has a database dropped after the test that something else creates (a restore, for example)."""
        self._databases.append(name)
        return self.target(name)

    def execute(self, database: str | DatabaseTarget, statements: str) -> list[Row]:
        """Runs ``statements`` as the superuser, each of its own, and returns the rows of the last one."""
        return self._execute(database, sql.SQL(cast("Any", statements)))

    def _execute(self, database: str | DatabaseTarget, statements: sql.SQL | sql.Composed) -> list[Row]:
        with self._connected(database) as connection:
            cursor = connection.execute(statements)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def _connected(self, database: str | DatabaseTarget) -> Iterator[psycopg.Connection[Row]]:
        target = self.target(database) if isinstance(database, str) else database
        connection = psycopg.connect(target.conninfo, autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def connect(self, database: str | DatabaseTarget, *, autocommit: bool = True) -> psycopg.Connection[Row]:
        """A connection that is closed after the test, if not before."""
        target = self.target(database) if isinstance(database, str) else database
        connection = psycopg.connect(target.conninfo, autocommit=autocommit)
        self._connections.append(connection)
        return connection

    def load_corpus(self, which: str) -> DatabaseTarget:
        """A new database with "pagila" or "regression" in it; skips the test where that cannot be.

        Loaded once per server and cloned after that.
        """
        if which not in self._templates:
            self._templates[which] = self._load_template(which)
        return self.create_database(template=self._templates[which])

    def _load_template(self, which: str) -> str:
        if which == "regression" and self.version_num // 10_000 != 15:
            pytest.skip("the regression database is of release 15 and loads only there")
        document = self._corpus_file(CORPUS_FILES[which])
        if which == "regression":
            self.psql("postgres", self._corpus_file("postgres15-regression-roles.sql").read_bytes())
        template = f"corpus_{which}"
        self._execute(
            "postgres",
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(
                sql.Identifier(template)
            ),
        )
        with gzip.open(document) as stream:
            self.psql(template, stream.read().replace(PRESENT_SINCE_9_0, b""))
        return template

    def _corpus_file(self, name: str) -> Path:
        path = self._corpus / name
        if not path.is_file():
            pytest.skip(f"the corpus is absent: no {path} (PANTRY_CORPUS names its directory)")
        return path

    def psql(self, database: str | DatabaseTarget, script: bytes, *, check: bool = True) -> str:
        """Feeds a script of known origin to psql, stopping at the first error; returns what psql wrote."""
        target = self.target(database) if isinstance(database, str) else database
        with _spooled(script) as stdin:
            outcome = subprocess.run(
                [self.client_tools / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", f"--dbname={target.conninfo}"],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        output = outcome.stdout.decode(errors="replace")
        if check and outcome.returncode != 0:
            raise AssertionError(f"psql ended with {outcome.returncode}:\n{output[-2000:]}")
        return output

    def fingerprint(self, database: str | DatabaseTarget) -> dict[str, Any]:
        """The content of a database as the corpus's independent tool sees it; equal dicts mean equal databases."""
        target = self.target(database) if isinstance(database, str) else database
        taken: dict[str, Any] = json.loads(json.dumps(self._fingerprint_tool.take(target.conninfo)))
        return taken

    @cached_property
    def _fingerprint_tool(self) -> Any:
        path = self._corpus.parent / "tools" / "fingerprint.py"
        specification = importlib.util.spec_from_file_location("corpus_fingerprint", path) if path.is_file() else None
        if specification is None or specification.loader is None:
            pytest.skip(f"the fingerprint tool is absent: no {path} (PANTRY_CORPUS names the directory beside it)")
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module

    @contextmanager
    def tidy(self) -> Iterator[None]:
        """Closes and drops at the end what was opened and created within."""
        databases, connections = len(self._databases), len(self._connections)
        yield
        for connection in self._connections[connections:]:
            connection.close()
        del self._connections[connections:]
        if self._databases[databases:]:
            self._drop_all(self._databases[databases:])
            del self._databases[databases:]

    def _drop_all(self, names: list[str]) -> None:
        """Drops the databases, and those that restores have kept beside them for inspection."""
        with self._connected("postgres") as connection:
            kept = connection.execute(
                "SELECT datname FROM pg_database, unnest(%s::text[]) AS given"
                " WHERE starts_with(datname, given || '.unverified-')",
                [names],
            ).fetchall()
            for name in [*names, *(found for (found,) in kept)]:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _spooled(content: bytes) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def _directory() -> Path:
    """A new directory for a server's data, in memory where there is enough of it: a database is a thousand files.

    Not below pytest's own: when root runs the tests, the server's account cannot enter that.
    """
    shared = Path("/dev/shm")
    where = "/tmp"
    if shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ENOUGH_MEMORY:
        where = str(shared)
    return Path(tempfile.mkdtemp(prefix="pantry-tests-", dir=where))


@contextmanager
def serve(binaries: Path, corpus: Path, **settings: str) -> Iterator[TestServer]:
    """A new server of these programs, gone without a trace afterwards; ``settings`` besides those of all."""
    private = PrivateServer(_directory(), binaries=binaries, settings=SETTINGS | settings)
    try:
        private.start()
        server = TestServer(private, corpus)
        with server.tidy():
            yield server
    finally:
        private.destroy()
