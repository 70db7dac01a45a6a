"""Two backups of one database at once, from two installations that know nothing of each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from pantry_tui import BackupConfig, BackupService
from pantry_tui.errors import BackupUnderWayError
from pantry_tui.models import DatabaseTarget
from tests.servers import TestServer

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%'"


def service(database: DatabaseTarget, directory: Path, name: str, seconds: float) -> BackupService:
    place = directory / name
    return BackupService(
        database,
        BackupConfig(
            output_dir=str(place / "backups"), data_directory=str(place / "data"), jobs=1, lock_timeout_seconds=seconds
        ),
    )


async def seen(connection: psycopg.Connection[tuple[object, ...]], query: str) -> None:
    while connection.execute(query).fetchone() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_the_second_is_refused_and_told_of_the_first(server: TestServer, tmp_path: Path) -> None:
    crm = server.create_database()
    server.execute(crm, "CREATE TABLE t AS SELECT 1 AS i")
    blocker = server.connect(crm, autocommit=False)
    blocker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    first = asyncio.create_task(service(crm, tmp_path, "one", 60).create_full_backup("daily"))
    await seen(server.connect(crm), WAITING)

    with pytest.raises(BackupUnderWayError, match=f"another backup of {crm.name} is at work") as refusal:
        await service(crm, tmp_path, "two", 0.2).create_full_backup("daily")

    assert "pid " in (refusal.value.detail or "")
    assert list((tmp_path / "two" / "backups").iterdir()) == []
    blocker.rollback()
    assert (await first).rows == 1
    assert (await service(crm, tmp_path, "two", 10).create_full_backup("daily")).rows == 1


async def test_another_database_of_the_server_is_free(server: TestServer, tmp_path: Path) -> None:
    one, other = server.create_database(), server.create_database()
    holder = server.connect(one)
    holder.execute("SELECT pg_advisory_lock(1346457172, hashtext(current_database()))")

    with pytest.raises(BackupUnderWayError):
        await service(one, tmp_path, "one", 0.2).create_full_backup("daily")
    await service(other, tmp_path, "two", 0.2).create_full_backup("daily")
