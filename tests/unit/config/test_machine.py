"""What doctor says about directories and the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pantry_tui.config import load_config
from pantry_tui.config.machine import (
    database_choices,
    examine_directory,
    examine_machine,
    examine_textfile,
    free_bytes,
)
from pantry_tui.models import FindingStatus


@pytest.mark.parametrize(
    ("mode", "status"),
    [(0o700, "ok"), (0o750, "warning"), (0o705, "warning"), (0o770, "problem"), (0o702, "problem")],
)
def test_modes(tmp_path: Path, mode: int, status: str) -> None:
    place = tmp_path / "r"
    place.mkdir()
    place.chmod(mode)
    finding = examine_directory("repository", str(place), name="near")
    assert finding.status == status
    assert finding.message.startswith(f"Repository near {place} ")
    assert finding.remedy == (None if status == "ok" else f"Run: chmod 700 {place}")


def test_a_directory_to_be_created(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    finding = examine_directory("data_directory", str(place), private=True)
    assert finding.status is FindingStatus.OK
    assert "will be created" in finding.message
    assert "GiB free" in finding.message
    assert not place.exists()
    assert free_bytes(str(place)) == free_bytes(str(tmp_path))


@pytest.mark.parametrize(
    ("free", "words"), [(0, "is on a full file system"), (5 << 20, "has little room: 5.0 MiB free")]
)
def test_a_full_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, words: str) -> None:
    monkeypatch.setattr("pantry_tui.config.machine.free_bytes", lambda directory: free)
    finding = examine_directory("repository", str(tmp_path), name="near")
    assert finding.status is FindingStatus.PROBLEM
    assert finding.message == f"Repository near {tmp_path} {words}"
    assert finding.remedy


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    finding = examine_directory("repository", str(tmp_path / "f"), name="near")
    assert finding.status is FindingStatus.PROBLEM
    assert f"{tmp_path}/f is no directory" in finding.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_a_data_directory_of_somebody_else(tmp_path: Path) -> None:
    place = tmp_path / "d"
    place.mkdir(mode=0o700)
    os.chown(place, 12345, -1)
    finding = examine_directory("data_directory", str(place), private=True)
    assert finding.status is FindingStatus.PROBLEM
    assert "uid 12345" in finding.message


def test_the_whole_machine(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "DATA_DIR": f"{tmp_path}/d", "SUPABASE_URL": "https://x.supabase.co"}
    config = load_config(environment=environment)
    findings = examine_machine(config, database_choices(config))
    assert [(finding.check, finding.status.value) for finding in findings] == [
        ("configuration", "problem"),
        ("data_directory", "ok"),
        ("repository", "ok"),
    ]
    assert "5432" in (findings[0].remedy or "")


def test_every_configured_database_is_a_choice_and_the_environments_too(tmp_path: Path) -> None:
    file = tmp_path / "c"
    file.write_text("[databases.a]\nhost='h'\n[databases.b]\nhost='h'\n")
    file.chmod(0o600)
    assert database_choices(load_config(file, {})) == ["a", "b"]
    assert database_choices(load_config(file, {"DATABASE_URL": "postgresql:///x"})) == ["a", "b", None]
    assert database_choices(load_config(environment={"HOME": "/h"})) == [None]


def test_a_place_for_metrics_is_there_or_told_of(tmp_path: Path) -> None:
    assert examine_textfile(None) == []
    assert [finding.status for finding in examine_textfile(str(tmp_path / "pantry.prom"))] == [FindingStatus.OK]

    [missing] = examine_textfile(str(tmp_path / "nowhere" / "pantry.prom"))
    assert missing.status is FindingStatus.WARNING
    assert "nowhere cannot be written" in missing.message
