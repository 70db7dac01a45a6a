"""What the runner keeps of recoveries and drills: their figures for later plans, and their reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError
from pantry_tui.models import DatabaseTarget, DrillRequest, JobState, PlanRequest, RecoveryPlan, RepositoryTarget
from pantry_tui.runner.inline import inline_runner
from pantry_tui.runner.reads import LocalReads
from tests.engine.runner.conftest import backup_request, ended


async def test_a_drill_gives_the_next_plan_its_figures(
    config: Config, mark: str, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    async with inline_runner(config) as client:
        await ended(client, await client.submit(backup_request(crm, backups)))
        drill = await ended(client, await client.submit(DrillRequest(repository=backups, backup_id="latest")))
        plan = await ended(
            client,
            await client.submit(
                PlanRequest(repository=backups, backup_id="latest", target=crm, swap=True, probe=False)
            ),
        )
        report = await client.report(drill.id)
    assert (drill.state, plan.state, plan.kind) == (JobState.SUCCEEDED, JobState.SUCCEEDED, "plan")
    estimate = RecoveryPlan.from_builtins(plan.result).estimate
    assert estimate is not None
    assert estimate.source == "drills"
    with Catalog(Path(config.data_directory)) as catalog:
        [kept] = catalog.measurements()
    assert (kept.id, kept.private) == (drill.id, True)
    assert estimate.seconds == pytest.approx(sum(kept.phases.values()) - kept.phases.get("server", 0.0), abs=0.01)

    reads = LocalReads(config)
    assert await reads.report(drill.id) == report
    assert f"# Restore drill {drill.id}".replace("-", "\\-") in report
    with pytest.raises(NotFoundError, match="is no recovery"):
        await reads.report(plan.id)
