"""From one answer to the next: what each answer has done, and where the wizard goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, PantryError, RefusedError, UsageError
from pantry_tui.guide import assess, choose, done, happened, planned, requests, scope
from pantry_tui.guide.case import GONE, Case
from pantry_tui.guide.view import Line, Option, Tone, View
from pantry_tui.models import (
    BackupDetails,
    BackupSummary,
    Health,
    Incident,
    Job,
    JobRequest,
    Strategy,
    ValidationResult,
    WizardNote,
    WizardState,
    WizardStep,
    utc_now,
)
from pantry_tui.runner.client import RunnerClient
from pantry_tui.runner.surrounding import surrounded

MakeRequest = Callable[[Case, str], JobRequest]

_STEPS = list(WizardStep)
# What is found out anew when a step is done again; answers stay.
_JOBS_BEHIND: dict[WizardStep, tuple[str, ...]] = {
    WizardStep.HAPPENED: ("validation", "comparison", "plan", "rehearsal"),
    WizardStep.ASSESS: ("validation", "comparison", "plan", "rehearsal"),
    WizardStep.CHOOSE: ("validation", "comparison", "plan", "rehearsal"),
    WizardStep.SCOPE: ("plan", "rehearsal"),
    WizardStep.PLAN: ("rehearsal",),
    WizardStep.REHEARSE: (),
}


class Course:
    """A recovery on its way. Its state is the runner's: whoever opens it goes on where it stands."""

    def __init__(
        self, config: Config, client: Callable[[], RunnerClient], *, user: str, now: Callable[[], datetime] = utc_now
    ) -> None:
        """``client``: the attached client, asked anew for each question. Its errors go to whoever asks."""
        self._config = config
        self._client = client
        self._user = user
        self._now = now
        self._state: WizardState | None = None
        self._backups: tuple[BackupSummary, ...] = ()
        self._health: Health | None = None
        self._jobs: dict[str, Job] = {}
        self._details: BackupDetails | None = None

    @property
    def state(self) -> WizardState:
        """Where it stands."""
        assert self._state is not None, "begin() comes first"
        return self._state

    @property
    def is_begun(self) -> bool:
        """Whether it is under way; not any more once it was ended."""
        return self._state is not None

    @property
    def is_first(self) -> bool:
        """Whether there is no question before this one."""
        return self.state.step is WizardStep.HAPPENED and self.state.incident is None

    @property
    def case(self) -> Case:
        """What is known of it."""
        return Case(
            state=self.state,
            config=self._config,
            now=self._now(),
            backups=self._backups,
            health=self._health,
            jobs=self._jobs,
            details=self._details,
        )

    @property
    def databases(self) -> list[str]:
        """The databases that can be meant: the configured ones, else those that have backups."""
        return list(self._config.databases) or sorted({each.database for each in self._backups})

    # Beginning, looking, ending

    async def begin(self, *, database: str | None = None, backup_id: str | None = None) -> bool:
        """Takes up the recovery that is under way, or begins one; whether one was under way."""
        found = await self._client().wizard()
        self._state = found or WizardState(
            started_at=self._now(), started_by=self._user, database=database, backup_id=backup_id
        )
        await self.look()
        return found is not None

    async def look(self) -> None:
        """Reads everything anew that the step needs, and goes on by itself where nothing has to be answered."""
        client = self._client()
        kept = await client.wizard()
        if kept is not None:
            self._state = kept
        self._backups = tuple(await self._all_backups(client))
        await self._read_jobs(client)
        if self.state.step is WizardStep.ASSESS and self._health is None:
            with contextlib.suppress(PantryError):  # the recovery must not need a health that can be found
                self._health = await client.check_health(notify=False)
        await self._read_details(client)
        await self._go_on()

    async def _all_backups(self, client: RunnerClient) -> Iterable[BackupSummary]:
        found: list[BackupSummary] = []
        for name in self._config.repositories:
            found += await client.backups(self._config.repository_target(name))
        return found

    async def _read_jobs(self, client: RunnerClient) -> None:
        for job_id in self.state.job_ids():
            known = self._jobs.get(job_id)
            if known is None or not known.state.is_final:
                with contextlib.suppress(NotFoundError):  # its history is over
                    self._jobs[job_id] = await client.job(job_id)

    async def _read_details(self, client: RunnerClient) -> None:
        backup = self.case.backup
        if backup is not None and (self._details is None or self._details.summary.id != backup.id):
            place = self._config.repository_target(backup.repository)
            self._details = await client.backup(place, backup.id)

    async def end(self) -> None:
        """Ends it; what its jobs have done stays done."""
        with contextlib.suppress(NotFoundError):
            await self._client().end_wizard()
        self._state = None

    # Showing

    def view(self) -> View:
        """The step as it stands."""
        case = self.case
        match self.state.step:
            case WizardStep.HAPPENED:
                return self._view_happened(case)
            case WizardStep.ASSESS:
                return assess.view(case)
            case WizardStep.CHOOSE:
                return choose.view(case)
            case WizardStep.SCOPE:
                return scope.view(case)
            case WizardStep.PLAN:
                return planned.view_plan(case)
            case WizardStep.REHEARSE:
                return planned.view_rehearsal(case)
            case WizardStep.CONFIRM:
                return done.view_confirm(case)
            case WizardStep.EXECUTE:
                return done.view_execute(case)
            case WizardStep.VERIFY:
                return done.view_verify(case)
            case WizardStep.FINISH:
                return done.view_finish(case)

    def _view_happened(self, case: Case) -> View:
        if not self.databases:
            return View(
                question="No database is known here",
                lines=(
                    Line("Neither the configuration nor a backup names one.", Tone.BAD),
                    Line("pantry-tui config init writes a configuration; BACKUP_DIR names a directory of backups."),
                ),
                options=(Option(key=done.END, label="Leave", recommended=True),),
            )
        if self.state.incident is None or (self.state.database is None and len(self.databases) == 1):
            return happened.view(case)
        return happened.view_databases(case, self.databases)

    # Answering

    async def answer(self, key: str, typed: str = "") -> None:
        """Takes an option. Raises `UsageError` for what cannot be taken, and what the runner refuses."""
        view = self.view()
        option = next((each for each in view.options if each.key == key), None)
        if option is None:
            raise UsageError(f"{key!r} is no answer to: {view.question}")
        if option.refused is not None:
            raise RefusedError(f"{option.label}: {option.refused}")
        if view.typed is not None and typed.strip() != view.typed:
            raise UsageError(f"type {view.typed} to do it")
        answers = {
            WizardStep.HAPPENED: self._happened,
            WizardStep.ASSESS: self._assessed,
            WizardStep.CHOOSE: self._chosen,
            WizardStep.SCOPE: self._scoped,
            WizardStep.PLAN: self._planned,
            WizardStep.REHEARSE: self._rehearsed,
            WizardStep.CONFIRM: self._confirmed,
            WizardStep.EXECUTE: self._executed,
            WizardStep.VERIFY: self._verified,
            WizardStep.FINISH: self._finished,
        }
        await answers[self.state.step](key, typed)
        if self._state is not None:
            await self.look()

    async def toggle(self, item: str) -> None:
        """Chooses an item of the step, or no longer."""
        chosen = set(self.state.tables) ^ {item}
        await self._put(tables=tuple(sorted(chosen)))

    async def back(self) -> None:
        """Goes to the question before, with its answer as it was; not from where something has been done."""
        step = self.state.step
        if step.place >= WizardStep.EXECUTE.place:
            raise RefusedError("this step is done; the last one offers to take it back")
        if step is WizardStep.HAPPENED:
            if self.state.incident is None:
                raise RefusedError("this is the first question")
            await self._put(incident=None)
            return
        before = _STEPS[step.place - 1]
        if step is WizardStep.CONFIRM and self.state.rehearsal is None:
            before = WizardStep.PLAN
        forgotten: dict[str, Any] = dict.fromkeys(_JOBS_BEHIND.get(before, ()))
        if before is WizardStep.HAPPENED:
            forgotten |= {"incident": None}
        await self._put(step=before, **forgotten)
        await self.look()

    async def _happened(self, key: str, typed: str) -> None:
        if key == done.END:
            await self.end()
            return
        if self.state.incident is None:
            names = self.databases
            database = self.state.database or (names[0] if len(names) == 1 else None)
            step = WizardStep.ASSESS if database is not None else WizardStep.HAPPENED
            words = happened.label(Incident(key))
            await self._put(f"What happened: {words}", incident=Incident(key), database=database, step=step)
            return
        await self._put(f"Database: {key}", database=key, step=WizardStep.ASSESS)

    async def _assessed(self, key: str, typed: str) -> None:
        if key == assess.EMERGENCY:
            job = await self._submit(lambda case, user: requests.backup_request(case, "emergency", user))
            await self._put("An emergency backup is taken first", emergency=job.id)
            return
        await self._put(step=WizardStep.CHOOSE)

    async def _chosen(self, key: str, typed: str) -> None:
        if key == choose.ANOTHER:
            await self._put(backup_id=None)
            return
        if key == choose.TRUST:
            signer = (self._details.signer if self._details is not None else None) or choose.UNSIGNED
            await self._put(f"Trusted: {signer}", trust=(*self.state.trust, signer))
        else:
            await self._put(f"Backup: {key}", backup_id=key, tables=(), validation=None, comparison=None)
            await self._read_details(self._client())
        if choose.is_doubtful(self.case):
            return
        backup = self.case.backup
        if backup is not None and choose.needs_validation(backup, self.case):
            job = await self._submit(requests.validate_request)
            await self._put(validation=job.id)
            return
        await self._to_scope()

    async def narrow(self, typed: str) -> None:
        """Only backups from before that moment (local time) can be chosen; empty: all. Raises `UsageError`."""
        if not typed.strip():
            await self._put(before=None)
            return
        try:
            moment = datetime.fromisoformat(typed.strip())
        except ValueError:
            raise UsageError(f"{typed!r} is no moment", remedy="write it as 2026-11-23 02:30") from None
        await self._put(f"Only backups from before {typed.strip()}", before=moment.astimezone(UTC))

    async def _to_scope(self) -> None:
        await self._put(step=WizardStep.SCOPE)
        case = self.case
        if not case.is_whole and case.state.incident not in GONE and assess.is_reachable(case):
            with contextlib.suppress(PantryError):  # then they are chosen without a comparison
                job = await self._submit(requests.diff_request)
                await self._put(comparison=job.id)

    async def _scoped(self, key: str, typed: str) -> None:
        if key == "skip":
            await self._cancel(self.state.comparison)
            await self._put(comparison=None)
            return
        if self.case.is_whole:
            target = scope.beside_name(self.case) if key == scope.BESIDE else None
            await self._put(f"Where to: {target or self.state.database}", target=target, strategy=Strategy.REPLACE)
        else:
            words = f"Tables: {', '.join(self.state.tables)}; {key}"
            await self._put(words, target=None, strategy=Strategy(key))
        await self._make_plan()

    async def _make_plan(self) -> None:
        job = await self._submit(requests.plan_request)
        await self._put(step=WizardStep.PLAN, plan=job.id, rehearsal=None)

    async def _planned(self, key: str, typed: str) -> None:
        if key == planned.AGAIN:
            await self._make_plan()
        elif key == planned.REHEARSE:
            await self._rehearse()
        else:
            await self._put("Without a rehearsal", step=WizardStep.CONFIRM)

    async def _rehearse(self) -> None:
        job = await self._submit(lambda case, user: requests.restore_request(case, user, dry_run=True))
        await self._put("A rehearsal", step=WizardStep.REHEARSE, rehearsal=job.id)

    async def _rehearsed(self, key: str, typed: str) -> None:
        if key == planned.AGAIN:
            await self._rehearse()
            return
        if key == planned.SKIP:
            await self._cancel(self.state.rehearsal)
        await self._put(step=WizardStep.CONFIRM)

    async def _confirmed(self, key: str, typed: str) -> None:
        job = await self._submit(requests.restore_request)
        await self._put(f"Confirmed by typing {typed.strip()}", step=WizardStep.EXECUTE, recovery=job.id)

    async def _executed(self, key: str, typed: str) -> None:
        await self._put(recovery=None)
        await self._make_plan()

    async def _verified(self, key: str, typed: str) -> None:
        await self._put(step=WizardStep.FINISH)

    async def _finished(self, key: str, typed: str) -> None:
        if key in (done.KEEP, done.END):
            await self.end()
            return
        follow_ups: dict[str, tuple[MakeRequest, str, str]] = {
            done.ROLL_BACK: (requests.rollback_request, "rollback", "Taken back"),
            done.RELEASE: (requests.release_request, "release", "The way back is let go of"),
            done.FULL: (_full_backup, "fresh", "A new full backup"),
        }
        make, name, words = follow_ups[key]
        job = await self._submit(make)
        await self._put(words, **{name: job.id})

    # What goes on by itself

    async def _go_on(self) -> None:
        state, case = self.state, self.case
        if state.step is WizardStep.ASSESS and case.succeeded(state.emergency):
            await self._put("The emergency backup is taken", step=WizardStep.CHOOSE)
        elif state.step is WizardStep.CHOOSE and self._is_valid(case):
            await self._to_scope()
        elif state.step is WizardStep.SCOPE and not state.tables and case.comparison is not None and not case.is_whole:
            await self._put(tables=scope.different_tables(case.comparison))
        elif state.step is WizardStep.EXECUTE and case.succeeded(state.recovery):
            await self._put("Recovered", step=WizardStep.VERIFY)

    @staticmethod
    def _is_valid(case: Case) -> bool:
        job = case.job(case.state.validation)
        if job is None or job.result is None or not case.succeeded(job.id) or job.backup_id != case.state.backup_id:
            return False
        return ValidationResult.from_builtins(job.result).valid

    # Doing

    async def _submit(self, make: MakeRequest) -> Job:
        case = self.case
        request = surrounded(await asyncio.to_thread(make, case, self._user), self._config)
        job = await self._client().submit(request)
        self._jobs[job.id] = job
        return job

    async def _cancel(self, job_id: str | None) -> None:
        if self.case.at_work(job_id) and job_id is not None:
            with contextlib.suppress(NotFoundError, RefusedError):  # it has ended meanwhile
                await self._client().cancel(job_id)

    async def _put(self, note: str | None = None, **changes: Any) -> None:
        notes = self.state.notes
        if note is not None:
            notes = (*notes, WizardNote(at=self._now(), who=self._user, text=note))
        wanted = msgspec.structs.replace(self.state, notes=notes, **changes)
        self._state = await self._client().put_wizard(wanted)


def _full_backup(case: Case, user: str) -> JobRequest:
    return requests.backup_request(case, "after-recovery", user)
