"""Whether a backup is there, told by two stat calls."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.repository.ids import SECOND

_UNSEEN = (0, 0, 0)


class Presence(NamedTuple):
    """What tells, without reading anything, whether a backup is as it was when it was last read."""

    id: str
    manifest: tuple[int, int, int]  # inode, modification time in ns, size; zeros where this user may not look
    directory_mtime_ns: int  # changes with every record that is added


def presence_of(repository: Path, backup_id: str) -> Presence | None:
    """The backup of that id; None where there is none, or one that is being made."""
    directory = f"{repository}/{backup_id}"
    try:
        made = os.lstat(directory)
        manifest = os.lstat(f"{directory}/{MANIFEST_NAME}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        # Taken for a backup: whoever reads it is told which directory is closed, and all others go on.
        return Presence(backup_id, _UNSEEN, made.st_mtime_ns) if stat.S_ISDIR(made.st_mode) else None
    if not (stat.S_ISDIR(made.st_mode) and stat.S_ISREG(manifest.st_mode)):
        return None
    return Presence(backup_id, (manifest.st_ino, manifest.st_mtime_ns, manifest.st_size), made.st_mtime_ns)


def age_of(presence: Presence) -> tuple[str, int, str]:
    """By the second in the id; of backups of the same second, by when they were published."""
    return presence.id[:SECOND], presence.manifest[1], presence.id
