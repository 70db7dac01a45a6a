"""The catalog is readable and says the old or the new, whatever file operation fails or is the last."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import DiskFullError, StorageError
from pantry_tui.models import JobState
from tests.faults.injection import Failure, FileFaults, faults
from tests.unit.catalog.samples import job
from tests.unit.repository.samples import NOON, local_repository, publish_backup

__all__ = ["faults"]


@pytest.mark.parametrize("failure", Failure, ids=lambda failure: failure.name.lower())
def test_writing_the_catalog(tmp_path: Path, faults: FileFaults, failure: Failure) -> None:
    repository = local_repository(tmp_path / "backups")
    old = publish_backup(repository)
    for at in itertools.count(1):
        directory = tmp_path / f"data{at}"
        with Catalog(directory) as catalog:
            catalog.rebuild([repository])
            catalog.put_job(job("old", JobState.RUNNING))
            before = [summary.id for summary in catalog.backups()]
            new = publish_backup(repository, at=NOON + timedelta(hours=at))

            def work(catalog: Catalog = catalog) -> None:
                catalog.refresh(repository)
                catalog.put_job(job("new", JobState.SUCCEEDED))

            outcome = faults.run(work, at=at, failure=failure)
            if outcome.error:
                assert isinstance(outcome.error, StorageError)
            if not outcome.died:
                remembered = [summary.id for summary in catalog.backups()]
        after = Catalog(directory)
        listed = [summary.id for summary in after.backups()]
        assert listed in (before, [new, *before])
        assert {found.id for found in after.jobs()} in ({"old"}, {"old", "new"})
        assert after.problems == []
        if not outcome.died:
            assert remembered == listed, "memory and disk disagree"
        with after:
            after.refresh(repository)
            assert [summary.id for summary in after.backups()] == repository.ids()
            assert after.check([repository]) == []
        if not outcome.reached:
            break
    assert listed[0] == new
    assert listed[-1] == old
    assert at > 15, "nothing was tried"


def test_a_job_that_could_not_be_written_is_written_with_the_next(tmp_path: Path, faults: FileFaults) -> None:
    with Catalog(tmp_path / "data") as catalog:
        catalog.put_job(job("a", JobState.RUNNING))
        outcome = faults.run(lambda: catalog.put_job(job("a", JobState.FAILED)), at=3, failure=Failure.NO_SPACE)
        assert isinstance(outcome.error, DiskFullError)
        assert catalog.job("a").state is JobState.FAILED
        assert Catalog(tmp_path / "data").job("a").state is JobState.RUNNING
        catalog.put_job(job("b", JobState.QUEUED))
        assert Catalog(tmp_path / "data").job("a").state is JobState.FAILED


WRITER = """
import sys
from pathlib import Path
from pantry_tui.catalog.catalog import Catalog
from pantry_tui.models import JobState
from tests.unit.catalog.samples import job

catalog = Catalog(Path(sys.argv[1]))
for number in range(100_000):
    catalog.put_job(job(f"{number:06}", JobState.SUCCEEDED))
    print(number, flush=True)
"""


def test_a_killed_writer_loses_nothing_it_had_written(tmp_path: Path) -> None:
    for written in (1, 2, 5, 11, 17):
        directory = tmp_path / str(written)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as writer:
            assert writer.stdout
            lines = [writer.stdout.readline() for _ in range(written)]
            writer.send_signal(signal.SIGKILL)
        assert len(lines) == written
        catalog = Catalog(directory)
        assert len(catalog.jobs()) >= written
        assert catalog.problems == []
        with catalog:
            catalog.put_job(job("next", JobState.QUEUED))  # the lock went with the process
