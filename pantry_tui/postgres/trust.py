"""Whether a program that was found may be run: nobody but root and this user can have put it there or can change it.

Otherwise a local user who starts something called `postgres` would choose what root runs as `pg_dump`.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

_LINK_LIMIT = 40  # the kernel's
_ROOT = 0


def why_not_run(program: Path) -> str | None:
    """In words: which file or directory on the way to ``program`` somebody else could change; None when none.

    Every name is looked at, from the root down and through links: each must belong to root or to the effective user.
    Others may write to a directory only where it is sticky (they cannot move what belongs to us there, as in /tmp), and
    not to the one that holds the program.
    """
    here, names, links = Path("/"), list(reversed(program.absolute().parts[1:])), 0
    try:
        reason = _weakness(here, sticky=True)
        while names and reason is None:
            name = names.pop()
            if name == "..":
                here = here.parent
                continue
            reason = _weakness(here / name, sticky=True)
            if not (here / name).is_symlink():
                here /= name
                continue
            target = (here / name).readlink()
            here = Path("/") if target.is_absolute() else here
            names += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            links += 1
            if links > _LINK_LIMIT:
                return f"{program} is a link without an end"
        return reason or _weakness(here.parent, sticky=False) or _weakness(program.parent.resolve(), sticky=False)
    except OSError as error:
        return f"{error.filename or program} cannot be looked at: {error.strerror}"


def _weakness(path: Path, *, sticky: bool) -> str | None:
    """Who else can change the file or directory; ``sticky``: being a sticky directory makes up for others writing."""
    status = path.lstat()
    if status.st_uid not in (_ROOT, os.geteuid()):
        return f"{path} belongs to {_user(status.st_uid)}, not to {' or '.join(sorted(_trusted()))}"
    if stat.S_ISLNK(status.st_mode) or (sticky and stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return None
    if status.st_mode & stat.S_IWOTH:
        return f"everybody can write to {path}"
    if status.st_mode & stat.S_IWGRP and not _private(status.st_gid):
        return f"the group {_group(status.st_gid)} can write to {path}"
    return None


def _private(gid: int) -> bool:
    """Whether a group is that of one trusted user alone: where each user has one, umask 002 makes it writable."""
    try:
        group = grp.getgrgid(gid)
        return set(group.gr_mem) <= {group.gr_name} <= _trusted() and pwd.getpwnam(group.gr_name).pw_gid == gid
    except KeyError:
        return False


def _trusted() -> set[str]:
    return {_user(_ROOT), _user(os.geteuid())}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
