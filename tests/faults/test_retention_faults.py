"""Retention cut off or failing at any file operation: what is kept stays whole, and no backup is left without its base."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.manifest import BaseBackup
from pantry_tui.catalog.catalog import Catalog
from pantry_tui.models import BackupKind, RetentionPolicy, RetentionReport, ScopedPolicy
from pantry_tui.repository.local import LocalRepository, new_backup_id
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.library import Library
from pantry_tui.runner.retaining import Retention
from tests.faults.injection import Failure, FileFaults, faults
from tests.unit.repository.samples import NOON, installation, local_repository, manifest_of, publish_backup

__all__ = ["faults"]

POLICY = [ScopedPolicy(policy=RetentionPolicy(count=2))]


def publish_incremental(repository: LocalRepository, base: str) -> str:
    """A backup that names its base; as far as files go, like any other."""
    backup_id = new_backup_id("hourly", NOON + timedelta(hours=1))
    manifest = manifest_of(backup_id, content={})
    sha256 = repository.stored_manifest(base).link.sha256
    staged = repository.begin(backup_id)
    try:
        named = msgspec.structs.replace(
            manifest, kind=BackupKind.INCREMENTAL, base=BaseBackup(id=base, sha256=sha256), bytes=0
        )
        repository.publish(staged, named)
    finally:
        staged.release()
    return backup_id


def apply(repository: LocalRepository) -> RetentionReport:
    """What a runner does."""
    directory = installation(repository.directory)
    with Catalog(directory) as catalog:
        retention = Retention(directory, Library(catalog, directory), AuditTrail(directory), lambda place, backup: None)
        return asyncio.run(retention.apply(repository.target, POLICY, who="anna"))


@pytest.mark.parametrize(
    "failure",
    [
        Failure.DIES,
        pytest.param(Failure.BROKEN_DISK, marks=pytest.mark.slow),
        pytest.param(Failure.NO_SPACE, marks=pytest.mark.slow),
    ],
    ids=lambda each: each.name,
)
def test_any_operation_may_fail_or_be_the_last(tmp_path: Path, faults: FileFaults, failure: Failure) -> None:
    for at in itertools.count(1):
        repository = local_repository(tmp_path / str(at) / "backups")
        base = publish_backup(repository, at=NOON)
        child = publish_incremental(repository, base)
        kept = [publish_backup(repository, at=NOON + timedelta(hours=hour)) for hour in (2, 3)]

        outcome = faults.run(lambda place=repository: apply(place), at=at, failure=failure)  # type: ignore[misc]

        left = repository.ids()
        assert set(kept) <= set(left)
        assert child not in left or base in left
        assert [problem for one in kept for problem in repository.problems(one)] == []
        repository.clean_leftovers()
        apply(repository)
        assert sorted(repository.ids()) == sorted(kept)
        assert repository.signature_problems() == []
        if not outcome.reached:
            assert at > 20
            return
