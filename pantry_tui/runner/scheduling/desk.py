"""What can be asked about schedules, and changed."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import PantryError, RefusedError, UsageError
from pantry_tui.models import ExpectedRun, Job, Schedule, ScheduleStatus, utc_now
from pantry_tui.repository.ids import slug
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.scheduling.loop import Scheduler
from pantry_tui.runner.scheduling.references import (
    database_of,
    repository_of,
    unknown_names,
    with_database,
    with_repository,
)
from pantry_tui.runner.scheduling.wishes import check_wishes, unmet_wishes
from pantry_tui.runner.scheduling.work import ScheduledWork
from pantry_tui.schedule.checking import check_schedule
from pantry_tui.schedule.showing import status_of


class ScheduleDesk:
    """The schedules of one data directory, as the faces see them."""

    def __init__(
        self,
        catalog: Catalog,
        scheduler: Scheduler,
        work: ScheduledWork,
        audit: AuditTrail,
        configuration: Callable[[], Config],
    ) -> None:
        self._catalog = catalog
        self._scheduler = scheduler
        self._work = work
        self._audit = audit
        self._configuration = configuration
        self.changed: list[Callable[[], None]] = []  # who hears that schedules are no longer as they were

    def statuses(self) -> list[ScheduleStatus]:
        """All schedules, by name."""
        return [self._status(schedule) for schedule in self._catalog.schedules()]

    def deleted(self) -> list[Schedule]:
        """Those that were deleted, by name."""
        return self._catalog.deleted_schedules()

    def require_all_known(self) -> None:
        """Raises `RefusedError` where schedules may be missing: nobody knows then how long their backups are kept."""
        if problems := self._catalog.schedule_problems:
            raise RefusedError(
                "nothing is deleted while it is not certain that all schedules are known",
                remedy="see what `pantry-tui catalog check` says; `pantry-tui catalog rebuild` brings schedules back "
                "from their copies in the repositories",
                detail="\n".join(problems),
            )

    def bring_back(self, lost: list[Schedule], who: str) -> list[Schedule]:
        """Takes in schedules that were lost here, from copies of them, and returns those. Raises `StorageError`."""
        found = self._catalog.bring_back_schedules(lost)
        for schedule in found:
            self._audit.note(who, "schedule.bring_back", schedule.id, "done", {"name": schedule.name})
            with contextlib.suppress(UsageError):  # of a zone that this machine does not know: `schedule list` shows it
                self._scheduler.expect(schedule)
        self._changed()
        return found

    def status(self, reference: str) -> ScheduleStatus:
        """One schedule by its id or name. Raises `NotFoundError`."""
        return self._status(self._catalog.schedule(reference))

    def complaints(self) -> list[str]:
        """What schedules name and the configuration does not have, in words. Raises `ConfigError` where there is none."""
        config = self._configuration()
        return [
            f"schedule {schedule.name}: {words}"
            for schedule in self._catalog.schedules()
            for words in (*unknown_names(schedule, config), *unmet_wishes(schedule, config))
        ]

    def runs(self, reference: str | None, limit: int) -> list[ExpectedRun]:
        """The runs of one schedule, or of all, those due last first. Raises `NotFoundError`."""
        schedule_id = self._catalog.schedule(reference).id if reference is not None else None
        return self._catalog.runs(schedule_id, limit)

    async def create(self, draft: Schedule, who: str) -> Schedule:
        """Takes a schedule in and gives it an id. Raises `UsageError`, `ConfigError`, `NotFoundError`, `StorageError`."""
        now = utc_now()
        made = msgspec.structs.replace(
            self._checked(draft),
            id=f"{slug(draft.name)}-{secrets.token_hex(2)}",
            created_at=now,
            changed_at=now,
            created_by=who,
            databases_seen=(),
        )
        self._put("schedule.create", made, who, before=None)
        return made

    async def replace(self, reference: str, draft: Schedule, who: str) -> Schedule:
        """Changes a schedule into ``draft``; its id and beginning stay. Raises as `create` does."""
        before = self._catalog.schedule(reference)
        made = msgspec.structs.replace(
            self._checked(draft, before=before),
            id=before.id,
            created_at=before.created_at,
            created_by=before.created_by,
            changed_at=utc_now(),
            databases_seen=before.databases_seen if before.database == draft.database else (),
        )
        self._put("schedule.edit", made, who, before=before)
        return made

    async def enable(self, reference: str, who: str, *, enabled: bool) -> Schedule:
        """Has a schedule run again, or no more. Raises `NotFoundError`, `StorageError`."""
        before = self._catalog.schedule(reference)
        made = msgspec.structs.replace(before, enabled=enabled, changed_at=utc_now())
        self._put("schedule.enable" if enabled else "schedule.disable", made, who, before=before)
        return made

    async def delete(self, reference: str, who: str) -> None:
        """Deletes a schedule; its backups stay as long as it said. Raises `NotFoundError`, `StorageError`."""
        schedule = self._catalog.schedule(reference)
        self._audit.append(who, "schedule.delete", schedule.id, "accepted", {"name": schedule.name})
        self._scheduler.retire(schedule)
        self._catalog.remove_schedule(schedule.id)
        self._changed()

    async def execute(self, reference: str, who: str) -> list[Job]:
        """Has the jobs of a schedule done now, disabled or not; its next run stays when it is.

        Raises `NotFoundError`, `ConfigError`, `ServerError` and its kin, `StorageError`. Where that is so for some of its
        databases alone, those of the others are begun all the same, which the error says.
        """
        schedule = self._catalog.schedule(reference)
        tasks = await self._work.all_tasks(schedule)
        self._audit.note(who, "schedule.execute", schedule.id, "accepted", {"name": schedule.name})
        jobs: list[Job] = []
        refusals: list[tuple[str, PantryError]] = []
        for database, request in tasks:
            try:
                if isinstance(request, PantryError):
                    raise request
                asked = msgspec.structs.replace(request, started_by=who)
                jobs.append(await self._work.submit(database, asked, schedule, None))
            except PantryError as error:
                refusals.append((database, error))
        if refusals:
            raise _refusal(refusals, jobs)
        return jobs

    def _checked(self, draft: Schedule, *, before: Schedule | None = None) -> Schedule:
        check_schedule(draft)
        for other in self._catalog.schedules():
            if other.name == draft.name and (before is None or other.id != before.id):
                raise UsageError(
                    f"there is a schedule {draft.name!r} already", remedy="choose another name, or edit that one"
                )
        config = self._configuration()
        found = with_database(draft, config) if draft.database is None and not draft.address else draft
        found = with_repository(found, config) if draft.repository is None else found
        check_wishes(found, config)
        target = database_of(found, config)
        if found.kind.takes_backup:
            from pantry_tui.artifact.age.parsing import parse_recipient
            from pantry_tui.backup.options import check_options
            from pantry_tui.runner.scheduling.work import backup_request

            for number, recipient in enumerate(found.recipients, start=1):
                parse_recipient(recipient, key=f"recipient {number} of the schedule")
            check_options(backup_request(found, config, repository_of(found, config), target))
        return found

    def _put(self, action: str, schedule: Schedule, who: str, *, before: Schedule | None) -> None:
        details = {
            "name": schedule.name,
            "cron": schedule.cron,
            "timezone": schedule.timezone,
            "kind": schedule.kind.value,
        }
        self._audit.append(who, action, schedule.id, "accepted", details)
        if before is not None:
            self._scheduler.retire(before)
        self._catalog.put_schedule(schedule)
        self._scheduler.expect(schedule)
        self._changed()

    def _changed(self) -> None:
        for listener in self.changed:
            listener()

    def _status(self, schedule: Schedule) -> ScheduleStatus:
        return status_of(
            schedule, self._catalog.runs(schedule.id), utc_now(), running=self._scheduler.is_at_work(schedule.id)
        )


def _refusal(refusals: list[tuple[str, PantryError]], jobs: list[Job]) -> PantryError:
    """The first refusal, with what became of the other databases."""
    _, first = refusals[0]
    lines = [f"{database}: {error.message}" for database, error in refusals[1:]]
    lines += [f"{job.database}: job {job.id} was begun" for job in jobs]
    detail = "\n".join(filter(None, [first.detail, *lines])) or None
    return type(first)(first.message, remedy=first.remedy, detail=detail)
