"""Putting the parts together: what watches the databases of a runner, for as long as that stays."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.models import ScheduleStatus, utc_now
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.executor import Executor
from pantry_tui.runner.library import Library
from pantry_tui.runner.monitoring.alerting import AlertDesk
from pantry_tui.runner.monitoring.desk import HealthDesk
from pantry_tui.runner.monitoring.gathering import Surveyor
from pantry_tui.runner.monitoring.revalidating import Revalidator
from pantry_tui.runner.monitoring.rounds import Rounds
from pantry_tui.runner.monitoring.telling import AlertTeller
from pantry_tui.runner.scheduling.clock import Clock


def watching(
    directory: Path,
    catalog: Catalog,
    library: Library,
    executor: Executor,
    audit: AuditTrail,
    statuses: Callable[[], Sequence[ScheduleStatus]],
    configuration: Callable[[], Config],
    clock: Clock | None,
) -> HealthDesk:
    """The desk of health and alerts. Without a clock the runner does not stay, and looks only where it is asked to."""
    stays, now = clock is not None, clock.now if clock is not None else utc_now
    teller = AlertTeller(executor.office, audit, configuration)
    alerts = AlertDesk(catalog, audit, teller, executor.board.tell, configuration, now, stays=stays)
    surveyor = Surveyor(
        directory, catalog, library, lambda: executor.retention.clock.look().excess, statuses, stays=stays
    )
    return HealthDesk(directory, catalog, surveyor, alerts, executor.board.tell, configuration, now)


@contextlib.asynccontextmanager
async def making_rounds(
    desk: HealthDesk,
    executor: Executor,
    library: Library,
    audit: AuditTrail,
    configuration: Callable[[], Config],
    clock: Clock | None,
) -> AsyncIterator[None]:
    """Rounds are made meanwhile, by a runner that stays."""
    if clock is None:
        yield
        return
    rounds = Rounds(desk, Revalidator(executor, library, desk), configuration, clock.now, audit)
    task = asyncio.create_task(rounds.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
