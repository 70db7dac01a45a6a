"""A data directory of its own for every test, and nothing left when it ends."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pantry_tui.config import Config, load_config
from pantry_tui.models import BackupRequest, DatabaseTarget, Job, RepositoryTarget
from pantry_tui.runner.client import RunnerClient, attach
from tests.engine.runner.processes import MARK, RunnerProcess, eventually, kill_marked, marked_processes
from tests.servers import TestServer

StartRunner = Callable[..., RunnerProcess]


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Marks every process that the test starts, directly or not; all of them have to be gone afterwards."""
    value = secrets.token_hex(8)
    monkeypatch.setenv(MARK, value)
    yield value
    try:
        eventually(lambda: not marked_processes(value), "the end of all processes")
    finally:
        kill_marked(value)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The configuration of an installation in a temporary directory."""
    environment = {"HOME": str(tmp_path), "DATA_DIR": str(tmp_path / "data"), "BACKUP_DIR": str(tmp_path / "backups")}
    return load_config(environment=environment)


@pytest.fixture
def backups(config: Config) -> RepositoryTarget:
    """Its repository."""
    return config.repository_target()


@pytest.fixture
def start_runner(config: Config, mark: str) -> Iterator[StartRunner]:
    """Starts runners, and ends those that are left."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, **more: tuple[str, ...]) -> RunnerProcess:
            runner = RunnerProcess(config, *options, **more)
            stack.callback(runner.close)
            return runner

        yield start


@pytest.fixture
def runner(start_runner: StartRunner) -> RunnerProcess:
    """A runner at work."""
    return start_runner()


@pytest.fixture
async def client(runner: RunnerProcess, config: Config) -> AsyncIterator[RunnerClient]:
    """A client of that runner."""
    async with await attach(config) as client:
        yield client


@pytest.fixture
def crm(server: TestServer) -> DatabaseTarget:
    """A small database."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE contacts (id int PRIMARY KEY, name text)")
    server.execute(target, "INSERT INTO contacts SELECT n, 'contact ' || n FROM generate_series(1, 1000) n")
    return target


class Blockade:
    """A lock on the table, so that a backup of it can begin and cannot end."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        self._connection.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")

    def lift(self) -> None:
        self._connection.rollback()


@pytest.fixture
def blockade(server: TestServer, crm: DatabaseTarget) -> Iterator[Blockade]:
    """Holds up every backup of the small database until it is lifted."""
    connection = server.connect(crm, autocommit=False)
    yield Blockade(connection)
    connection.close()


def backup_request(database: DatabaseTarget, repository: RepositoryTarget, name: str = "nightly") -> BackupRequest:
    return BackupRequest(database=database, repository=repository, name=name, jobs=1, lock_timeout_seconds=60)


async def ended(client: RunnerClient, job: Job) -> Job:
    """The job when it is over."""
    async for _ in client.job_events(job.id):
        pass
    return await client.job(job.id)


async def at_work(client: RunnerClient, job: Job) -> None:
    """Returns when the job's process has begun its work."""
    async for _ in client.job_events(job.id):
        return
