"""Where a benchmark runs: a server of its own, a warm runner, and room for what is stored."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import data
from benchmarks.measure import Usage, measure
from pantry_tui.config import Config, RepositorySettings
from pantry_tui.events import Failed, Finished
from pantry_tui.models import DatabaseTarget, JobRequest, RepositoryTarget
from pantry_tui.postgres.binaries import embedded_binaries, require_binaries, system_binaries
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.runner.client import RunnerClient, attach_or_start

T = TypeVar("T")

# All of a database of this size stays in memory: what is compared is the programs, not the disk.
SETTINGS = {"shared_buffers": "1536MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h", "autovacuum": "off"}
JUDGED = "crm"  # the data that the figures to reach are meant for
MEMORY = Path("/dev/shm")
ROOM_BYTES = 8_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what all benchmarks take."""
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; medians are shown (5)")
    parser.add_argument("--megabytes", type=int, default=500, help="size of the data as COPY text (500)")
    parser.add_argument("--database", choices=["crm", "pgbench"], action="append", help="which data (both)")
    parser.add_argument("--server", choices=["embedded", "system"], default="embedded", help="whose PostgreSQL")
    parser.add_argument("--only", metavar="TEXT", default="", help="only what has TEXT in its name")
    parser.add_argument("--directory", type=Path, help="work here, and keep the databases for the next time")


class Place:
    """A running server and a running runner, with a directory for what the contenders store."""

    def __init__(self, directory: Path, server: PrivateServer, client: RunnerClient, runner: int) -> None:
        self.directory = directory
        self.server = server
        self.client = client
        self.runner = runner
        self.maintenance = server.target("postgres")
        self.postmaster = int((server.home / "data" / "postmaster.pid").read_text().split()[0])
        self.repository = RepositoryTarget(name="local", location=str(directory / "repository"))
        self.tools = Path(server.client_tools)

    def database(self, kind: str, megabytes: int) -> DatabaseTarget:
        """One of the two databases, made when it is not there."""
        return {"crm": data.crm, "pgbench": data.pgbench}[kind](self.maintenance, megabytes)

    def ours(self, request: JobRequest) -> tuple[Usage, dict[str, Any]]:
        """Has the warm runner do a job; from the request to its result."""
        results: list[dict[str, Any]] = []

        def work() -> None:
            results.append(_wait(self._result(request)))

        return measure(work, client=self.runner, server=self.postmaster), results[0]

    def theirs(self, work: Callable[[], None]) -> Usage:
        """Runs other programs as children of this process."""
        others = (self.runner, self.postmaster)
        return measure(work, client=os.getpid(), server=self.postmaster, without=others)

    def shell(self, *pipeline: list[str], output: Path | None = None) -> None:
        """Runs commands joined by pipes, without a shell; every one of them must succeed."""
        with (output or Path(os.devnull)).open("wb") as sink:
            processes: list[subprocess.Popen[bytes]] = []
            for number, command in enumerate(pipeline, start=1):
                source = processes[-1].stdout if processes else subprocess.DEVNULL
                target = sink if number == len(pipeline) else subprocess.PIPE
                processes.append(subprocess.Popen(command, stdin=source, stdout=target))
                if processes[1:] and processes[-2].stdout:
                    processes[-2].stdout.close()  # so that the writer hears when its reader is gone
            for process in processes:
                if process.wait() != 0:
                    raise SystemExit(f"{process.args!r} ended with {process.returncode}")

    def tool(self, program: str) -> str:
        """One of the server's own client programs."""
        return str(self.tools / program)

    async def _result(self, request: JobRequest) -> dict[str, Any]:
        job = await self.client.submit(request)
        async for event in self.client.job_events(job.id):
            if isinstance(event, Finished):
                return event.result
            if isinstance(event, Failed):
                raise event.failure.as_error()
        raise AssertionError("the job went silent")


@contextmanager
def place(args: argparse.Namespace) -> Iterator[Place]:
    """Server and runner for the time of one benchmark; nothing is left but what ``--directory`` keeps."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    binaries = require_binaries(system_binaries() if args.server == "system" else embedded_binaries())
    directory = args.directory or Path(tempfile.mkdtemp(prefix="pantry-bench-", dir=_roomy()))
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)  # the server's account must reach its own directory below
    server = PrivateServer(directory / f"server-{args.server}", binaries=binaries, settings=SETTINGS)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=directory))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning, in {directory}")
    try:
        server.start()
        with _warm_runner(work) as (client, pid):
            yield Place(work, server, client, pid)
    finally:
        if args.directory:
            server.stop()
            shutil.rmtree(work)
        else:
            server.destroy()
            shutil.rmtree(directory)


def bytes_below(directory: Path) -> int:
    """The size of all files in a directory, or of a file."""
    if directory.is_file():
        return directory.stat().st_size
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@contextmanager
def _warm_runner(work: Path) -> Iterator[tuple[RunnerClient, int]]:
    config = Config(
        data_directory=str(work / "data"),
        repositories={"local": RepositorySettings(path=str(work / "repository"))},
        default_repository="local",
    )
    client = _wait(attach_or_start(config))
    try:
        yield client, _wait(client.status()).pid
    finally:
        _wait(client.stop())
        _wait(client.close())


def _roomy() -> Path | None:
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES else None


_loop = asyncio.new_event_loop()


def _wait(awaitable: Awaitable[T]) -> T:
    return _loop.run_until_complete(awaitable)
