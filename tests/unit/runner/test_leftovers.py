"""A killed restore cannot tidy up: what it may have left is named."""

from __future__ import annotations

import os
import signal

import msgspec
import pytest

from pantry_tui.events import Failed
from pantry_tui.models import (
    DatabaseTarget,
    DrillPlace,
    DrillRequest,
    Failure,
    JobRequest,
    RepositoryTarget,
    RestoreRequest,
    ValidateRequest,
)
from pantry_tui.runner.leftovers import with_leftovers
from pantry_tui.runner.process import JobProcess

REPOSITORY = RepositoryTarget(name="local", location="/nonexistent")
FAILURE = Failure(code="worker_died", message="killed", remedy="Look who it was.")


def restore_into(name: str) -> RestoreRequest:
    return RestoreRequest(repository=REPOSITORY, backup_id="latest", target=DatabaseTarget(name=name))


def test_a_restores_database_is_named() -> None:
    advice = 'Look for databases named "crm.unverified-…" on the target server and drop them'
    assert with_leftovers(FAILURE, restore_into("crm")).remedy == f"Look who it was. {advice}"
    bare = Failure(code="worker_died", message="killed")
    assert with_leftovers(bare, restore_into("crm")).remedy == advice
    assert f'"{"x" * 47}.unverified-' in (with_leftovers(bare, restore_into("x" * 60)).remedy or "")


def test_a_renamed_schema_is_named_too() -> None:
    renaming = msgspec.structs.replace(restore_into("crm"), rename_schemas=(("public", "yesterday"),))
    remedy = with_leftovers(FAILURE, renaming).remedy or ""
    assert remedy.endswith('on the target server and drop them, and for schemas named "unverified-…" in crm')


def test_a_drills_database_is_named_unless_its_server_is_gone() -> None:
    beside = DrillRequest(
        repository=REPOSITORY,
        backup_id="latest",
        where=DrillPlace.SERVER,
        server=DatabaseTarget(name="main", conninfo="dbname=crm"),
    )
    assert '"crm_drill.unverified-…"' in (with_leftovers(FAILURE, beside).remedy or "")
    private = msgspec.structs.replace(beside, where=DrillPlace.PRIVATE)
    assert with_leftovers(FAILURE, private) == FAILURE


@pytest.mark.parametrize("request_", [None, ValidateRequest(repository=REPOSITORY, backup_id="latest")])
def test_other_jobs_leave_no_database(request_: JobRequest | None) -> None:
    assert with_leftovers(FAILURE, request_) == FAILURE


async def test_the_process_of_a_restore_that_is_killed() -> None:
    process = JobProcess.start(0)
    os.kill(process.pid, signal.SIGKILL)
    last = await process.carry_out(restore_into("crm"), lambda event: None)
    assert isinstance(last, Failed)
    assert last.failure.code == "worker_died"
    assert '"crm.unverified-…"' in (last.failure.remedy or "")
