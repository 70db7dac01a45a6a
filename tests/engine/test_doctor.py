"""`pantry-tui doctor` on a real server: findings, exit status, and the SQL that can be piped into psql."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pantry_tui.cli.main import main
from pantry_tui.postgres.private import SUPERUSER
from tests.servers import TestServer


@pytest.fixture
def database(server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    target = server.create_database()
    private = server.private
    user = SUPERUSER
    url = f"postgresql://{user}@/{target.name}?host={private.socket_directory}&port={private.port}"
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return target.name


def test_everything_in_order(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "problem" not in out.partition("no problems")[0]
    assert f"Database {database} answers: PostgreSQL" in out
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert {finding["check"] for finding in found["findings"]} >= {"data_directory", "client_tools", "privileges"}


def test_problems_have_an_exit_status(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-d", "absent", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    (problem,) = [finding for finding in findings if finding["status"] == "problem"]
    assert 'database "absent" does not exist' in problem["message"]
    assert main(["doctor", "-d", "absent"]) == 1
    assert "problem  Cannot connect to absent" in capsys.readouterr().out


def test_the_sql_is_all_that_is_printed(server: TestServer, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--sql", "--role", "test_doctor"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    server.psql(database, captured.out.encode())
    assert server.execute(database, "SELECT rolbypassrls FROM pg_roles WHERE rolname = 'test_doctor'") == [(True,)]
    server.drop_database(database)
    server.execute("postgres", "DROP ROLE test_doctor")
