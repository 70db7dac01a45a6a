"""Telling people how runs of schedules ended, and which were not started in time.

A run that is tried again is told once, when it is over; its jobs themselves tell nobody.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, PantryError
from pantry_tui.escaping import escape
from pantry_tui.events import RunEnded, RunMissed, ScheduleEvent, SchedulesTroubled
from pantry_tui.models import ExpectedRun, Job, JobState, Notice, Outcome, Receiver, RunState
from pantry_tui.notify.wording import digest_of, notice_of, subject
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.post import PostOffice
from pantry_tui.runner.scheduling.wishes import told


class ScheduleTeller:
    """Has those told whom a schedule, or else the configuration, names."""

    def __init__(
        self, office: PostOffice, catalog: Catalog, audit: AuditTrail, configuration: Callable[[], Config]
    ) -> None:
        self._office = office
        self._catalog = catalog
        self._audit = audit
        self._configuration = configuration

    def hear(self, event: ScheduleEvent) -> None:
        """Takes an event of the scheduler; most are told to nobody."""
        if isinstance(event, RunEnded) and not event.run.is_open:
            succeeded = event.run.outcome is JobState.SUCCEEDED
            self._tell(event.run, self._notice(event.run), succeeded=succeeded)
        elif isinstance(event, RunMissed) and event.run.state in (RunState.MISSED, RunState.SKIPPED):
            self._tell(event.run, missed_notice(event.run, host=socket.gethostname()), succeeded=False)
        elif isinstance(event, SchedulesTroubled):
            self._tell_trouble(event.problems)

    def _tell_trouble(self, problems: tuple[str, ...]) -> None:
        """Of schedules that are lost nobody knows whom they named: those hear of it who are told of failures."""
        said = subject(f"schedules were lost or cannot be read ({socket.gethostname()})")
        lines = [escape(problem) for problem in problems]
        text = "\n".join([said, "", *lines, "", "What to do next:", "  pantry-tui catalog check", ""])
        notice = Notice(outcome=Outcome.FAILED, subject=said, text=text)
        with contextlib.suppress(PantryError):
            self._office.tell(self._configuration().around_examination().on_failure, notice)

    def _tell(self, run: ExpectedRun, notice: Notice, *, succeeded: bool) -> None:
        try:
            receivers = self._receivers(run.schedule_id, succeeded=succeeded)
        except PantryError as error:  # the configuration cannot be read
            self._audit.note("runner", "notification", run.schedule_id, error.code, {"failure": error.message})
            return
        self._office.tell(receivers, notice, job_id=run.job_ids[-1] if run.job_ids else None)

    def _receivers(self, schedule_id: str, *, succeeded: bool) -> tuple[Receiver, ...]:
        config = self._configuration()
        named: tuple[str, ...] = ()
        database = ""
        with contextlib.suppress(NotFoundError):  # deleted meanwhile
            schedule = self._catalog.schedule(schedule_id)
            named = schedule.on_success if succeeded else schedule.on_failure
            database = schedule.database or config.default_database or ""
        around = config.around_recovery(database)
        return told(named, around.on_success if succeeded else around.on_failure, config)

    def _notice(self, run: ExpectedRun) -> Notice:
        host = socket.gethostname()
        jobs: dict[str, Job] = {}
        for job_id in run.job_ids:
            with contextlib.suppress(NotFoundError):  # a history that was cut short
                jobs[job_id] = self._catalog.job(job_id)
        notices = [notice_of(job, host=host) for job in jobs.values()]
        if not any(job.failure == run.failure for job in jobs.values()):  # what failed was no job, or one of before
            notices.append(refused_notice(run, host=host))
        notice = digest_of(notices)
        times = f" after {run.attempts:,} attempts" if run.attempts > 1 else ""
        said = f"schedule {run.schedule}: {_outcome(run)}{times} ({host})"
        return msgspec.structs.replace(notice, outcome=_told_as(run), subject=subject(said))


def missed_notice(run: ExpectedRun, *, host: str) -> Notice:
    """That a run was not started."""
    due = f"{run.due_at:%Y-%m-%d %H:%M} UTC"
    said = subject(f"schedule {run.schedule}: the run of {due} was {run.state} ({host})")
    text = f"{said}\n\nwhy: {escape(run.why)}\n\nWhat to do next:\n  pantry-tui schedule show {run.schedule_id}\n"
    return Notice(outcome=Outcome.FAILED, subject=said, text=text)


def refused_notice(run: ExpectedRun, *, host: str) -> Notice:
    """How a run ended that had not even a job."""
    said = subject(f"schedule {run.schedule}: {_outcome(run)} ({host})")
    failure = run.failure
    why = f"why: {escape(failure.message)}\n" if failure is not None else ""
    remedy = f"  {escape(failure.remedy)}\n" if failure is not None and failure.remedy else ""
    text = f"{said}\n\n{why}\nWhat to do next:\n{remedy}  pantry-tui schedule show {run.schedule_id}\n"
    return Notice(outcome=_told_as(run), subject=said, text=text)


def _told_as(run: ExpectedRun) -> Outcome:
    return Outcome.SUCCEEDED if run.outcome is JobState.SUCCEEDED else Outcome.FAILED


def _outcome(run: ExpectedRun) -> str:
    return str(run.outcome or JobState.FAILED).replace("_", " ")
