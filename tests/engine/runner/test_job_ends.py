"""A job always ends, whatever goes wrong in the runner while it is settled: somebody waits for it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.events import PhaseStarted, Warned
from pantry_tui.models import Around, BackupRequest, DatabaseTarget, Hook, Job, JobState, RepositoryTarget
from pantry_tui.runner import executor as executor_module
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.directory import prepare_data_directory
from pantry_tui.runner.executor import Executor, ExecutorSettings
from pantry_tui.runner.library import Library

NOWHERE = DatabaseTarget(name="crm", conninfo="host=127.0.0.1 port=1 user=u dbname=crm connect_timeout=5")


class UncleanLibrary(Library):
    """One whose cleaning up meets what nobody foresaw."""

    async def clean(self, target: RepositoryTarget) -> list[str]:
        raise PermissionError(13, "Permission denied")


class ForgetfulCatalog(Catalog):
    """One that cannot write down that a job ended."""

    def put_job(self, job: Job) -> None:
        if job.state.is_final:
            raise ValueError("not written")
        super().put_job(job)


class HangingLibrary(Library):
    """One whose repository does not answer."""

    async def clean(self, target: RepositoryTarget) -> list[str]:
        await asyncio.Event().wait()
        return []


async def ended(directory: Path, catalog: Catalog, library: Library, request: BackupRequest) -> tuple[Job, Executor]:
    """The job of a runner that is at work in this process, once it is over."""
    executor = Executor(directory, ExecutorSettings(keeps_spare=False), catalog, library, AuditTrail(directory))
    await executor.start()
    try:
        job = await executor.submit(request, "anna")
        live = executor.board.alive[job.id]
        async with asyncio.timeout(60):
            await executor.idle()
    finally:
        await executor.close()
    return live.job, executor


async def test_though_cleaning_up_fails(tmp_path: Path, mark: str, repository: RepositoryTarget) -> None:
    directory = prepare_data_directory(str(tmp_path / "data"))
    request = BackupRequest(database=NOWHERE, repository=repository, name="daily")
    with Catalog(directory) as catalog:
        job, executor = await ended(directory, catalog, UncleanLibrary(catalog, directory), request)
        warnings = [event.message for event in executor.board.log(job.id) if isinstance(event, Warned)]
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.code == "server_unreachable"
    assert warnings == ["what the job left behind could not be removed: PermissionError: [Errno 13] Permission denied"]


async def test_though_its_end_cannot_be_written_down(tmp_path: Path, mark: str, repository: RepositoryTarget) -> None:
    directory = prepare_data_directory(str(tmp_path / "data"))
    request = BackupRequest(database=NOWHERE, repository=repository, name="daily")
    unseen: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context["exception"]))
    with ForgetfulCatalog(directory) as catalog:
        job, executor = await ended(directory, catalog, Library(catalog, directory), request)
    assert job.state is JobState.FAILED
    assert not executor.board.alive


async def test_though_its_repository_does_not_answer(
    tmp_path: Path, mark: str, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_module, "CLEAN_SECONDS", 0.1)
    directory = prepare_data_directory(str(tmp_path / "data"))
    request = BackupRequest(database=NOWHERE, repository=repository, name="daily")
    with Catalog(directory) as catalog:
        job, _ = await ended(directory, catalog, HangingLibrary(catalog, directory), request)
    assert (job.state, job.warnings) == (JobState.FAILED, 1)


async def test_who_cancels_it_ends_what_follows_it_too(tmp_path: Path, mark: str, repository: RepositoryTarget) -> None:
    directory = prepare_data_directory(str(tmp_path / "data"))
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\nexec sleep 600\n")
    hook.chmod(0o700)
    around = Around(after=Hook(argv=(str(hook),), timeout_seconds=600))
    request = BackupRequest(database=NOWHERE, repository=repository, name="daily", around=around)
    with Catalog(directory) as catalog:
        executor = Executor(
            directory, ExecutorSettings(keeps_spare=False), catalog, Library(catalog, directory), AuditTrail(directory)
        )
        await executor.start()
        job = await executor.submit(request, "anna")
        async for event in executor.board.events(job.id):
            if isinstance(event, PhaseStarted) and event.phase == "hook_after":
                executor.cancel(job.id, "anna")
        job = executor.board.job(job.id)
        await executor.close()
    assert job.state is JobState.CANCELLED


async def test_a_repository_that_does_not_answer_holds_up_no_other(tmp_path: Path) -> None:
    directory = prepare_data_directory(str(tmp_path / "data"))
    answers = threading.Event()
    one, other = (RepositoryTarget(name=name, location=str(tmp_path / name)) for name in ("one", "other"))
    with Catalog(directory) as catalog:
        library = Library(catalog, directory)
        stuck = asyncio.create_task(library._alone([one], answers.wait))
        assert await library._alone([other], lambda: "done") == "done"
        behind = asyncio.create_task(library._alone([one], lambda: "done"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(behind)
        answers.set()
        assert (await stuck, await behind) == (True, "done")
