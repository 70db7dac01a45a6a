"""Copies, as the tests make them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pantry_tui.backup import copying
from pantry_tui.backup.copying import copy_backup
from pantry_tui.events import Event
from pantry_tui.models import CopyCheck, CopyRequest, CopyResult, RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.repository import Repository
from tests.unit.repository.samples import installation


def opened(target: RepositoryTarget, beside: LocalRepository) -> Repository:
    """A repository, as the data directory of ``beside`` sees it."""
    return open_repository(target, installation(beside.directory))


async def copied(
    source: LocalRepository,
    destination: RepositoryTarget,
    backup_id: str | None = "latest",
    *,
    check: CopyCheck = CopyCheck.SAMPLE,
    events: list[Event] | None = None,
    out_of: RepositoryTarget | None = None,
    recheck: int = 0,
) -> CopyResult:
    """Copies a backup, or with None all that are missing; ``out_of`` another place than ``source`` itself."""
    request = CopyRequest(
        repository=out_of or source.target,
        destination=destination,
        backup_id=backup_id,
        check=check,
        recheck=recheck,
        data_directory=str(installation(source.directory)),
    )
    return await copy_backup(request, (events if events is not None else []).append)


def files_of(directory: Path) -> dict[str, bytes]:
    """What is in a backup's directory, without locks and records."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith((".", "copy-", "received-"))
    }


@contextmanager
def small_parts(monkeypatch: pytest.MonkeyPatch, size: int) -> Iterator[None]:
    """Parts of so many bytes, so that small files have many."""
    from pantry_tui.repository.objects import receiving

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "PART_BYTES", size)
        yield


def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next attempt comes at once."""
    monkeypatch.setattr(copying, "PAUSE_SECONDS", 0.0)
