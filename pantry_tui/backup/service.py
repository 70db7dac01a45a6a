"""Taking a backup."""

from __future__ import annotations

import msgspec

from pantry_tui.backup.options import check_options
from pantry_tui.backup.run import BackupRun
from pantry_tui.errors import (
    BaseUnusableError,
    DatabaseChangedError,
    LockTimeoutError,
    ServerError,
    TooManyConnectionsError,
)
from pantry_tui.events import Listener, Logged, Warned
from pantry_tui.models import BackupKind, BackupRequest, BackupSummary
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.repository.opening import local_repository

ATTEMPTS = 3


async def take_backup(request: BackupRequest, listener: Listener) -> BackupSummary:
    """Takes a backup and publishes it; nothing is left of one that fails.

    A lock that some migration holds, or a table that goes away while it is read, makes the whole run start again, three times
    at most: a backup that leaves a table out is none. Where the server has no connection left, it starts with fewer workers.
    Raises `UsageError`, `ServerError` and its kin, `StorageError`, and `ConfigError` for a signing key that cannot be used.
    """
    check_options(request)
    repository = local_repository(request.repository, request.data_directory)
    signer = repository.authority.key.signer  # before any work: what cannot be signed is not published
    repository.prepare()
    listener(Logged(message=f"the backup will be signed by {signer.fingerprint}"))
    instead_of: str | None = None
    attempt = 1
    while True:
        try:
            manifest = await BackupRun(request, repository, listener, instead_of=instead_of).run()
            break
        except BaseUnusableError as error:
            if not request.or_full or request.kind is not BackupKind.INCREMENTAL:
                raise
            request, instead_of = msgspec.structs.replace(request, kind=BackupKind.FULL, base=None), error.message
            listener(Warned(message=f"{error.message}; taking a full backup"))
        except ServerError as error:
            if attempt == ATTEMPTS or not _can_pass(error):
                raise
            if isinstance(error, TooManyConnectionsError):
                request = _with_fewer_workers(request)
            attempt += 1
            listener(Warned(message=f"{error.message}; starting again ({attempt} of {ATTEMPTS})"))
    return repository.summary(manifest.id)


def _can_pass(error: ServerError) -> bool:
    """Whether the same may well succeed in a moment: a lock, a migration, a standby that had to apply changes."""
    passing = isinstance(error, LockTimeoutError | DatabaseChangedError | TooManyConnectionsError)
    return passing or "conflict with recovery" in (error.detail or "")


def _with_fewer_workers(request: BackupRequest) -> BackupRequest:
    """A third as many: the second try shall need clearly fewer connections, the third hardly more than one."""
    jobs = request.jobs or default_worker_count()
    return msgspec.structs.replace(request, jobs=max(1, jobs // 3))
