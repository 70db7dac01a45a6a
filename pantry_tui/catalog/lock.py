"""The catalog has one writer at a time: who holds the lock file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pantry_tui.artifact.files import FILE_MODE, storage_errors
from pantry_tui.artifact.private import prepare_private_directory
from pantry_tui.errors import RunnerBusyError


class WriterLock:
    """An flock, taken with the first write and held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Takes the lock; True when it was not held before, so that somebody else may have written since.

        Raises `RunnerBusyError` when another process has it, and what `prepare_private_directory` raises.
        """
        if self._descriptor is not None:
            return False
        prepare_private_directory(self.path.parent, "the data directory")
        with storage_errors(self.path, "locking the catalog"):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise RunnerBusyError(
                f"another process writes the catalog in {self.path.parent}",
                remedy="let that runner do the work (pantry-tui runner status shows it), or stop it first",
            ) from error
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Gives the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
