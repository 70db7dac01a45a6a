"""The runner's hands on repositories and catalog: outside the event loop, one operation at a time on each repository."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import PantryError, StorageError
from pantry_tui.models import (
    PEEK_ROWS,
    BackupDetails,
    BackupDiff,
    BackupSummary,
    CatalogRebuild,
    MarkRequest,
    RepositoryTarget,
    Schedule,
    TablePage,
    Unlocking,
)
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.schedule_copies import copies_of_others, keep_copy, own_copy

Answer = TypeVar("Answer")

# What one answer may hold of a table: a runner must stay small whatever somebody's rows are like.
MOST_ROWS = 200
CLEAN_SECONDS = 60.0  # for a repository to answer where nobody must wait for it
PAGE_BYTES = 4 * 1024 * 1024


class Library:
    """Backups as the runner lists, shows, marks and deletes them."""

    def __init__(self, catalog: Catalog, data_directory: Path) -> None:
        """``data_directory``: whose key signs marks and tombstones, and whose signers are believed."""
        self._catalog = catalog
        self._data_directory = data_directory
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by the repository's location

    async def backups(self, target: RepositoryTarget, database: str | None, limit: int | None) -> list[BackupSummary]:
        """The backups of a repository as it is now, newest first."""

        def read() -> list[BackupSummary]:
            self._catalog.refresh(self._repository(target))
            return self._catalog.backups(repository=target.location, database=database, limit=limit)

        return await self._alone([target], read)

    async def backup(self, target: RepositoryTarget, reference: str) -> BackupDetails:
        """Everything about one backup. Raises `NotFoundError`, `BackupDamagedError`."""
        repository = self._repository(target)
        return await asyncio.to_thread(lambda: repository.details(repository.resolve(reference)))

    async def peek(
        self,
        target: RepositoryTarget,
        reference: str,
        table: str,
        *,
        limit: int | None,
        skip: int,
        unlocking: Unlocking,
    ) -> TablePage:
        """Some rows of a table out of a backup, long values shortened. Raises what `peek_table` does."""
        from pantry_tui.backup.peek import peek_table

        limit = min(limit or PEEK_ROWS, MOST_ROWS)
        return await peek_table(
            target,
            reference,
            table,
            limit=limit,
            skip=skip,
            page_bytes=PAGE_BYTES,
            unlocking=unlocking,
            data_directory=self._data_directory,
        )

    async def diff(self, target: RepositoryTarget, reference: str, other: str) -> BackupDiff:
        """Two backups compared. Raises what `compare_backups` does."""
        from pantry_tui.backup.diff import compare_backups

        return await compare_backups(target, reference, other)

    async def resolve(self, target: RepositoryTarget, reference: str) -> str:
        """The id that a prefix or `latest` means. Raises `NotFoundError`."""
        return await asyncio.to_thread(self._repository(target).resolve, reference)

    async def delete(self, target: RepositoryTarget, backup_id: str, *, by: str, force: bool) -> None:
        """Deletes a backup. Raises `NotFoundError`, `RefusedError`, `StorageError`."""

        def delete() -> None:
            repository = self._repository(target)
            repository.delete(backup_id, by=by, force=force)
            with contextlib.suppress(StorageError):  # it is gone all the same, which the next list finds
                self._catalog.deleted(repository, backup_id)

        await self._alone([target], delete)

    async def mark(self, target: RepositoryTarget, backup_id: str, request: MarkRequest, *, by: str) -> BackupSummary:
        """Pins or labels a backup. Raises `NotFoundError`, `UsageError`, `BackupDamagedError`, `StorageError`."""
        marked = await self._alone([target], lambda: self._repository(target).mark(backup_id, request, by=by))
        await self.take_note(target)
        return marked

    async def check(self, targets: Sequence[RepositoryTarget]) -> list[str]:
        """What is wrong with the catalog, in words."""
        return await self._alone(targets, lambda: self._catalog.check([self._repository(target) for target in targets]))

    async def rebuild(self, targets: Sequence[RepositoryTarget], *, by: str, force: bool = False) -> CatalogRebuild:
        """Makes the catalog anew. Raises `StorageError` for a listed repository that is missing, unless ``force``.

        With ``force`` backups that somebody removed, and that others name, are forgotten too: ``by`` whom stands in their
        tombstones.
        """
        repositories = [self._repository(target) for target in targets]

        def rebuild() -> CatalogRebuild:
            made = self._catalog.rebuild(repositories, force=force)
            missing = [found for each in repositories for found in each.forget_missing(by=by)] if force else []
            return msgspec.structs.replace(made, forgotten=tuple(dict.fromkeys((*made.forgotten, *missing))))

        return await self._alone(targets, rebuild)

    async def clean(self, target: RepositoryTarget) -> list[str]:
        """Removes what cut-off backups left behind and returns its names; a repository that is away is left alone."""

        def clean() -> list[str]:
            try:
                return self._repository(target).clean_leftovers()
            except PantryError:
                return []

        return await self._alone([target], clean)

    async def take_note(self, target: RepositoryTarget) -> None:
        """Lists what a finished job has changed, and keeps the schedules there.

        Where that fails the next list finds it, or the next job does it: the catalog is a cache.
        """

        def refresh() -> None:
            with contextlib.suppress(PantryError):
                self._catalog.refresh(self._repository(target))
            with contextlib.suppress(PantryError):
                self._keep_schedules(target)

        await self._alone([target], refresh)

    async def keep_schedules(self, target: RepositoryTarget) -> None:
        """Keeps a copy of the schedules in a repository that is there. Raises `StorageError` and its kin."""
        await self._alone([target], lambda: self._keep_schedules(target))

    async def lost_schedules(self, targets: Sequence[RepositoryTarget]) -> list[Schedule]:
        """Those that copies in repositories have and the catalog does not.

        Where this data directory's own key has signed no copy (it is a new one), those of others whom it trusts, disabled:
        their owners may be at work still. A repository that cannot be read has none.
        """

        def look() -> list[Schedule]:
            known = {schedule.id for schedule in self._known_schedules()}
            own: dict[str, Schedule] = {}
            others: dict[str, Schedule] = {}
            for target in targets:
                with contextlib.suppress(PantryError):
                    own |= {schedule.id: schedule for schedule in own_copy(self._repository(target))}
                with contextlib.suppress(PantryError):
                    others |= {schedule.id: schedule for schedule in copies_of_others(self._repository(target))}
            disabled = {name: msgspec.structs.replace(found, enabled=False) for name, found in others.items()}
            return [schedule for name, schedule in sorted((own or disabled).items()) if name not in known]

        return await self._alone(targets, look)

    def _keep_schedules(self, target: RepositoryTarget) -> None:
        if (schedules := self._known_schedules()) and not self._catalog.schedule_problems:
            keep_copy(self._repository(target), schedules)

    def _known_schedules(self) -> list[Schedule]:
        return [*self._catalog.schedules(), *self._catalog.deleted_schedules()]

    def _repository(self, target: RepositoryTarget) -> Repository:
        return open_repository(target, self._data_directory)

    async def _alone(self, targets: Sequence[RepositoryTarget], work: Callable[[], Answer]) -> Answer:
        """Works on these repositories while nobody else here does; one that does not answer holds up no other.

        Who is cancelled leaves the work to end by itself, and others of that repository to wait for that.
        """
        return await asyncio.shield(asyncio.create_task(self._with_locks(targets, work)))

    async def _with_locks(self, targets: Sequence[RepositoryTarget], work: Callable[[], Answer]) -> Answer:
        async with contextlib.AsyncExitStack() as locks:
            for location in sorted({target.location for target in targets}):
                await locks.enter_async_context(self._locks[location])
            return await asyncio.to_thread(work)
