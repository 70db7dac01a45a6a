"""A dump that somebody brought: found by its path or in its repository, and read in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.foreign.opening import ForeignDirectory, ForeignFile, opened_dump
from pantry_tui.artifact.foreign.script import Inspected
from pantry_tui.artifact.opened import Place
from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.errors import BackupDamagedError, UsageError
from pantry_tui.models import ForeignRestoreRequest
from pantry_tui.recovery.committing import take_back_cancellation
from pantry_tui.repository.opening import open_repository

Answer = TypeVar("Answer")

STOPPING_SECONDS = 0.2  # between two requests to the server to end its statement


class Brought(NamedTuple):
    """A dump where it lies. ``digest``: of the script that was found in it when it was taken into the repository."""

    file: ForeignFile | ForeignDirectory
    place: Path | Place
    backup_id: str | None = None
    digest: str | None = None

    def require(self, inspected: Inspected) -> None:
        """Raises `BackupDamagedError` for another script than that which was taken in."""
        if self.digest not in (None, inspected.digest.hex()):
            raise BackupDamagedError(
                f"backup {self.backup_id}: {self.place.name} is not the dump that was taken in",
                remedy="no part of it was run; bring the dump again, or see who writes into the repository",
            )


def brought(request: ForeignRestoreRequest) -> Brought:
    """Finds the dump.

    Raises `UsageError` where neither path nor backup is named, `NotFoundError`, `UntrustedSignerError`, and what opening does.
    """
    identities = identities_of(request.unlocking)
    if request.path is not None:
        path = Path(request.path)
        return Brought(opened_dump(path, identities), path)
    if request.repository is None or request.backup_id is None:
        raise UsageError("no dump is named", remedy="name one by its path, or by its repository and id")
    require_fingerprints(request.trust)
    repository = open_repository(request.repository, request.data_directory)
    manifest, _ = repository.trusted_manifest(repository.resolve(request.backup_id), besides=request.trust)
    if manifest.foreign is None:
        raise UsageError(f"backup {manifest.id} is no dump of others", remedy="restore it as a backup")
    place = repository.place(manifest.id, manifest.file("artifact").name)
    file = ForeignFile(Content.unlock(place, identities), place.name)
    return Brought(file, place, manifest.id, manifest.foreign.script_sha256)


async def in_thread(
    work: Callable[[], Answer],
    stop: threading.Event,
    cancel: Callable[[], None] | None = None,
    *,
    too_late: Callable[[], None] | None = None,
) -> Answer:
    """Does the work in a thread, and waits for the thread's end also when this is cancelled: ``stop`` tells it so.

    With ``too_late`` work that was done all the same counts: that is called then, and the cancellation taken back.
    """
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        while not task.done():
            if cancel is not None:
                cancel()
            await asyncio.wait([task], timeout=STOPPING_SECONDS)
        if task.exception() is None and too_late is not None:
            take_back_cancellation()
            too_late()
            return task.result()
        raise  # whatever the work ended with: nobody waits for it any more
