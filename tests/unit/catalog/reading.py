"""A repository whose reading is watched, and what a catalog lists."""

from __future__ import annotations

import os
from pathlib import Path

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.catalog.catalog import Catalog
from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from tests.unit.repository.samples import installation


class ReadingRepository(LocalRepository):
    """A repository that says which manifests were read."""

    def __init__(self, directory: Path, name: str = "main") -> None:
        super().__init__(RepositoryTarget(name=name, location=str(directory)), installation(directory))
        self.read: list[str] = []

    def manifest(self, backup_id: str) -> Manifest:
        self.read.append(backup_id)
        return super().manifest(backup_id)

    def take_read(self) -> list[str]:
        read, self.read = self.read, []
        return read


def ids(catalog: Catalog, *, repository: str | None = None, database: str | None = None) -> list[str]:
    return [summary.id for summary in catalog.backups(repository=repository, database=database)]


def age(repository: LocalRepository) -> None:
    """Makes every backup's directory look as if nothing happened to it lately."""
    for backup_id in repository.ids():
        os.utime(repository.path(backup_id), (1_700_000_000, 1_700_000_000))
