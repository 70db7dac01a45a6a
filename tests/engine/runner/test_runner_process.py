"""One runner per data directory: how it is found, started, refused, replaced and ended."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from pantry_tui.config import Config
from pantry_tui.errors import RefusedError, RunnerBusyError, RunnerError
from pantry_tui.events import Finished
from pantry_tui.models import DatabaseTarget, JobState, RepositoryTarget
from pantry_tui.runner.audit import entries
from pantry_tui.runner.client import RunnerClient, attach, attach_or_start
from pantry_tui.runner.directory import (
    LONGEST_SOCKET_PATH,
    prepare_data_directory,
    prepare_socket_directory,
    socket_path,
)
from pantry_tui.runner.inline import inline_runner
from pantry_tui.runner.lock import RunnerLock, is_held
from pantry_tui.runner.main import runner_status, stop_runner
from pantry_tui.runner.reads import LocalReads
from pantry_tui.version import __version__
from tests.engine.runner.conftest import Blockade, StartRunner, at_work, backup_request
from tests.engine.runner.processes import OLD_RUNNER, RunnerProcess, eventually, job_pids, marked_processes


def ask(path: Path, method: str, target: str, body: bytes | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    """A request as any HTTP client makes it."""
    connection = http.client.HTTPConnection("runner")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(str(path))
    try:
        connection.request(method, target, body=body)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.fixture
async def stopping(config: Config, mark: str) -> AsyncIterator[None]:
    """Ends the runner that the test has started in the background."""
    yield
    await stop_runner(config)


def test_a_second_runner_is_refused(runner: RunnerProcess, config: Config) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "pantry_tui.runner", f"--data-directory={runner.directory}"],
        capture_output=True,
        text=True,
    )

    assert outcome.returncode == RunnerBusyError.exit_status
    assert f"process {runner.pid}" in outcome.stderr


def test_only_one_of_many_runners_gets_the_directory(config: Config, mark: str) -> None:
    argv = [sys.executable, "-m", "pantry_tui.runner", f"--data-directory={config.data_directory}", "--announce"]
    racing = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(4)]
    ready = [process for process in racing if process.stdout is not None and process.stdout.readline()]
    for process in ready:
        process.terminate()
    statuses = sorted(process.wait() for process in racing)
    for process in racing:
        if process.stdout is not None:
            process.stdout.close()

    assert len(ready) == 1
    assert statuses == [0, 41, 41, 41]


def test_nobody_else_gets_at_the_socket(runner: RunnerProcess) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(runner.directory) == 0o700
    assert mode(runner.directory / "runner.sock") == 0o600
    files = [path for path in runner.directory.rglob("*") if path.is_file()]
    assert {mode(path) for path in files} == {0o600}


def test_any_http_client_can_ask(runner: RunnerProcess) -> None:
    response, body = ask(runner.directory / "runner.sock", "GET", "/v1/status")

    assert (response.status, response.headers["X-Pantry-Version"]) == (200, __version__)
    assert json.loads(body)["pid"] == runner.pid
    assert body.endswith(b"\n")


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("GET", "/v1/jobs/none", None, 404, "not_found"),
        ("GET", "/v1/jobs/none/events", None, 404, "not_found"),
        ("POST", "/v1/status", None, 405, "usage"),
        ("POST", "/v1/jobs", b"{", 400, "usage"),
        ("POST", "/v1/jobs", b'{"type": "launch"}', 400, "usage"),
        ("POST", "/v1/jobs", b" " * (5 << 20), 413, "usage"),
        ("POST", "/v1/stop?when=later", None, 400, "usage"),
        ("GET", "/v1/jobs?limit=-1", None, 400, "usage"),
        ("GET", "/v1/backups", None, 400, "usage"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_request_gets_a_failure(
    runner: RunnerProcess, method: str, target: str, body: bytes | None, status: int, code: str
) -> None:
    response, answer = ask(runner.directory / "runner.sock", method, target, body)

    assert (response.status, json.loads(answer)["code"]) == (status, code)


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A directory with a short path: pytest's own may already be longer than a socket's can be."""
    with tempfile.TemporaryDirectory(prefix="pantry-", dir="/tmp") as directory:
        yield Path(directory)


