"""One runner per data directory: an flock(2) on a file in it.

The kernel drops the lock with the process that holds it, however that ends, so a lock can never be stale; what the file
says (who, since when, at which socket) serves messages and clients only. The file is never removed: a second process
could otherwise lock a file that no longer has a name.
"""

from __future__ import annotations

import fcntl
import os
import time
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.errors import RunnerBusyError, StorageError
from pantry_tui.models import Model, utc_now
from pantry_tui.version import __version__

LOCK_NAME = "runner.lock"
PATIENCE_SECONDS = 1.0  # who only looks holds a lock for some milliseconds; another runner holds it for long


class Holder(Model, frozen=True, kw_only=True):
    """Who holds the lock, or held it last."""

    pid: int
    started_at: datetime
    version: str
    socket: str


def last_holder(directory: Path) -> Holder | None:
    """What the lock file says; it outlives its writer, so only an answer at the socket proves a runner."""
    try:
        return Holder.from_json((directory / LOCK_NAME).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_held(directory: Path) -> bool:
    """Whether some process works on the data directory now."""
    path = directory / LOCK_NAME
    try:
        with storage_errors(path, "looking for a runner"):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return False
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class RunnerLock:
    """The right to work on a data directory, held until `release` or the end of the process."""

    def __init__(self, directory: Path, descriptor: int) -> None:
        self._directory = directory
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, directory: Path, *, patience_seconds: float = PATIENCE_SECONDS) -> RunnerLock:
        """Takes the lock. Raises `RunnerBusyError`, naming the holder, when another process has it."""
        path = directory / LOCK_NAME
        with storage_errors(path, "locking the data directory"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return cls(directory, descriptor)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise _busy(directory) from error
                time.sleep(0.02)

    def announce(self, socket: Path) -> Holder:
        """Writes who holds the lock and where its socket is. Raises `StorageError`."""
        holder = Holder(pid=os.getpid(), started_at=utc_now(), version=__version__, socket=str(socket))
        said = holder.to_json()
        with storage_errors(self._directory, "locking the data directory"):
            os.pwrite(self._descriptor, said, 0)  # over what stands there, which a full disk allows, and then the rest
            os.ftruncate(self._descriptor, len(said))
        return holder

    def release(self) -> None:
        """Lets another process have the directory."""
        os.close(self._descriptor)


def _busy(directory: Path) -> RunnerBusyError:
    holder = last_holder(directory)
    who = f"process {holder.pid}, since {holder.started_at:%Y-%m-%d %H:%M:%S} UTC" if holder else "another process"
    return RunnerBusyError(
        f"a runner already works on {directory} ({who})",
        remedy="use it (every command finds it by itself), or stop it with `pantry-tui runner stop`",
    )
