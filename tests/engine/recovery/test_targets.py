"""A target with an address of its own is reached there, whatever server the source is on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui import RecoveryConfig, RecoveryService
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import databases
from tests.servers import TestServer

NAME = "by address"


async def test_keywords_reach_their_own_server(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    await take(source, repository)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@/crm?host=/nonexistent")
    new = server.drop_after_test(NAME)
    result = await RecoveryService(repository.location).execute_recovery(
        RecoveryConfig(backup_id="latest"), new.conninfo
    )
    assert result.target == NAME
    assert result.validation.equal
    assert {name for name in databases(server) if NAME in name} == {NAME}
