"""The server's disk is full while rows are loaded or exchanged: it is said, the database is as before, nothing is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.errors import DiskFullError, NotFoundError
from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, RepositoryTarget, RestoreRequest, RollbackRequest, Strategy
from pantry_tui.recovery.service import restore_backup
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import data_directory_of, take
from tests.engine.recovery.portrait import checkpoints, portrait
from tests.engine.recovery.restoring import databases
from tests.servers import TestServer

FULL_DISK = 21  # the exit status
RECOVERY = "20261123T020000Z-00f011"
NEW = "target on a full disk"
LIMIT = "size=12m,mode=0700"
# Of the twelve megabytes the table takes five, and ten when all of its rows were changed; they do not fit a third time.
SCHEMA = """
CREATE TABLE small (id int PRIMARY KEY);
CREATE TABLE large (id int PRIMARY KEY, v text) TABLESPACE tiny;
CREATE TRIGGER quiet BEFORE UPDATE ON large FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE large ENABLE ALWAYS TRIGGER quiet;
INSERT INTO small SELECT generate_series(1, 100);
INSERT INTO large SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 5000) i;
"""


@pytest.fixture
def tiny(server: TestServer) -> Iterator[str]:
    """A tablespace on a file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    place = Path(tempfile.mkdtemp(prefix="pantry-tiny-", dir="/tmp"))
    place.chmod(0o755)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", LIMIT, "tmpfs", str(place)], check=False)
    if mounted.returncode:
        place.rmdir()
        pytest.skip("this machine does not let a test mount a tmpfs")
    try:
        owner = (server.private.home / "data").stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        with server.tidy():
            server.execute("postgres", f"CREATE TABLESPACE tiny LOCATION '{place}'")
            yield "tiny"
        server.execute("postgres", "DROP TABLESPACE tiny")
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        shutil.rmtree(place)


@pytest.fixture
async def target(server: TestServer, tiny: str, repository: RepositoryTarget) -> DatabaseTarget:
    """A database whose large table is on the tiny disk; it was backed up, and then all of its rows were changed."""
    target = server.create_database()
    server.execute(target, SCHEMA)
    await take(target, repository)
    server.execute(target, "DELETE FROM small WHERE id = 1; UPDATE large SET v = reverse(v)")
    return target


def request(
    target: DatabaseTarget, repository: RepositoryTarget, *, strategy: Strategy | None = None, swap: bool = False
) -> RestoreRequest:
    return RestoreRequest(
        repository=repository,
        backup_id="latest",
        target=target,
        tables=() if strategy is None else ("public.large", "public.small"),
        strategy=strategy or Strategy.REPLACE,
        swap=swap,
        recovery_id=RECOVERY,
        data_directory=data_directory_of(repository),
    )


def names_like(server: TestServer, *stems: str) -> set[str]:
    return {name for name in databases(server) if name.startswith(stems)}


@pytest.mark.parametrize("swap", [True, False], ids=["side by side", "new database"])
async def test_while_a_database_is_loaded(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, swap: bool
) -> None:
    before, there = portrait(server, target), names_like(server, target.name, NEW)
    into = target if swap else server.drop_after_test(NEW)
    with pytest.raises(DiskFullError, match=r"No space left|could not extend") as failure:
        await restore_backup(request(into, repository, swap=swap), ignore)
    assert failure.value.exit_status == FULL_DISK
    assert "has been dropped" in (failure.value.remedy or "")
    assert names_like(server, target.name, NEW) == there
    assert portrait(server, target) == before
    with pytest.raises(NotFoundError):
        await roll_back(RollbackRequest(target=target, undo=RECOVERY), ignore)


@pytest.mark.parametrize("strategy", [Strategy.REPLACE, pytest.param(Strategy.MERGE, marks=pytest.mark.slow)])
async def test_while_rows_are_exchanged(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, strategy: Strategy
) -> None:
    before = portrait(server, target)
    with pytest.raises(DiskFullError) as failure:
        await restore_backup(request(target, repository, strategy=strategy), ignore)
    assert failure.value.exit_status == FULL_DISK
    assert "nothing half done was left behind" in (failure.value.remedy or "")
    assert portrait(server, target) == before
    assert checkpoints(server, target) == []
    with pytest.raises(NotFoundError):
        await roll_back(RollbackRequest(target=target, undo=RECOVERY), ignore)


async def test_while_rows_are_brought_beside_their_tables(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    """Temporary tables on the tiny disk: the tables themselves were not even locked then."""
    before = portrait(server, target)
    server.execute("postgres", f"ALTER DATABASE {target.name} SET temp_tablespaces = tiny")
    with pytest.raises(DiskFullError) as failure:
        await restore_backup(request(target, repository, strategy=Strategy.MERGE), ignore)
    server.execute("postgres", f"ALTER DATABASE {target.name} RESET temp_tablespaces")
    assert failure.value.exit_status == FULL_DISK
    assert portrait(server, target) == before
    assert checkpoints(server, target) == []
