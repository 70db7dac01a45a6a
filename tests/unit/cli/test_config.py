"""`pantry-tui config`: what scripts read, and no secret anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pantry_tui.cli.main import main

FILE = """
[databases.crm]
host = "h"
password = "env:CRM"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("CRM", "canary")
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    captured = capsys.readouterr()
    assert "canary" not in captured.out + captured.err
    return json.loads(captured.out)


def test_show_says_where_each_value_is_from(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:canary@h/scratch")
    monkeypatch.setenv("BACKUP_DIR", "/b")
    monkeypatch.setenv("PGPASSWORD", "canary")
    assert main(["--config", str(file), "config", "show", "--json"]) == 0
    values = document(capsys)["values"]
    assert values["databases.crm.password"] == {"value": "env:CRM", "from": f"file {file}"}
    assert values["repositories.local.path"] == {"value": "/b", "from": "environment variable BACKUP_DIR"}
    assert values["runner.max_jobs"] == {"value": 3, "from": "default"}
    assert "scratch" in values["default database"]["value"]
    assert values["PGPASSWORD"]["value"] == "set, not shown"
    assert main(["--config", str(file), "config", "show"]) == 0
    captured = capsys.readouterr()
    assert "canary" not in captured.out
    assert f"configuration file: {file}" in captured.out


def test_check_resolves_references(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["--config", str(file), "config", "check"]
    assert main([*command, "--json"]) == 0
    assert document(capsys)["valid"] is True
    monkeypatch.delenv("CRM")
    assert main([*command, "--json"]) == 3
    found = document(capsys)
    assert found["problems"] == [
        {"message": "databases.crm.password: the environment variable CRM is not set", "remedy": "Set CRM."}
    ]
    assert main(command) == 3
    assert "the environment variable CRM is not set" in capsys.readouterr().out


def test_a_wrong_file_has_its_own_status(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("nonsense = 1")
    assert main(["--config", str(file), "config", "check"]) == 3
    assert "unknown key 'nonsense'" in capsys.readouterr().err


def test_init_writes_what_show_reads(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:canary@h/kitchen")
    assert main(["config", "init", "--backup-dir", "/b", "--json"]) == 0
    written = document(capsys)
    assert written["path"] == str(file.parent / ".config/pantry-tui/config.toml")
    assert written["backup_directory"] == "/b"
    monkeypatch.delenv("DATABASE_URL")
    assert main(["config", "show", "--json"]) == 0
    values = document(capsys)["values"]
    assert values["default_database"]["value"] == "kitchen"
    assert values["databases.kitchen.url"]["value"] == "postgresql://u@h/kitchen"
    assert main(["config", "init"]) == 5


def test_init_takes_no_password_on_the_command_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init", "--database-url", "postgresql://u:canary@h/x"]) == 2
    assert "canary" not in capsys.readouterr().err


def test_check_looks_at_the_keys(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(f'{FILE}\n[encryption]\nrecipients_file = "{file.parent}/recipients.txt"\n')
    assert main(["--config", str(file), "config", "check", "--json"]) == 3
    (problem,) = document(capsys)["problems"]
    assert problem["message"].startswith("Encryption is configured, but its recipients file")
