"""`backup list` where there is nothing to list: it says what there is instead, or what is wrong with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.cli.main import main
from tests.unit.repository.samples import local_repository, publish_backup


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "backups"
    for name, value in (("HOME", tmp_path), ("DATA_DIR", tmp_path / "data"), ("BACKUP_DIR", place)):
        monkeypatch.setenv(name, str(value))
    return place


def test_before_the_first_backup(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "list"]) == 0
    assert capsys.readouterr().err == f"no backups in {place}\n"


def test_of_another_database(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_backup(local_repository(place))
    assert main(["backup", "list", "-d", "shop"]) == 0
    assert capsys.readouterr().err == f"no backups of the database shop in {place}; of these there are: crm\n"


def test_in_a_directory_that_is_not_there(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "list", "--repository", f"{place}/nowhere"]) == 4
    assert f"there is no directory {place}/nowhere" in capsys.readouterr().err


def test_in_a_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place.write_text("")
    assert main(["backup", "list"]) == 3
    assert f"{place} is not a directory" in capsys.readouterr().err
