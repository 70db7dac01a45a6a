"""A backup that fails: the reason is named, nothing is left, the next one works."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pantry_tui.errors import (
    ClientToolError,
    ConnectionLostError,
    DatabaseMissingError,
    DiskFullError,
    PantryError,
    ServerUnreachableError,
    WorkerDiedError,
)
from pantry_tui.events import Event, PhaseStarted, Progress
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import take
from tests.servers import TestServer


@pytest.fixture
def filled(server: TestServer) -> DatabaseTarget:
    """A database of some 40 MB that no compressor makes small."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE t AS SELECT i, md5(i::text) || md5((i * 3)::text) || md5((i * 7)::text) AS noise"
        " FROM generate_series(1, 300000) i",
    )
    return target


def nothing_left(repository: RepositoryTarget) -> bool:
    directory = Path(repository.location)
    return not [path for path in directory.iterdir() if path.is_dir()] and LocalRepository(repository).ids() == []


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def workers() -> list[int]:
    """The worker processes that this test run started: the children of a leader."""
    found = []
    for child in children_of(os.getpid()):
        if b"pantry_tui.postgres.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
            found += children_of(child)
    return found


def once(phase: str, happen: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that lets something happen when that phase has made some progress."""
    state = {"in": False, "done": False}

    def listen(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            state["in"] = event.phase == phase
        elif isinstance(event, Progress) and state["in"] and event.rows and not state["done"]:
            state["done"] = True
            happen()

    return listen


async def fails_cleanly_and_works_again(
    filled: DatabaseTarget,
    repository: RepositoryTarget,
    error: type[PantryError],
    happen: Callable[[], object],
) -> PantryError:
    with pytest.raises(error) as failure:
        await take(filled, repository, on_event=once("reading", happen))
    assert nothing_left(repository)
    assert workers() == []
    assert (await take(filled, repository)).summary.rows == 300_000
    return failure.value


async def test_killed_worker(filled: DatabaseTarget, repository: RepositoryTarget) -> None:
    await fails_cleanly_and_works_again(
        filled, repository, WorkerDiedError, lambda: os.kill(workers()[0], signal.SIGKILL)
    )


async def test_cut_connection(server: TestServer, filled: DatabaseTarget, repository: RepositoryTarget) -> None:
    error = await fails_cleanly_and_works_again(
        filled,
        repository,
        ConnectionLostError,
        lambda: server.execute(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pantry-tui backup worker'",
        ),
    )
    assert error.remedy


async def test_coordinator_cut_off(server: TestServer, filled: DatabaseTarget, repository: RepositoryTarget) -> None:
    await fails_cleanly_and_works_again(
        filled,
        repository,
        ConnectionLostError,
        lambda: server.execute(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pantry-tui backup'",
        ),
    )


async def test_cancelled(filled: DatabaseTarget, repository: RepositoryTarget) -> None:
    reading = asyncio.Event()
    running = asyncio.create_task(take(filled, repository, on_event=once("reading", reading.set)))
    await reading.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert nothing_left(repository)
    assert workers() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    place = tmp_path / "small"
    place.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let a test mount a tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # a process that is ending may still be in it


async def test_full_disk(filled: DatabaseTarget, small_disk: Path) -> None:
    repository = RepositoryTarget(name="small", location=str(small_disk / "repository"))
    with pytest.raises(DiskFullError) as failure:
        await take(filled, repository)
    assert str(small_disk) in failure.value.message
    assert nothing_left(repository)
    assert workers() == []


async def test_unreachable_server(tmp_path: Path, repository: RepositoryTarget) -> None:
    target = DatabaseTarget(name="crm", conninfo=f"host={tmp_path} dbname=crm")
    with pytest.raises(ServerUnreachableError, match="crm"):
        await take(target, repository)
    assert nothing_left(repository)


async def test_missing_database(server: TestServer, repository: RepositoryTarget) -> None:
    with pytest.raises(DatabaseMissingError, match="nowhere"):
        await take(server.target("nowhere"), repository)


async def test_no_client_tools(server: TestServer, repository: RepositoryTarget, tmp_path: Path) -> None:
    target = server.create_database()
    without = DatabaseTarget(name=target.name, conninfo=target.conninfo, client_tools=str(tmp_path))
    with pytest.raises(ClientToolError, match=str(tmp_path)):
        await take(without, repository)
    assert nothing_left(repository)
