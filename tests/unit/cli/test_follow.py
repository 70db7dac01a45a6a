"""What Ctrl+C and SIGTERM mean while a job is followed."""

from __future__ import annotations

import asyncio
import os
import signal
from argparse import Namespace
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pantry_tui.cli import follow as module
from pantry_tui.cli.failure import Interrupted
from pantry_tui.cli.follow import OnInterrupt, follow
from pantry_tui.errors import CancelledError, DiskFullError, JobError
from pantry_tui.events import Event, Failed, Finished, PhaseStarted
from pantry_tui.models import Failure, Job, JobState, utc_now

ARGS = Namespace(quiet=False)
RESULT = {"id": "b1"}


class OneJob:
    """A runner with one job, whose events the test decides. Cancelling ends it as ``cancelled_as`` says."""

    def __init__(self, *, cancelled_as: Event | None = None) -> None:
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.cancelled = asyncio.Event()
        self._cancelled_as = cancelled_as or failed(CancelledError("the job was cancelled"))

    async def job_events(self, job_id: str) -> AsyncIterator[Event]:
        while (event := await self.events.get()) is not None:
            yield event

    async def cancel(self, job_id: str) -> Job:
        self.cancelled.set()
        self.events.put_nowait(self._cancelled_as)
        return Job(id=job_id, kind="backup", title="", database=None, state=JobState.RUNNING, queued_at=utc_now())


def failed(error: Any) -> Failed:
    return Failed(failure=Failure.of(error))


def start(job: OneJob, on_interrupt: OnInterrupt) -> asyncio.Task[dict[str, Any]]:
    return asyncio.create_task(follow(job, "J", ARGS, on_interrupt))


async def said(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Waits until these words stand on standard error."""
    written = ""
    while words not in written:
        await asyncio.sleep(0.005)
        written += capsys.readouterr().err


async def under_way(job: OneJob, capsys: pytest.CaptureFixture[str]) -> None:
    job.events.put_nowait(PhaseStarted(phase="rows", title="copying rows"))
    await said(capsys, "copying rows")


async def test_the_result_of_a_finished_job() -> None:
    job = OneJob()
    job.events.put_nowait(Finished(result=RESULT))
    assert await follow(job, "J", ARGS, OnInterrupt.ASK) == RESULT


async def test_the_failure_of_a_job() -> None:
    job = OneJob()
    job.events.put_nowait(failed(DiskFullError("no room", remedy="make some")))
    with pytest.raises(DiskFullError) as raised:
        await follow(job, "J", ARGS, OnInterrupt.ASK)
    assert raised.value.remedy == "make some"


async def test_a_stream_that_ends_early_is_a_failure() -> None:
    job = OneJob()
    job.events.put_nowait(None)
    with pytest.raises(JobError, match="before it ended"):
        await follow(job, "J", ARGS, OnInterrupt.ASK)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_in_this_process_the_first_press_cancels(
    number: signal.Signals, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    job = OneJob()
    following = start(job, OnInterrupt.CANCEL)
    await under_way(job, capsys)
    os.kill(os.getpid(), number)
    with pytest.raises(Interrupted, match="was cancelled") as raised:
        await following
    assert raised.value.status == status
    assert job.cancelled.is_set()


async def test_in_a_runner_elsewhere_the_second_press_cancels(capsys: pytest.CaptureFixture[str]) -> None:
    job = OneJob()
    following = start(job, OnInterrupt.ASK)
    await under_way(job, capsys)
    os.kill(os.getpid(), signal.SIGINT)
    await said(capsys, "press Ctrl+C again")
    assert not job.cancelled.is_set()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted, match="was cancelled"):
        await following
    assert job.cancelled.is_set()


async def test_in_a_runner_elsewhere_one_press_leaves_the_job(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECOND_PRESS_SECONDS", 0.01)
    job = OneJob()
    following = start(job, OnInterrupt.ASK)
    await under_way(job, capsys)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted, match="goes on in the runner"):
        await following
    assert not job.cancelled.is_set()


@pytest.mark.parametrize(
    ("on_interrupt", "number"), [(OnInterrupt.LEAVE, signal.SIGINT), (OnInterrupt.ASK, signal.SIGTERM)]
)
async def test_watching_ends_at_once(
    on_interrupt: OnInterrupt, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    job = OneJob()
    following = start(job, on_interrupt)
    await under_way(job, capsys)
    os.kill(os.getpid(), number)
    with pytest.raises(Interrupted, match="goes on in the runner"):
        await following
    assert not job.cancelled.is_set()


async def test_a_job_that_finished_before_the_cancel_keeps_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    job = OneJob(cancelled_as=Finished(result=RESULT))
    following = start(job, OnInterrupt.CANCEL)
    await under_way(job, capsys)
    os.kill(os.getpid(), signal.SIGINT)
    assert await following == RESULT


async def test_a_job_that_ends_while_the_question_stands(capsys: pytest.CaptureFixture[str]) -> None:
    job = OneJob()
    following = start(job, OnInterrupt.ASK)
    await under_way(job, capsys)
    os.kill(os.getpid(), signal.SIGINT)
    await said(capsys, "press Ctrl+C again")
    job.events.put_nowait(Finished(result=RESULT))
    assert await following == RESULT