async def test_a_long_path_gets_a_socket_elsewhere(
    config: Config, mark: str, tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    far = msgspec.structs.replace(config, data_directory=str(tmp_path / ("d" * 120)))

    async with inline_runner(far) as client:
        path = Path((await client.status()).socket)
        assert path.is_relative_to(runtime / "pantry-tui")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")
        async with await attach(far) as other:
            assert (await other.status()).pid == os.getpid()


def test_a_runtime_directory_with_a_long_path_is_passed_over(tmp_path: Path) -> None:
    socket = socket_path(tmp_path / ("d" * 120), {"XDG_RUNTIME_DIR": str(tmp_path / ("r" * 120))})
    assert len(str(socket)) < LONGEST_SOCKET_PATH


def test_somebody_elses_socket_directory_is_refused(tmp_path: Path, runtime: Path) -> None:
    data = tmp_path / ("d" * 120)
    data.mkdir()
    socket = socket_path(data, {"XDG_RUNTIME_DIR": str(runtime)})
    (runtime / "pantry-tui").mkdir(mode=0o777)
    (runtime / "pantry-tui").chmod(0o777)

    with pytest.raises(RefusedError, match="not a private directory"):
        prepare_socket_directory(socket, data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_data_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)

    with pytest.raises(RefusedError, match="belongs to"):
        prepare_data_directory(tmp_path)


async def test_a_runner_is_started_where_none_is(config: Config, mark: str, stopping: None) -> None:
    async with await attach_or_start(config) as client:
        first = await client.status()
    async with await attach_or_start(config) as client:
        second = await client.status()

    assert first == second
    assert first.pid != os.getpid()
    assert os.getsid(first.pid) == first.pid


async def test_two_clients_that_start_one_get_the_same(config: Config, mark: str, stopping: None) -> None:
    clients = await asyncio.gather(*(attach_or_start(config) for _ in range(3)))
    found = {(await client.status()).pid for client in clients}
    for client in clients:
        await client.close()

    assert len(found) == 1


async def test_a_runner_that_cannot_start_says_why(config: Config, mark: str) -> None:
    directory = prepare_data_directory(config.data_directory)
    (directory / "runner.sock").mkdir()

    with pytest.raises(RunnerError, match="did not start") as caught:
        await attach_or_start(config)

    assert "runner.sock" in (caught.value.detail or "")


async def test_status_and_stop(runner: RunnerProcess, config: Config) -> None:
    status = await runner_status(config)
    assert status is not None
    assert (status.pid, status.running) == (runner.pid, 0)

    assert await stop_runner(config)

    assert runner.process.wait() == 0
    assert await runner_status(config) is None
    assert not await stop_runner(config)
    told = [entry.action for entry in entries(runner.directory)]
    assert told == ["runner.start", "runner.stop", "runner.end"]


async def test_a_runner_told_to_stop_when_idle_finishes_its_jobs(
    runner: RunnerProcess,
    client: RunnerClient,
    config: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    await client.stop(when_idle=True)

    with pytest.raises(RunnerError, match="about to stop"):
        await client.submit(backup_request(crm, backups))
    blockade.lift()

    assert runner.process.wait() == 0
    async with inline_runner(config) as own:
        assert (await own.job(job.id)).state is JobState.SUCCEEDED


async def test_a_runner_that_is_to_end_when_idle_does_what_is_queued(
    runner: RunnerProcess,
    client: RunnerClient,
    config: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    jobs = [await client.submit(backup_request(crm, backups, name)) for name in ("first", "second")]
    await at_work(client, jobs[0])
    await client.stop(when_idle=True)
    blockade.lift()

    assert runner.process.wait(timeout=30) == 0
    assert [(await LocalReads(config).job(job.id)).state for job in jobs] == [JobState.SUCCEEDED] * 2


async def test_a_runner_of_another_version_hands_over(
    start_runner: StartRunner, config: Config, mark: str, stopping: None
) -> None:
    old = start_runner(program=("-c", OLD_RUNNER))
    with pytest.raises(RunnerError, match=r"version 0\.0\.9"):
        await attach(config)

    async with await attach_or_start(config) as client:
        status = await client.status()

    assert (status.version, status.pid != old.pid) == (__version__, True)
    assert old.process.wait() == 0


async def test_an_old_runner_with_work_is_left_to_finish_it(
    start_runner: StartRunner,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    monkeypatch.setattr("pantry_tui.runner.client.HAND_OVER_SECONDS", 0.5)
    old = start_runner(program=("-c", OLD_RUNNER))
    async with RunnerClient(old.directory / "runner.sock") as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)

        with pytest.raises(RunnerError, match="finishes its jobs"):
            await attach_or_start(config)

        blockade.lift()
        assert isinstance([event async for event in client.job_events(job.id)][-1], Finished)
    assert old.process.wait() == 0


async def test_an_inline_runner_leaves_nothing_behind(
    config: Config, mark: str, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    async with inline_runner(config) as client:
        assert (await client.status()).pid == os.getpid()
        job = await client.submit(backup_request(crm, backups))
        # left at once: the job is waited for

    directory = Path(config.data_directory)
    assert marked_processes(mark) == {}
    assert not is_held(directory)
    assert not (directory / "runner.sock").exists()
    async with inline_runner(config) as client:
        assert (await client.job(job.id)).state is JobState.SUCCEEDED


async def test_an_inline_runner_uses_the_one_that_is_there(runner: RunnerProcess, config: Config) -> None:
    async with inline_runner(config) as client:
        assert (await client.status()).pid == runner.pid

    assert runner.process.poll() is None


async def test_a_cancelled_command_stops_its_job(
    config: Config, mark: str, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    async def command() -> None:
        async with inline_runner(config) as client:
            async for _ in client.job_events((await client.submit(backup_request(crm, backups))).id):
                begun.set()

    begun = asyncio.Event()
    task = asyncio.create_task(command())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert marked_processes(mark) == {}
    async with inline_runner(config) as client:
        [job] = await client.jobs()
    assert job.failure is not None
    assert job.failure.code == "interrupted"


async def test_another_client_can_stop_an_inline_runner(
    config: Config, mark: str, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    async with inline_runner(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)
        async with await attach(config) as other:
            await other.stop()

        events = [event async for event in client.job_events(job.id)]

    assert events[-1].failure.code == "interrupted"  # type: ignore[union-attr]


async def test_a_spare_process_ends_with_its_runner(start_runner: StartRunner, mark: str) -> None:
    runner = start_runner()
    eventually(lambda: len(job_pids(mark)) == 1, "the spare process")

    runner.kill()

    eventually(lambda: not marked_processes(mark), "its end")


def test_a_busy_directory_names_its_holder(tmp_path: Path) -> None:
    lock = RunnerLock.acquire(tmp_path)
    holder = lock.announce(tmp_path / "runner.sock")
    try:
        with pytest.raises(RunnerBusyError, match=f"process {holder.pid}, since"):
            RunnerLock.acquire(tmp_path, patience_seconds=0.0)
    finally:
        lock.release()

    RunnerLock.acquire(tmp_path).release()
