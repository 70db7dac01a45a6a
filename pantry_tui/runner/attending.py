"""What the runner does around a job, besides the job: hooks, pings, retention, and telling people."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pantry_tui.config.references import redact
from pantry_tui.errors import HookError, PantryError
from pantry_tui.events import Event, Failed, Finished, Logged, PhaseStarted, RetentionTroubled, Warned
from pantry_tui.models import (
    BackupRequest,
    Failure,
    Hook,
    HookFailure,
    Job,
    JobRequest,
    JobState,
    Notice,
    Outcome,
    RetentionPolicy,
    ScopedPolicy,
)
from pantry_tui.notify.wording import notice_of, subject, trouble_notice
from pantry_tui.runner.hooks import hook_environment, run_hook
from pantry_tui.runner.joblog import append_event, describe, read_events
from pantry_tui.runner.live import LiveJob
from pantry_tui.runner.post import PostOffice
from pantry_tui.runner.request import around_of, repository_of, secrets_of
from pantry_tui.runner.retaining import Retention

_TAIL_LINES = 40


class Attendant:
    """Sees to what a request wishes around its job."""

    def __init__(self, directory: Path, retention: Retention, office: PostOffice) -> None:
        self._directory = directory
        self._retention = retention
        self._office = office
        self._troubles: dict[tuple[str, str], str] = {}  # that people were told of, by database and repository
        self.listeners: list[Callable[[RetentionTroubled], None]] = []

    async def begin(self, live: LiveJob) -> None:
        """What comes before the work. Raises `HookError` where that forbids it, and what stopped the job meanwhile."""
        around = around_of(live.request)
        live.begun = True
        for warning in around.warnings:
            live.take(Warned(message=warning))
        if around.ping is not None:
            started = Notice(
                outcome=Outcome.STARTED, subject=subject(live.job.title), text=f"{live.job.title}: started\n"
            )
            self._office.tell([around.ping], started, job_id=live.job.id)
        if around.before is not None:
            running = asyncio.create_task(self._run(around.before, "before", live.job, live.request, live.take))
            live.interrupt = running.cancel
            await asyncio.wait([running])
            live.interrupt = None
            if running.cancelled():
                raise live.stopped_by or HookError("the command before the job was cancelled")
            self._judge(around.before, running.exception(), live)

    async def complete(self, live: LiveJob, last: Finished | Failed) -> Finished | Failed:
        """What comes after the work, which ended with ``last``; returns how the job ends."""
        hook = around_of(live.request).after
        if hook is not None and live.begun:
            try:
                await self._run(hook, "after", live.job, live.request, live.take, last)
            except HookError as error:
                last = _after(last, hook, error, live)
        if isinstance(last, Finished) and isinstance(live.request, BackupRequest):
            await self._retain(live, live.request)
        return last

    def announce(self, job: Job, request: JobRequest) -> None:
        """Has those told who are to hear how the job ended."""
        around = around_of(request)
        succeeded = job.state is JobState.SUCCEEDED
        receivers = around.on_success if succeeded else around.on_failure
        if receivers and not around.told_elsewhere:
            self._office.tell(receivers, notice_of(job, host=socket.gethostname()), job_id=job.id)
        if around.ping is not None and job.started_at is not None:
            ended = Notice(
                outcome=Outcome.SUCCEEDED if succeeded else Outcome.FAILED,
                subject=subject(job.title),
                text=self._tail(job),
            )
            self._office.tell([around.ping], ended, job_id=job.id)

    async def settle(self, job: Job, request: JobRequest) -> None:
        """Runs what was to follow a job that an earlier runner was at when it ended."""
        hook = around_of(request).after
        if hook is None or job.started_at is None:
            return

        def note(event: Event) -> None:
            append_event(self._directory, job.id, event)

        try:
            await self._run(hook, "after", job, request, note, Failed(failure=job.failure or _UNKNOWN))
        except HookError as error:
            note(Warned(message=error.message))
            said = f"{error.message}; {error.remedy}" if error.remedy else error.message
            what = f"what was to follow the {job.title}, which was cut off, failed"
            self._tell(request, trouble_notice(job, what, said, host=socket.gethostname()), job)

    async def _run(
        self,
        hook: Hook,
        moment: str,
        job: Job,
        request: JobRequest,
        take: Callable[[Event], None],
        last: Finished | Failed | None = None,
    ) -> None:
        """Runs a hook, its output going into the job's log. Raises `HookError`."""
        take(PhaseStarted(phase=f"hook_{moment}", title=f"Running the command {moment} the job: {hook.argv[0]}"))
        secrets = secrets_of(request)

        def say(line: str) -> None:
            take(Logged(message=f"{moment}: {redact(line, secrets)}"))

        repository = repository_of(request)
        result = (last.result or {}) if last is not None else {}
        facts = {
            "MOMENT": moment,
            "JOB": job.id,
            "KIND": job.kind,
            "DATABASE": job.database,
            "REPOSITORY": repository.location if repository is not None else None,
            "BACKUP": str(result.get("id")) if isinstance(request, BackupRequest) and "id" in result else job.backup_id,
            "OUTCOME": _outcome(last),
            "FAILURE": last.failure.message if isinstance(last, Failed) else None,
        }
        await run_hook(hook, hook_environment(facts), say)

    def _judge(self, hook: Hook, error: BaseException | None, live: LiveJob) -> None:
        if error is None:
            return
        if not isinstance(error, HookError) or hook.on_failure is HookFailure.ABORT:
            raise error
        live.take(Warned(message=error.message))

    def _tail(self, job: Job) -> str:
        """The end of the job's log."""
        try:
            lines = [line for event in read_events(self._directory, job.id) if (line := describe(event)) is not None]
        except PantryError as error:
            lines = [error.message]
        return "\n".join(lines[-_TAIL_LINES:]) + "\n"

    async def _retain(self, live: LiveJob, request: BackupRequest) -> None:
        """Deletes what the policy lets go of the same database and schedule; no backup fails for want of that."""
        policy = request.around.retention
        if policy is None:
            return
        live.take(PhaseStarted(phase="retention", title=f"Deleting backups that are not kept ({policy.words})"))
        scoped = ScopedPolicy(policy=policy, database=request.database.name, schedule=request.schedule or "")
        try:
            policies = [scoped, *request.around.retention_of_deleted]
            report = await self._retention.apply_by_itself(request.repository, policies, who=live.job.started_by)
        except PantryError as error:
            said = f"{error.message}; {error.remedy}" if error.remedy else error.message
            self._tell_trouble(live, f"no backup was deleted by its policy: {said}")
            return
        if report.doubt_seconds:
            self._tell_doubt(live, policy, report.doubt_seconds)
        for verdict in report.going:
            if verdict.problem is not None:
                live.take(Warned(message=f"{verdict.backup_id} was not deleted: {verdict.problem}"))
            else:
                live.take(Logged(message=f"deleted {verdict.backup_id}: {'; '.join(verdict.reasons)}"))
        number = len(report.deleted)
        live.take(Logged(message=f"retention: {number:,} backup{'' if number == 1 else 's'} deleted"))

    def _tell_doubt(self, live: LiveJob, policy: RetentionPolicy, seconds: float) -> None:
        """Small doubts are for the log: a machine that was off for a night has them until its clock is synchronized."""
        said = (
            f"the clock may be ahead by {timedelta(seconds=round(seconds))}, so backups are kept for so much longer, until it "
            "is synchronized; if it is right: pantry-tui retention apply --yes"
        )
        if policy.kept_time is not None and seconds >= policy.kept_time.total_seconds():
            self._tell_trouble(live, said)
        else:
            live.take(Logged(message=said))

    def _tell_trouble(self, live: LiveJob, why: str) -> None:
        """Something about retention that people should know although their backup has succeeded; the same thing once."""
        live.take(Warned(message=why))
        request = live.request
        if not isinstance(request, BackupRequest):
            return
        database, repository = request.database.name, request.repository.name
        event = RetentionTroubled(database=database, repository=repository, why=why)
        for hear in self.listeners:
            hear(event)
        if self._troubles.get((database, repository)) == why:
            return
        self._troubles[database, repository] = why
        notice = trouble_notice(
            live.job,
            f"backups of {database} in {repository} are not deleted as they should be",
            why,
            host=socket.gethostname(),
        )
        self._tell(request, notice, live.job)

    def _tell(self, request: JobRequest, notice: Notice, job: Job) -> None:
        self._office.tell(around_of(request).on_failure, notice, job_id=job.id)


_UNKNOWN = Failure.of(HookError("the job was cut off"))


def _outcome(last: Finished | Failed | None) -> str | None:
    if last is None:
        return None
    return "succeeded" if isinstance(last, Finished) else "failed"


def _after(last: Finished | Failed, hook: Hook, error: HookError, live: LiveJob) -> Finished | Failed:
    """How a job ends whose second hook failed; what it has done stays done."""
    if isinstance(last, Failed) or hook.on_failure is HookFailure.CONTINUE:
        live.take(Warned(message=error.message))
        return last
    whole = HookError(
        f"the {live.job.title} is done, but what was to follow failed: {error.message}", remedy=error.remedy
    )
    return Failed(failure=Failure.of(whole), result=last.result)
