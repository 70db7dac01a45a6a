"""The base that an incremental backup names, as it lies in the same repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import BackupDamagedError, BaseUnusableError, NotFoundError

if TYPE_CHECKING:
    from pantry_tui.repository.repository import Repository


def base_of(repository: Repository, manifest: Manifest) -> Manifest:
    """The manifest of an incremental backup's base. Raises `BackupDamagedError` when it is missing or another one."""
    assert manifest.base is not None  # of an incremental
    try:
        stored = repository.stored_manifest(manifest.base.id)
    except NotFoundError as error:
        raise BackupDamagedError(
            f"backup {manifest.id} builds on {manifest.base.id}, which the repository {repository.name} does not have",
            remedy="put the base back; without it only other backups can be restored",
        ) from error
    if stored.link.sha256 != manifest.base.sha256:
        raise BackupDamagedError(
            f"backup {manifest.id} builds on {manifest.base.id} as it was, whose manifest has been exchanged since",
            remedy="put the base's own files back, or restore from another backup",
        )
    return stored.decode()


def require_base(repository: Repository, manifest: Manifest) -> None:
    """Checks that the base of a backup to be published is still there, if it has one; raises `BaseUnusableError`.

    To be called under the repository's lock: until the backup is published, nothing keeps anybody from deleting its base.
    """
    if manifest.base is None:
        return
    try:
        base_of(repository, manifest)
    except BackupDamagedError as error:
        raise BaseUnusableError(
            f"backup {manifest.base.id} cannot be the base: it was deleted or exchanged during the backup",
            remedy="take the backup again, or a full one",
            detail=error.message,
        ) from error
