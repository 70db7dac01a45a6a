"""Applications to drive: on a runner in memory, and on a real one with a real server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.config.settings import DatabaseSettings, RepositorySettings
from pantry_tui.config.targets import connection_parameters
from pantry_tui.models import BackupSummary, DatabaseTarget
from tests.engine.runner.processes import MARK, RunnerProcess, eventually, kill_marked, marked_processes
from tests.servers import TestServer
from tests.tui.stand_in import make_backup


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Marks every process that the test starts; all of them have to be gone afterwards."""
    value = secrets.token_hex(8)
    monkeypatch.setenv(MARK, value)
    yield value
    try:
        eventually(lambda: not marked_processes(value), "the end of all processes")
    finally:
        kill_marked(value)


@pytest.fixture
def crm(server: TestServer) -> DatabaseTarget:
    """A small CRM, large enough to have several tables and a foreign key."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE organizations (id int PRIMARY KEY, name text NOT NULL)")
    server.execute(
        target, "CREATE TABLE contacts (id int PRIMARY KEY, organization int REFERENCES organizations, name text)"
    )
    server.execute(target, "INSERT INTO organizations SELECT n, 'organization ' || n FROM generate_series(1, 50) n")
    server.execute(
        target, "INSERT INTO contacts SELECT n, 1 + n % 50, 'contact ' || n FROM generate_series(1, 20000) n"
    )
    return target


@pytest.fixture
def config(tmp_path: Path, crm: DatabaseTarget) -> Config:
    """A configuration that calls the database crm."""
    parameters = connection_parameters(crm.conninfo, key="the test's database")
    settings = DatabaseSettings(
        host=parameters["host"],
        port=int(parameters["port"]),
        dbname=parameters["dbname"],
        user=parameters["user"],
        client_tools=crm.client_tools,
    )
    return Config(
        data_directory=str(tmp_path / "data"),
        databases={"crm": settings},
        repositories={"local": RepositorySettings(path=str(tmp_path / "backups"))},
        default_database="crm",
        default_repository="local",
        environment={"HOME": str(tmp_path)},
    )


@pytest.fixture
def runner(config: Config, mark: str) -> Iterator[RunnerProcess]:
    """A runner at work on that configuration."""
    process = RunnerProcess(config)
    yield process
    process.close()


@pytest.fixture
def backups() -> list[BackupSummary]:
    """Five backups of two databases."""
    return [
        make_backup(1, valid=True, proven=True, ago=timedelta(minutes=31)),
        make_backup(2, valid=True),
        make_backup(3, ago=timedelta(days=1)),
        make_backup(4, name="before-migration", database="billing", ago=timedelta(days=40), valid=False),
        make_backup(5, name="yearly", ago=timedelta(days=400)),
    ]
