"""The operating system account that a private server runs under: never root, because PostgreSQL refuses root."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import Any

from pantry_tui.errors import ServerError
from pantry_tui.models import Model

PREFERRED_NAMES = ("postgres", "nobody")


class ServerAccount(Model, frozen=True, kw_only=True):
    """A user and group by number. ``switched``: not who we are, so everything of the server's changes hands."""

    user: int
    group: int
    switched: bool

    @classmethod
    def current(cls) -> ServerAccount:
        """Ourselves, or for root the account "postgres", else "nobody". Raises `ServerError` when neither exists."""
        if os.geteuid() != 0:
            return cls(user=os.geteuid(), group=os.getegid(), switched=False)
        for name in PREFERRED_NAMES:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(user=entry.pw_uid, group=entry.pw_gid, switched=True)
        raise ServerError(
            "PostgreSQL does not run as root, and there is no other account to run it under.",
            remedy="Create one: useradd --system postgres. Or run this command as an ordinary user.",
        )

    def process_options(self) -> dict[str, Any]:
        """What `subprocess` needs to start a process under this account."""
        return {"user": self.user, "group": self.group, "extra_groups": []} if self.switched else {}

    def may(self, path: Path, *, read: bool = True) -> bool:
        """Whether this account can enter every directory above ``path``, and read it, access lists apart."""
        resolved = path.resolve()
        wanted = stat.S_IROTH | stat.S_IXOTH if read else stat.S_IXOTH
        return all(self._has(parent, stat.S_IXOTH) for parent in resolved.parents) and self._has(resolved, wanted)

    def _has(self, path: Path, wanted: int) -> bool:
        status = path.stat()
        if status.st_uid == self.user:
            shift = 6
        elif status.st_gid == self.group:
            shift = 3
        else:
            shift = 0
        return (status.st_mode >> shift) & wanted == wanted

    def make_directory(self, path: Path) -> None:
        """Makes ``path`` a directory that only this account and root can enter; one that is there must be its own.

        Raises `ServerError` when somebody else's directory, a file or a link stands in its place.
        """
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            self._check_own(path)
            return
        if self.switched:
            os.chown(path, self.user, self.group)

    def _check_own(self, path: Path) -> None:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (self.user, os.geteuid()):
            raise ServerError(
                f"{path} is not a directory of the account that the server runs under.",
                remedy="Remove it, or give the server another directory.",
            )
        if self.switched and status.st_uid != self.user:
            os.chown(path, self.user, self.group)
        path.chmod(0o700)
