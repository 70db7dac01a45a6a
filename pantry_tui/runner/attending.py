"""What the runner does around a job, besides the job."""

from __future__ import annotations

from pantry_tui.errors import PantryError
from pantry_tui.events import Failed, Finished, Logged, PhaseStarted, Warned
from pantry_tui.models import BackupRequest, ScopedPolicy
from pantry_tui.runner.live import LiveJob
from pantry_tui.runner.retaining import Retention


class Attendant:
    """Sees to what a request wishes around its job."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    async def complete(self, live: LiveJob, last: Finished | Failed) -> Finished | Failed:
        """What comes after the work, which ended with ``last``; returns how the job ends."""
        if isinstance(last, Finished) and isinstance(live.request, BackupRequest):
            await self._retain(live, live.request)
        return last

    async def _retain(self, live: LiveJob, request: BackupRequest) -> None:
        """Deletes what the policy lets go of the same database and schedule; no backup fails for want of that."""
        policy = request.around.retention
        if policy is None:
            return
        live.take(PhaseStarted(phase="retention", title=f"Deleting backups that are not kept ({policy.words})"))
        scoped = ScopedPolicy(policy=policy, database=request.database.name, schedule=request.schedule or "")
        try:
            report = await self._retention.apply_by_itself(request.repository, [scoped], who=live.job.started_by)
        except PantryError as error:
            said = f"{error.message}; {error.remedy}" if error.remedy else error.message
            live.take(Warned(message=f"no backup was deleted by its policy: {said}"))
            return
        for verdict in report.going:
            if verdict.problem is not None:
                live.take(Warned(message=f"{verdict.backup_id} was not deleted: {verdict.problem}"))
            else:
                live.take(Logged(message=f"deleted {verdict.backup_id}: {'; '.join(verdict.reasons)}"))
        live.take(Logged(message=f"retention: {len(report.deleted):,} backups deleted"))
