"""Copies of the schedules in a repository: signed, each data directory's own, and never poorer than they were."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pantry_tui.models import Schedule
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.schedule_copies import copies_of_others, keep_copy, own_copy
from tests.unit.repository.samples import local_repository, publish_backup

NIGHTLY, HOURLY = (Schedule(id=name, name=name, cron="@daily") for name in ("nightly", "hourly"))


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    made = local_repository(tmp_path / "backups")
    publish_backup(made)
    return made


def files(local: LocalRepository) -> list[Path]:
    return sorted(local.schedule_copies.path.iterdir())


def test_they_are_as_they_were_and_written_only_where_that_changed(local: LocalRepository) -> None:
    assert own_copy(local) == ()
    keep_copy(local, [NIGHTLY, HOURLY])
    [file] = files(local)
    before = file.read_bytes()
    keep_copy(local, [HOURLY, NIGHTLY])
    assert file.read_bytes() == before
    changed = msgspec.structs.replace(HOURLY, cron="@hourly")
    keep_copy(local, [changed, NIGHTLY])
    assert own_copy(local) == (changed, NIGHTLY)
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_was_lost_here_stays_in_the_copy(local: LocalRepository) -> None:
    keep_copy(local, [NIGHTLY])
    keep_copy(local, [HOURLY])
    assert own_copy(local) == (HOURLY, NIGHTLY)


def test_what_somebody_changed_is_not_believed_and_is_written_anew(local: LocalRepository) -> None:
    keep_copy(local, [NIGHTLY])
    [file] = files(local)
    file.write_bytes(file.read_bytes().replace(b"@daily", b"@yearly"))
    keep_copy(local, [HOURLY])
    assert own_copy(local) == (HOURLY,)


def test_those_of_others_are_theirs(local: LocalRepository, tmp_path: Path) -> None:
    keep_copy(local, [NIGHTLY])
    other = LocalRepository(local.target, tmp_path / "another installation")
    keep_copy(other, [HOURLY])
    assert (own_copy(local), own_copy(other)) == ((NIGHTLY,), (HOURLY,))
    assert copies_of_others(local) == []  # nobody here trusts its signer
    assert len(files(local)) == 2


def test_a_repository_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    absent = local_repository(tmp_path / "absent")
    keep_copy(absent, [NIGHTLY])
    assert own_copy(absent) == ()
    assert not absent.directory.exists()
