"""A runner in this process, from start to end: the lock, the catalog, the executor, the API at its socket."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import RunnerBusyError
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.directory import prepare_data_directory, prepare_socket_directory, socket_path, user_name
from pantry_tui.runner.executor import RUNNER, Executor, ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.library import Library
from pantry_tui.runner.lock import PATIENCE_SECONDS, Holder, RunnerLock
from pantry_tui.runner.server import serve

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@contextlib.asynccontextmanager
async def running(data_directory: str, settings: ExecutorSettings) -> AsyncIterator[Runner]:
    """Takes the data directory and serves its API until the context is left; running jobs are stopped cleanly then.

    Raises `RunnerBusyError` when another runner has it, `RefusedError` when it belongs to another user, `StorageError`.
    """
    directory = prepare_data_directory(data_directory)
    lock = RunnerLock.acquire(directory)
    try:
        socket = socket_path(directory)
        prepare_socket_directory(socket, directory)
        holder = lock.announce(socket)
        with Catalog(directory) as catalog:
            _become_writer(catalog)
            async with _serving(directory, holder, settings, catalog) as runner:
                yield runner
    finally:
        lock.release()


@contextlib.asynccontextmanager
async def _serving(
    directory: Path, holder: Holder, settings: ExecutorSettings, catalog: Catalog
) -> AsyncIterator[Runner]:
    audit = AuditTrail(directory)
    library = Library(catalog, directory)
    executor = Executor(directory, settings, catalog, library, audit)
    runner = Runner(directory, holder, executor, library, audit)
    audit.note(_account(), "runner.start", "runner", "started", {"pid": holder.pid, "version": holder.version})
    await executor.start()
    try:
        async with serve(runner, Path(holder.socket)):
            try:
                yield runner
            finally:
                await executor.close()
    finally:
        audit.note(RUNNER, "runner.end", "runner", "ended", {"pid": holder.pid})


def _become_writer(catalog: Catalog) -> None:
    """Takes the catalog for the runner's life; a command that lists backups may have it for some milliseconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            catalog.prune_jobs(_BEGINNING)
            return
        except RunnerBusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)


def _account() -> str:
    return user_name(os.geteuid())
