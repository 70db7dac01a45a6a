"""A backup is wholly there or not at all, whatever file operation fails or is the last."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.artifact.files import storage_errors, write_all
from pantry_tui.errors import DiskFullError, PantryError, RefusedError, StorageError
from pantry_tui.repository.local import LocalRepository, ProofRecord, new_backup_id
from tests.faults.injection import Failure, FileFaults, Operation, Outcome, faults
from tests.unit.repository.samples import NOON, WITH_TABLES, local_repository, manifest_of, publish_backup

__all__ = ["faults"]

EXPECTED = {Failure.NO_SPACE: DiskFullError, Failure.QUOTA: DiskFullError}


@pytest.fixture(params=list(Failure), ids=lambda failure: failure.name.lower())
def failure(request: pytest.FixtureRequest) -> Failure:
    found: Failure = request.param
    return found


def take_backup(repository: LocalRepository, backup_id: str) -> None:
    """What the engine does with a repository, without a database."""
    staged = repository.begin(backup_id)
    try:
        for name, data in WITH_TABLES.items():
            descriptor = staged.create(name)
            try:
                with storage_errors(staged.path / name, "writing rows"):
                    write_all(descriptor, data)
            finally:
                os.close(descriptor)
        repository.publish(staged, manifest_of(backup_id, content=WITH_TABLES))
    except PantryError:
        repository.discard(staged)
        raise


def every_operation(
    faults: FileFaults, failure: Failure, prepare: Callable[[int], Callable[[], object]]
) -> Iterator[tuple[int, Outcome]]:
    """Prepares and runs the work once for each of its operations, which fails; ends with the run that completed."""
    for at in itertools.count(1):
        outcome = faults.run(prepare(at), at=at, failure=failure)
        if outcome.error is not None:
            assert isinstance(outcome.error, EXPECTED.get(failure, StorageError)), outcome.error
            assert outcome.error.remedy
        yield at, outcome
        if not outcome.reached:
            assert outcome.error is None
            assert at > 5, "nothing was tried"
            return


def require_all_or_nothing(repository: LocalRepository, backup_id: str) -> bool:
    """Whether the backup is there; whole then, and otherwise cleaned away without a trace."""
    if backup_id in repository.ids():
        assert repository.problems(backup_id) + repository.oddities(backup_id) + repository.leftovers() == []
        return True
    repository.clean_leftovers()
    assert not (repository.directory / backup_id).exists()
    return False


def test_taking_a_backup(tmp_path: Path, faults: FileFaults, failure: Failure) -> None:
    backup_id = new_backup_id("daily", NOON)
    there: list[bool] = []

    def prepare(at: int) -> Callable[[], object]:
        return lambda: take_backup(local_repository(tmp_path / str(at)), backup_id)

    for at, outcome in every_operation(faults, failure, prepare):
        repository = local_repository(tmp_path / str(at))
        there.append(require_all_or_nothing(repository, backup_id))
        if outcome.error and failure is not Failure.BROKEN_DISK_FROM_THEN_ON:
            assert not there[-1], "reported as failed, and yet listed"
        if outcome.error is None and not outcome.died:
            assert there[-1], "reported as done, and not there"
        later = publish_backup(repository, at=NOON + timedelta(hours=1))
        assert repository.problems(later) == []
    assert not all(there)
    assert there[-1]


def test_an_error_is_cleaned_up_at_once(tmp_path: Path, faults: FileFaults) -> None:
    backup_id = new_backup_id("daily", NOON)

    def prepare(at: int) -> Callable[[], object]:
        return lambda: take_backup(local_repository(tmp_path / str(at)), backup_id)

    for at, outcome in every_operation(faults, Failure.NO_SPACE, prepare):
        if outcome.error:
            names = {path.name for path in (tmp_path / str(at)).glob("*")}
            assert names <= {".lock"}, f"operation {at} left {names}"


def test_deleting_a_backup(tmp_path: Path, faults: FileFaults, failure: Failure) -> None:
    kept: dict[int, str] = {}
    gone: dict[int, str] = {}

    def prepare(at: int) -> Callable[[], object]:
        repository = local_repository(tmp_path / str(at))
        kept[at] = publish_backup(repository)
        gone[at] = publish_backup(repository, at=NOON + timedelta(hours=1), content=WITH_TABLES)
        return lambda: repository.delete(gone[at], by="anna")

    for at, outcome in every_operation(faults, failure, prepare):
        repository = local_repository(tmp_path / str(at))
        left = set(repository.leftovers()) - {gone[at]}
        assert left <= {f"tombstones/.{gone[at]}.json.tmp"}
        repository.clean_leftovers()
        there = require_all_or_nothing(repository, gone[at])
        assert not there or outcome.reached
        if outcome.error is None and not outcome.died:
            assert repository.signature_problems() == []
        assert repository.problems(kept[at]) == []
        if not there:
            with pytest.raises(RefusedError):
                repository.delete(kept[at], by="anna")


def test_cleaning_up_leftovers(tmp_path: Path, faults: FileFaults, failure: Failure) -> None:
    def prepare(at: int) -> Callable[[], object]:
        repository = local_repository(tmp_path / str(at))
        publish_backup(repository)
        staged = repository.begin(new_backup_id("cut-off", NOON))
        os.close(staged.create("crm.sql.gz"))
        os.close(staged.create("archive.dump"))
        staged.release()
        return repository.clean_leftovers

    for at, _ in every_operation(faults, failure, prepare):
        repository = local_repository(tmp_path / str(at))
        repository.clean_leftovers()
        assert [path.name for path in repository.directory.iterdir() if path.is_dir()] == repository.ids()
        assert repository.problems(repository.ids()[0]) == []


def test_recording_a_proof(tmp_path: Path, faults: FileFaults, failure: Failure) -> None:
    made: dict[int, str] = {}

    def prepare(at: int) -> Callable[[], object]:
        repository = local_repository(tmp_path / str(at))
        made[at] = publish_backup(repository)
        return lambda: repository.add_record(made[at], ProofRecord(kind="validation", at=NOON, ok=True))

    for at, outcome in every_operation(faults, failure, prepare):
        repository = local_repository(tmp_path / str(at))
        assert repository.summary(made[at]).valid in ((True, None) if outcome.reached else (True,))
        assert repository.problems(made[at]) + repository.oddities(made[at]) == []
        if failure in (Failure.NO_SPACE, Failure.QUOTA, Failure.BROKEN_DISK):
            assert repository.leftovers() == []
        repository.clean_leftovers()
        assert repository.leftovers() == []


def test_the_manifest_comes_after_everything_is_durable(tmp_path: Path, faults: FileFaults) -> None:
    repository, backup_id = local_repository(tmp_path / "backups"), new_backup_id("daily", NOON)
    assert faults.run(lambda: take_backup(repository, backup_id)).error is None
    directory = repository.directory / backup_id
    published = faults.operations.index(Operation("replace", str(directory / ".manifest.json.tmp")))
    before, after = faults.operations[:published], faults.operations[published + 1 :]
    assert Operation("replace", str(directory / ".manifest.json.sig.tmp")) in before
    for name in (*WITH_TABLES, "csv", ".manifest.json.sig.tmp", ".manifest.json.tmp", "."):
        path = str(directory / name)
        last_write = max((i for i, done in enumerate(before) if done == ("write", path)), default=-1)
        assert ("fsync", path) in before[last_write + 1 :], f"{name} is not durable before the backup exists"
    lock = str(directory / ".lock")
    assert Operation("unlink", lock) not in before, "for a moment it looked abandoned"
    assert after.index(Operation("fsync", str(directory))) < after.index(Operation("unlink", lock))
    assert ("fsync", str(repository.directory)) in after
