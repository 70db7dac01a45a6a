"""A file that appears under its name when it is whole, and never in the place of another."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pantry_tui.artifact.files import create_exclusive, fsync_directory, storage_error, storage_errors
from pantry_tui.errors import RefusedError, StorageError

_WITHOUT_LINKS = (
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
)  # vfat, and some that are mounted by programs


class NewFile:
    """A file while it is written, as a temporary one beside its place. Without `publish` nothing of it is left."""

    def __init__(self, path: Path, doing: str) -> None:
        """``doing`` says what is going on, for errors ("writing the export")."""
        self.path = path
        self._doing = doing
        self._temporary = path.with_name(f".pantry-{secrets.token_hex(8)}.tmp")
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Creates it. Raises `RefusedError` when something has its name, `StorageError`."""
        with storage_errors(self.path, self._doing):
            if os.path.lexists(self.path):
                raise _is_there(self.path)
            self._file = os.fdopen(create_exclusive(self._temporary), "wb")
        return self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Adds bytes. Raises `StorageError`, `DiskFullError`."""
        with storage_errors(self.path, self._doing):
            self._opened.write(data)

    def sync(self) -> None:
        """Makes what was written durable, which may take a while. Raises `StorageError`, `DiskFullError`."""
        with storage_errors(self.path, self._doing):
            self._opened.flush()
            os.fsync(self._opened.fileno())

    def publish(self) -> None:
        """Gives it its name. Raises `RefusedError` when that was taken meanwhile, `StorageError`."""
        self.sync()
        with storage_errors(self.path, self._doing):
            self._name()
            fsync_directory(self.path.parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what was not flushed is not wanted
            self._opened.close()
        with suppress(OSError):
            self._temporary.unlink()

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise StorageError(f"{self._doing}: {self.path} is not open")
        return self._file

    def _name(self) -> None:
        try:
            os.link(self._temporary, self.path)  # unlike a rename, never replaces what is there
        except FileExistsError:
            raise _is_there(self.path) from None
        except OSError as error:
            if error.errno not in _WITHOUT_LINKS:
                raise storage_error(error, self.path, self._doing) from error
            if os.path.lexists(self.path):
                raise _is_there(self.path) from None
            self._temporary.rename(self.path)


def _is_there(path: Path) -> RefusedError:
    return RefusedError(
        f"{path} is there already; nothing is overwritten", remedy="choose another name, or move it away"
    )
