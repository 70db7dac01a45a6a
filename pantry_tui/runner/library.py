"""The runner's hands on repositories and catalog: one operation at a time, outside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
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
    TablePage,
    Unlocking,
)
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.repository import Repository

Answer = TypeVar("Answer")

# What one answer may hold of a table: a runner must stay small whatever somebody's rows are like.
MOST_ROWS = 200
PAGE_BYTES = 4 * 1024 * 1024


class Library:
    """Backups as the runner lists, shows, marks and deletes them."""

    def __init__(self, catalog: Catalog, data_directory: Path) -> None:
        """``data_directory``: whose key signs marks and tombstones, and whose signers are believed."""
        self._catalog = catalog
        self._data_directory = data_directory
        self._one_at_a_time = asyncio.Lock()

    async def backups(self, target: RepositoryTarget, database: str | None, limit: int | None) -> list[BackupSummary]:
        """The backups of a repository as it is now, newest first."""

        def read() -> list[BackupSummary]:
            self._catalog.refresh(self._repository(target))
            return self._catalog.backups(repository=target.location, database=database, limit=limit)

        return await self._alone(read)

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

        await self._alone(delete)

    async def mark(self, target: RepositoryTarget, backup_id: str, request: MarkRequest, *, by: str) -> BackupSummary:
        """Pins or labels a backup. Raises `NotFoundError`, `UsageError`, `BackupDamagedError`, `StorageError`."""
        marked = await self._alone(lambda: self._repository(target).mark(backup_id, request, by=by))
        await self.take_note(target)
        return marked

    async def check(self, targets: Sequence[RepositoryTarget]) -> list[str]:
        """What is wrong with the catalog, in words."""
        return await self._alone(lambda: self._catalog.check([self._repository(target) for target in targets]))

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

        return await self._alone(rebuild)

    async def clean(self, target: RepositoryTarget) -> list[str]:
        """Removes what cut-off backups left behind and returns its names; a repository that is away is left alone."""

        def clean() -> list[str]:
            try:
                return self._repository(target).clean_leftovers()
            except PantryError:
                return []

        return await self._alone(clean)

    async def take_note(self, target: RepositoryTarget) -> None:
        """Lists what a finished job has changed. Where that fails the next list finds it: the catalog is a cache."""

        def refresh() -> None:
            with contextlib.suppress(PantryError):
                self._catalog.refresh(self._repository(target))

        await self._alone(refresh)

    def _repository(self, target: RepositoryTarget) -> Repository:
        return open_repository(target, self._data_directory)

    async def _alone(self, work: Callable[[], Answer]) -> Answer:
        async with self._one_at_a_time:
            return await asyncio.to_thread(work)
