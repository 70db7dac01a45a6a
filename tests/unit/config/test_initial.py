"""The first configuration file: private, valid, without the password, and never over another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.config.initial import Answers, initial_text, write_configuration
from pantry_tui.errors import ConfigError, RefusedError, StorageError


def answers(**more: str) -> Answers:
    return Answers(data_directory="/d", backup_directory="/b", **more)


def test_what_was_answered_is_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    given = answers(database_url="postgresql://u:canary@h:5433/crm", password="env:CRM")
    config = write_configuration(path, given, force=False)
    assert config.path == str(path)
    assert (config.data_directory, config.default_database) == ("/d", "crm")
    assert config.repositories["local"].path == "/b"
    assert config.databases["crm"].url == "postgresql://u@h:5433/crm"
    assert config.databases["crm"].password == "env:CRM"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]
    assert "canary" not in path.read_text()


def test_without_a_database(tmp_path: Path) -> None:
    assert write_configuration(tmp_path / "c", answers(), force=False).databases == {}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:can%2Fary@h/x",
        "postgresql://h/x?user=u&password=canary",
        "host=h dbname='x' password='can ary'",
        "postgresql://u:can@ary@h/x",
    ],
)
def test_no_password_gets_into_the_file(url: str) -> None:
    assert "can" not in initial_text(answers(database_url=url))


def test_names_and_paths_are_quoted(tmp_path: Path) -> None:
    hostile = Answers(data_directory='/d"\n[runner]\nmax_jobs=9', backup_directory="/b\\ü\x7f")
    config = write_configuration(tmp_path / "c", hostile, force=False)
    assert config.data_directory == '/d"\n[runner]\nmax_jobs=9'
    assert config.repositories["local"].path == "/b\\ü\x7f"
    assert config.runner.max_jobs == 3


def test_a_database_with_a_strange_name_is_called_main() -> None:
    assert '[databases."main"]' in initial_text(answers(database_url="postgresql://h/a%20b%5D"))


def test_a_file_that_exists_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("mine")
    with pytest.raises(RefusedError, match="exists"):
        write_configuration(path, answers(), force=False)
    with pytest.raises(ConfigError, match=r"databases\.x\.password must be a reference") as caught:
        write_configuration(path, answers(database_url="postgresql://h/x", password="canary"), force=True)
    assert "canary" not in str(caught.value)
    assert str(path) in caught.value.message
    assert path.read_text() == "mine"
    write_configuration(path, answers(), force=True)
    assert "mine" not in path.read_text()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot write"):
        write_configuration(tmp_path / "file" / "c", answers(), force=False)
