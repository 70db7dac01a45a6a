"""Files that survive a crash, and what is said when the operating system refuses.

Every file is created new, never through a link, for its owner only; a file that replaces another is written beside it,
fsynced and renamed, so that readers see the old content or the new, whole.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pantry_tui.errors import BackupDamagedError, DiskFullError, StorageError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe planted in the place of a file would block the opener for ever: O_NONBLOCK.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

_REMEDIES = {
    errno.EACCES: "give the user that runs this program access to it, or run as its owner",
    errno.EPERM: "give the user that runs this program access to it, or run as its owner",
    errno.EROFS: "the file system is mounted read-only: remount it, or use another directory",
    errno.EIO: "the storage reports a fault: check the kernel's log and the disk's health",
    errno.ELOOP: "a symbolic link stands where a file belongs: remove it",
    errno.ENOTDIR: "a file stands where a directory belongs: choose another path, or move it away",
    errno.ENOENT: "check that the path exists and its file system is mounted",
    errno.EEXIST: "something of that name is there already: move it away, or try again",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "the system has too many open files: close some programs",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f), or use another file system",
    errno.ESTALE: "the network file system lost the file: mount it again",
}


def storage_error(error: OSError, path: str | Path, doing: str) -> StorageError:
    """The error of this program for what the operating system answered.

    ``doing`` says what was going on ("writing the manifest"). A full file system or quota becomes `DiskFullError`,
    which names the file system and what is free on it; everything else `StorageError`.
    """
    reason = error.strerror or str(error)
    detail = f"[Errno {error.errno}] {reason}" if error.errno else reason
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        full = "the quota is used up" if error.errno == errno.EDQUOT else "the file system is full"
        return DiskFullError(
            f"{doing}: {full}: {path} ({_room(Path(path))})",
            remedy="free space there or delete backups that are no longer needed, then try again",
            detail=detail,
        )
    remedy = _REMEDIES.get(error.errno or 0)
    return StorageError(f"{doing}: {path}: {reason}", remedy=remedy, detail=detail)


@contextmanager
def storage_errors(path: str | Path, doing: str) -> Iterator[None]:
    """Turns every OSError inside into a `StorageError` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, doing) from error


def _room(path: Path) -> str:
    for place in (path, *path.parents):
        with suppress(OSError):
            figures = os.statvfs(place)
            return f"file system at {_mount_point(place)}, {figures.f_bavail * figures.f_frsize:,} bytes free"
    return "file system unknown"


def _mount_point(path: Path) -> Path:
    place = path.absolute()
    while place != place.parent and place.stat().st_dev == place.parent.stat().st_dev:
        place = place.parent
    return place


def is_plain_name(name: str) -> bool:
    """Whether ``name`` is a file's name alone: no directory, no NUL, neither `.` nor `..`."""
    return bool(name) and name not in (".", "..") and "/" not in name and "\0" not in name


def create_exclusive(path: Path) -> int:
    """Creates ``path`` new, readable and writable for its owner, and returns its descriptor. Raises OSError."""
    return os.open(path, _CREATE, FILE_MODE)


def open_directory(path: Path, *, follow: bool = True) -> int:
    """A descriptor of a directory. Raises OSError."""
    return os.open(path, _DIRECTORY if follow else _DIRECTORY | os.O_NOFOLLOW)


def open_file_in(directory: Path, name: str) -> int:
    """Opens the regular file ``name`` of ``directory``, or of one below (`csv/NAME`), for reading, through no link.

    Raises OSError, and `BackupDamagedError` when something else than a file of that name could be meant or is there.
    """
    *below, last = name.split("/")
    if len(below) > 1 or not all(map(is_plain_name, (*below, last))):
        raise BackupDamagedError(f"{directory}: {name!r} is not the name of a file of a backup")
    parent = open_directory(directory, follow=False)
    try:
        for step in below:
            outer, parent = parent, os.open(step, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
            os.close(outer)
        descriptor = os.open(last, _READ, dir_fd=parent)
    finally:
        os.close(parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BackupDamagedError(f"{directory / name} is not a regular file")
    return descriptor


def read_descriptor(descriptor: int, where: str | Path, *, limit: int) -> bytes:
    """The whole content of an open file, at most ``limit`` bytes. Raises OSError, `BackupDamagedError` beyond that."""
    size = os.fstat(descriptor).st_size
    if size > limit:
        raise BackupDamagedError(f"{where} is larger than any such file can be: {size:,} bytes of at most {limit:,}")
    pieces: list[bytes] = []
    left = limit
    while left > 0 and (piece := os.read(descriptor, min(left, max(size, 65536)))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of ``data``, however many calls it takes. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def fsync_directory(path: Path) -> None:
    """Makes the names in a directory durable. Raises OSError."""
    descriptor = open_directory(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that must not be there yet, durable, for its owner only. Raises OSError; nothing is left then."""
    descriptor = create_exclusive(path)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)
    fsync_directory(path.parent)


def write_beside(path: Path, data: bytes) -> Path:
    """Writes ``data``, durable, into a temporary file beside ``path`` and returns that file. Raises OSError.

    The name is fixed, so that a crash leaves one such file and the next write replaces it: one writer at a time.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = create_exclusive(temporary)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        os.close(descriptor)
    return temporary


def write_atomically(path: Path, data: bytes) -> None:
    """Puts ``data`` at ``path``: afterwards, and after a crash at any moment, old or new content, whole.

    Raises OSError; nothing temporary is left then.
    """
    temporary = write_beside(path, data)
    try:
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    fsync_directory(path.parent)
