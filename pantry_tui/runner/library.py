"""The runner's hands on repositories and catalog: one operation at a time, outside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import PantryError
from pantry_tui.models import (
    BackupDetails,
    BackupRequest,
    BackupSummary,
    JobRequest,
    RepositoryTarget,
    RestoreRequest,
    RestoreResult,
    ValidateRequest,
    ValidationResult,
    utc_now,
)
from pantry_tui.repository.local import LocalRepository, ProofRecord

Answer = TypeVar("Answer")

_MOST_PROBLEMS = 20  # in a record; the validation itself reports all


class Library:
    """Backups as the runner lists, shows, deletes and annotates them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._one_at_a_time = asyncio.Lock()

    async def backups(self, target: RepositoryTarget, database: str | None, limit: int | None) -> list[BackupSummary]:
        """The backups of a repository as it is now, newest first."""

        def read() -> list[BackupSummary]:
            self._catalog.refresh(LocalRepository(target))
            return self._catalog.backups(repository=target.location, database=database, limit=limit)

        return await self._alone(read)

    async def backup(self, target: RepositoryTarget, reference: str) -> BackupDetails:
        """Everything about one backup. Raises `NotFoundError`, `BackupDamagedError`."""
        repository = LocalRepository(target)
        return await asyncio.to_thread(lambda: repository.details(repository.resolve(reference)))

    async def resolve(self, target: RepositoryTarget, reference: str) -> str:
        """The id that a prefix or `latest` means. Raises `NotFoundError`."""
        return await asyncio.to_thread(LocalRepository(target).resolve, reference)

    async def delete(self, target: RepositoryTarget, backup_id: str, *, force: bool) -> None:
        """Deletes a backup. Raises `NotFoundError`, `RefusedError`, `StorageError`."""

        def delete() -> None:
            repository = LocalRepository(target)
            repository.delete(backup_id, force=force)
            self._catalog.refresh(repository)

        await self._alone(delete)

    async def check(self, targets: Sequence[RepositoryTarget]) -> list[str]:
        """What is wrong with the catalog, in words."""
        return await self._alone(lambda: self._catalog.check([LocalRepository(target) for target in targets]))

    async def rebuild(self, targets: Sequence[RepositoryTarget]) -> int:
        """Makes the catalog anew and returns how many backups it has."""
        return await self._alone(lambda: self._catalog.rebuild([LocalRepository(target) for target in targets]))

    async def clean(self, target: RepositoryTarget) -> list[str]:
        """Removes what cut-off backups left behind and returns its names; a repository that is away is left alone."""

        def clean() -> list[str]:
            try:
                return LocalRepository(target).clean_leftovers()
            except PantryError:
                return []

        return await self._alone(clean)

    async def record_success(self, request: JobRequest, result: dict[str, object]) -> None:
        """Writes down what a finished job proved, and lists its backup."""

        def record() -> None:
            repository = LocalRepository(request.repository)
            if not isinstance(request, BackupRequest):
                proof = _proof(request, result)
                if proof is not None:
                    repository.add_record(*proof)
            self._catalog.refresh(repository)

        await self._alone(record)

    async def _alone(self, work: Callable[[], Answer]) -> Answer:
        async with self._one_at_a_time:
            return await asyncio.to_thread(work)


def _proof(request: ValidateRequest | RestoreRequest, result: dict[str, object]) -> tuple[str, ProofRecord] | None:
    if isinstance(request, ValidateRequest):
        validation = ValidationResult.from_builtins(result)
        details = {
            "problems": list(validation.problems[:_MOST_PROBLEMS]),
            "bytes_read": validation.bytes_read,
            "rows": validation.rows,
            "duration_seconds": validation.duration_seconds,
            "by": request.started_by,
        }
        return validation.backup_id, ProofRecord(
            kind="validation", at=validation.validated_at, ok=validation.valid, details=details
        )
    restore = RestoreResult.from_builtins(result)
    whole = not request.tables and not restore.dry_run
    if not (whole and restore.validation.performed and restore.validation.equal):
        return None
    details = {
        "target": restore.target,
        "tables": restore.validation.tables_compared,
        "duration_seconds": restore.duration_seconds,
        "verification_seconds": restore.verification_seconds,
        "by": request.started_by,
    }
    return restore.backup_id, ProofRecord(kind="restore", at=utc_now(), ok=True, details=details)
