"""One runner that lives long, with real backups, commands around them and messages about them, does not grow."""

from __future__ import annotations

import gc
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from pantry_tui.config import Config
from pantry_tui.config.hooking import HookSettings
from pantry_tui.models import DatabaseTarget, JobState
from pantry_tui.runner.post import Pace
from tests.engine.runner.scheduled import PatientClock, configured, scheduled, scheduling
from tests.unit.notify.servers import WebServer

HOUR = 3600.0
WARM_UP, WATCHED = 15, 30  # runs


class Size(NamedTuple):
    """What a process has of what it could leak."""

    objects: int
    files: int
    kilobytes: int


def size() -> Size:
    gc.collect()
    files = len(list(Path("/proc/self/fd").iterdir()))
    return Size(len(gc.get_objects()), files, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    server = WebServer()
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.port}/hook")
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_it_is_as_large_after_many_runs(
    config: Config, crm: DatabaseTarget, mark: str, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = HookSettings(before_backup=("/bin/true",), after_backup=("/bin/echo", "done"))
    ready = msgspec.structs.replace(configured(config, crm, mark), hooks=hooks)
    clock = PatientClock()
    async with scheduling(ready, clock) as (runner, client):
        monkeypatch.setattr(runner.executor.office, "_pace", msgspec.structs.replace(Pace(), gather=0.0, quiet=0.0))
        await client.create_schedule(scheduled(crm, "0 * * * *", on_success=("ops",), retention_days=1))
        await clock.advance(WARM_UP * HOUR)
        before = size()
        await clock.advance(WATCHED * HOUR)
        after = size()
        jobs = await client.jobs(limit=1000)

    assert [job.state for job in jobs] == [JobState.SUCCEEDED] * (WARM_UP + WATCHED)
    assert len(web.requests) >= WATCHED
    assert all(now <= then * 1.05 for now, then in zip(after, before, strict=True)), (before, after)
