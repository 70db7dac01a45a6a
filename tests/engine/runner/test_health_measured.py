"""What a look at health leaves in the metrics."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pantry_tui.config import Config
from pantry_tui.models import DatabaseTarget
from tests.engine.runner.scheduled import configured
from tests.engine.runner.watching import watched, watching


@pytest.fixture
def ready(config: Config, crm: DatabaseTarget, mark: str) -> Config:
    """The configuration with the small database in it, by name."""
    return watched(configured(config, crm, mark))


async def test_a_look_is_measured(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        await there.back_up()
        health = await there.look()
        await asyncio.gather(*there.runner.measuring._tasks)
        history = await there.client.metrics_history(1, records=True)
        text = await there.runner.measuring.text()
        assert await there.runner.measuring.days_left() == {}

    run = history.health[-1]
    assert [found.database for found in run.databases] == [crm.name]
    assert len(run.checks) == len(health.checks)
    assert {"data directory", there.repository.name} == {disk.place for disk in run.disks}
    samples = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    assert len(set(samples)) == len(samples)
    assert sum(name == "pantry_check_status" for name, _ in samples) == len(health.checks)
