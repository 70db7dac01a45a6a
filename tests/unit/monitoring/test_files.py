"""Which backups' files are hashed by a look, and what it finds."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.monitoring import files
from pantry_tui.monitoring.facts import FilesSeen
from pantry_tui.monitoring.files import look_at_backup
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME
from tests.unit.repository.samples import local_repository, publish_backup

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATER = datetime(2026, 11, 25, tzinfo=UTC)

Look = Callable[..., FilesSeen]


@pytest.fixture
def repository(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")


@pytest.fixture
def backup(repository: LocalRepository) -> str:
    return publish_backup(repository)


@pytest.fixture
def artifact(repository: LocalRepository, backup: str) -> Path:
    return repository.directory / backup / "crm.sql.gz"


@pytest.fixture
def look(repository: LocalRepository, backup: str) -> Look:
    def at_it(known: FilesSeen | None = None, now: datetime = NOW) -> FilesSeen:
        seen = look_at_backup(repository.target, backup, now, known=known)
        assert seen is not None
        return seen

    return at_it


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a backup holds is too much to be hashed at each look."""
    monkeypatch.setattr(files, "SMALL_BYTES", 10)


def flip(path: Path, *, keep_times: bool = True) -> None:
    status, data = path.stat(), bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    if keep_times:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touch(path: Path) -> None:
    later = path.stat().st_mtime_ns + 10**12
    os.utime(path, ns=(later, later))


def test_a_small_one_is_hashed_at_each_look(look: Look, artifact: Path) -> None:
    first = look()
    assert (first.problems, first.hashed_at) == ((), NOW)
    assert look(first, LATER).hashed_at == LATER
    flip(artifact)
    [problem] = look(first).problems
    assert "crm.sql.gz: its bytes are not those that were written" in problem


@pytest.mark.usefixtures("large")
def test_a_large_one_is_hashed_when_it_was_touched(look: Look, artifact: Path) -> None:
    first = look()
    assert (first.problems, first.hashed_at) == ((), None)  # as it was read back when it was published
    flip(artifact)
    assert look(first) == first  # which only reading all of it can tell
    touch(artifact)
    second = look(first)
    assert len(second.problems) == 1
    assert look(second, LATER) == second


@pytest.mark.usefixtures("large")
def test_a_large_one_that_was_touched_before_the_first_look(look: Look, artifact: Path) -> None:
    flip(artifact)
    touch(artifact)
    assert len(look().problems) == 1


@pytest.mark.usefixtures("large")
def test_one_that_is_too_large_is_left_to_a_validation(
    look: Look, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_BYTES", 20)
    first = look()
    touch(artifact)
    second = look(first)
    assert (second.too_large, second.problems, second.hashed_at) == (True, (), None)
    assert look(second).too_large  # until somebody has read it


@pytest.mark.parametrize("name", ["crm.sql.gz", "archive.dump"])
def test_a_file_that_is_gone(look: Look, artifact: Path, name: str) -> None:
    (artifact.parent / name).unlink()
    [problem] = look().problems
    assert f"{name} is missing" in problem


def test_a_file_that_was_cut(look: Look, artifact: Path) -> None:
    artifact.write_bytes(artifact.read_bytes()[:-1])
    assert "holds" in look().problems[0]


@pytest.mark.parametrize("name", [MANIFEST_NAME, SIGNATURE_NAME])
def test_a_manifest_that_was_changed(look: Look, artifact: Path, name: str) -> None:
    flip(artifact.parent / name)
    assert len(look().problems) == 1


def test_one_that_is_not_there(repository: LocalRepository, backup: str) -> None:
    assert look_at_backup(repository.target, backup[:-1] + "x", NOW) is None
