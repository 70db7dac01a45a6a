"""The data directory: whose it is, and where its runner's socket lies."""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path

from pantry_tui.artifact.files import storage_error, storage_errors
from pantry_tui.errors import RefusedError, StorageError

SOCKET_NAME = "runner.sock"
LONGEST_SOCKET_PATH = 100  # bytes; unix(7) allows 107


def user_name(uid: int) -> str:
    """The account's name, or its number where the account database does not know it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def prepare_data_directory(path: str | Path) -> Path:
    """Creates the directory (0700) where it is missing, and returns its real path.

    Raises `RefusedError` when another user owns it, because root and that user would otherwise keep two catalogs and
    lock each other out by files the other cannot write; `StorageError` when it cannot be made.
    """
    directory = Path(path)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = directory.resolve(strict=True)
        found = directory.stat()
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != 0o700:
            directory.chmod(0o700)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise storage_error(error, directory, "making the data directory") from error
        raise StorageError(
            f"the data directory {directory} cannot be used: {error.strerror}",
            remedy="set DATA_DIR to a directory that you may write",
        ) from error
    if found.st_uid != os.geteuid():
        owner, user = user_name(found.st_uid), user_name(os.geteuid())
        raise RefusedError(
            f"the data directory {directory} belongs to {owner}, and you are {user}",
            remedy=f"run the command as {owner} (sudo -u {owner} …), or set DATA_DIR to a directory of your own",
        )
    return directory


def socket_path(directory: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Where a runner of ``directory`` puts its socket.

    Beside the data where the kernel's limit allows; else in a private directory named by a hash of the data
    directory's path, below XDG_RUNTIME_DIR or /tmp. Clients read the place a runner chose from its lock file, so that
    a different environment does not hide it.
    """
    beside = directory / SOCKET_NAME
    if len(os.fsencode(beside)) < LONGEST_SOCKET_PATH:
        return beside
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    runtime = (os.environ if environment is None else environment).get("XDG_RUNTIME_DIR")
    if runtime:
        below = Path(runtime) / "pantry-tui" / digest / SOCKET_NAME
        if len(os.fsencode(below)) < LONGEST_SOCKET_PATH:
            return below
    return Path("/tmp") / f"pantry-tui-{os.geteuid()}" / digest / SOCKET_NAME  # noqa: S108


def prepare_socket_directory(socket: Path, directory: Path) -> None:
    """Creates the private directories a socket outside the data directory needs.

    Raises `RefusedError` when somebody else made one of them first, or may write into it; `StorageError`.
    """
    if socket.parent == directory:
        return
    for folder in (socket.parent.parent, socket.parent):
        with storage_errors(folder, "making a directory for the runner's socket"):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
        if not private:
            raise RefusedError(
                f"the runner's socket cannot be put into {folder}: it is not a private directory of yours",
                remedy=f"remove {folder}, or set DATA_DIR to a directory with a shorter path",
            )
