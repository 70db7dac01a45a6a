"""Directories that nobody else may write into."""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

from pantry_tui.artifact.files import DIRECTORY_MODE, storage_errors
from pantry_tui.errors import ConfigError, RefusedError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def prepare_private_directory(path: Path, what: str) -> None:
    """Makes the directory where it is missing, then checks it as `require_private_directory` does."""
    if not path.is_absolute():
        raise ConfigError(f"{what}: {path} is not an absolute path", remedy="give the path from the root, /like/this")
    with storage_errors(path, f"creating {what}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=DIRECTORY_MODE)
    require_private_directory(path, what)


def require_private_directory(path: Path, what: str) -> None:
    """Checks that a directory is this user's own and that nobody else can write into it.

    ``what`` names its purpose in errors ("the repository main"). Raises `ConfigError` when it is no directory,
    `RefusedError` when it belongs to another user or group or others may write.
    """
    with storage_errors(path, f"looking at {what}"):
        if path.is_symlink() and not path.exists():
            raise ConfigError(f"{what}: {path} leads nowhere", remedy="correct the symbolic link")
        status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigError(f"{what}: {path} is not a directory", remedy="name a directory, or remove what is there")
    if status.st_uid != os.geteuid():
        owner, me = _user(status.st_uid), _user(os.geteuid())
        raise RefusedError(
            f"{what}: {path} belongs to the user {owner}, and this program runs as {me}",
            remedy=f"run it as {owner}, or give {me} a directory of its own",
        )
    if status.st_mode & _OTHERS_WRITE:
        raise RefusedError(
            f"{what}: other users can write into {path} (mode {stat.S_IMODE(status.st_mode):04o})",
            remedy=f"chmod 700 {path}",
        )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
