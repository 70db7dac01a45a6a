from __future__ import annotations

from datetime import timedelta

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import NotFoundError
from pantry_tui.models import JobState
from tests.unit.catalog.samples import job
from tests.unit.repository.samples import NOON


def test_jobs_are_newest_first_and_survive(catalog: Catalog) -> None:
    for number in (2, 0, 1):
        catalog.put_job(job(f"j{number}", JobState.QUEUED, at=NOON + timedelta(minutes=number)))
    assert [found.id for found in catalog.jobs()] == ["j2", "j1", "j0"]
    assert [found.id for found in catalog.jobs(2)] == ["j2", "j1"]
    again = Catalog(catalog.directory)
    assert again.jobs() == catalog.jobs()
    assert again.job("j1") == catalog.job("j1")


def test_progress_stays_in_memory(catalog: Catalog) -> None:
    catalog.put_job(job("a", JobState.RUNNING))
    before = (catalog.directory / "jobs.json").stat()
    for percent in range(1, 100):
        catalog.put_job(job("a", JobState.RUNNING, share=percent / 100))
    after = (catalog.directory / "jobs.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert catalog.job("a").share == 0.99
    assert catalog.jobs()[0].share == 0.99
    assert Catalog(catalog.directory).job("a").share == 0.0


@pytest.mark.parametrize(
    "changed",
    [
        job("a", JobState.SUCCEEDED, share=1.0),
        job("a", JobState.RUNNING, share=0.5, backup_id="20261123T020000Z-a-0000"),
    ],
)
def test_what_a_new_runner_must_know_reaches_the_disk(catalog: Catalog, changed: object) -> None:
    catalog.put_job(job("a", JobState.RUNNING))
    catalog.put_job(job("a", JobState.RUNNING, share=0.3))
    assert catalog.job("a") != changed
    catalog.put_job(changed)  # type: ignore[arg-type]
    assert Catalog(catalog.directory).job("a") == changed
    assert catalog.job("a") == changed


def test_a_finished_job_can_still_be_completed(catalog: Catalog) -> None:
    catalog.put_job(job("a", JobState.SUCCEEDED))
    catalog.put_job(job("a", JobState.SUCCEEDED, share=1.0))
    assert Catalog(catalog.directory).job("a").share == 1.0


def test_an_unknown_job(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError, match="there is no job 'x'") as caught:
        catalog.job("x")
    assert caught.value.remedy


def test_pruning_forgets_old_jobs_that_ended(catalog: Catalog) -> None:
    catalog.put_job(job("old", JobState.FAILED, at=NOON - timedelta(days=31)))
    catalog.put_job(job("old-but-running", JobState.RUNNING, at=NOON - timedelta(days=31)))
    catalog.put_job(job("young", JobState.SUCCEEDED, at=NOON - timedelta(days=29)))
    assert catalog.prune_jobs(NOON - timedelta(days=30)) == ["old"]
    assert {found.id for found in catalog.jobs()} == {"old-but-running", "young"}
    assert {found.id for found in Catalog(catalog.directory).jobs()} == {"old-but-running", "young"}
    assert catalog.prune_jobs(NOON - timedelta(days=30)) == []


def test_jobs_of_another_version_are_dropped_and_said(catalog: Catalog) -> None:
    catalog.put_job(job("a", JobState.SUCCEEDED))
    catalog.close()
    path = catalog.directory / "jobs.json"
    path.write_bytes(path.read_bytes().replace(b'"succeeded"', b'"triumphant"'))
    with Catalog(catalog.directory) as found:
        assert found.jobs() == []
        assert found.problems == [f"{path}: 1 entries of another version are dropped"]
        found.put_job(job("b", JobState.QUEUED))
    assert [left.id for left in Catalog(catalog.directory).jobs()] == ["b"]
    assert Catalog(catalog.directory).problems == []
