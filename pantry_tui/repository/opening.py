"""From a target to its repository: a directory, or an object store, whose client is loaded only for one."""

from __future__ import annotations

from pathlib import Path

from pantry_tui.errors import RefusedError
from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.repository import Repository


def open_repository(target: RepositoryTarget, data_directory: str | Path | None = None) -> Repository:
    """The repository at that place; nothing is looked at yet. ``data_directory`` is as for `Repository`.

    Raises `ConfigError` for an object store whose credentials cannot be had.
    """
    if target.store is None:
        return LocalRepository(target, data_directory)
    from pantry_tui.repository.objects.repository import ObjectRepository  # loads obstore, 50 ms

    return ObjectRepository(target, data_directory)


def local_repository(target: RepositoryTarget, data_directory: str | Path | None = None) -> LocalRepository:
    """The same for a directory, into which backups are taken. Raises `RefusedError` for an object store."""
    if target.store is not None:
        raise RefusedError(
            f"the repository {target.name} is an object store ({target.location}), and backups are taken into a directory",
            remedy="take it into a directory and have it copied: pantry-tui backup copy, or copy_to in the configuration",
        )
    return LocalRepository(target, data_directory)
