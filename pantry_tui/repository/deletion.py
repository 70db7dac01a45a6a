"""What protects backups from being deleted, and how one goes that nothing protects."""

from __future__ import annotations

import errno
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pantry_tui.artifact.files import fsync_directory
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest, PreviousBackup
from pantry_tui.errors import BackupDamagedError, NotFoundError, RefusedError, StorageError, UntrustedSignerError
from pantry_tui.models import utc_now
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.bases import base_of
from pantry_tui.repository.folder import LocalFolder, files_of
from pantry_tui.repository.records import Mark, received_record
from pantry_tui.repository.soundness import wrong_files
from pantry_tui.repository.staging import remove_backup_directory
from pantry_tui.repository.tombstones import Tombstone, tombstone_name, write_tombstone

if TYPE_CHECKING:
    from pantry_tui.repository.repository import Repository


def require_plain_files(directory: Path) -> None:
    """Checks that a backup's directory has no other in it but that of its tables. Raises `RefusedError`, OSError."""
    strange = sorted(name for name in files_of(directory) if stat.S_ISDIR((directory / name).lstat().st_mode))
    if strange:
        raise RefusedError(
            f"{directory} holds a directory that this program did not make: {strange[0]}",
            remedy="move it away, then delete the backup again",
        )


def require_unpinned(repository: Repository, backup_id: str) -> None:
    """Raises `RefusedError` for a backup that is pinned."""
    pins = [record for record in repository.records(backup_id) if isinstance(record, Mark) and record.kind == "pin"]
    if pins and pins[-1].pinned:
        raise RefusedError(
            f"{backup_id} is pinned, by {pins[-1].by} on {pins[-1].at:%Y-%m-%d %H:%M} UTC",
            remedy=f"take the pin out with: pantry-tui backup unpin {backup_id}; or delete it with --force",
        )


def require_no_children(repository: Repository, backup_id: str) -> None:
    """Raises `RefusedError` for the base of incremental backups, naming them."""
    children = []
    for other in repository.announced(repository.ids()):
        with suppress(BackupDamagedError, NotFoundError):
            base = repository.manifest(other).base
            if base is not None and base.id == backup_id:
                children.append(other)
    if children:
        more = len(children) - _NAMED_CHILDREN
        named = ", ".join(children[:_NAMED_CHILDREN]) + (f" and {more:,} more" if more > 0 else "")
        raise RefusedError(
            f"backup {backup_id} is the base of {named}, which cannot be restored without it",
            remedy="delete those first; or delete it with --force, which makes them worthless",
        )


def require_another(repository: Repository, backup_id: str) -> None:
    """Raises `RefusedError` for the last valid backup of its database, and for one that cannot be read."""
    try:
        manifest = repository.manifest(backup_id)
    except BackupDamagedError as error:
        raise RefusedError(
            f"backup {backup_id} cannot be read, so it is not known which others could replace it",
            remedy="delete it with --force",
            detail=error.message,
        ) from error
    if not _is_good(repository, manifest) or _has_another(repository, manifest):
        return
    raise RefusedError(
        f"backup {backup_id} is the last valid backup of the database {manifest.database}",
        remedy="take another one first, or delete it with --force",
    )


def _has_another(repository: Repository, manifest: Manifest) -> bool:
    """Whether another backup can replace it: one that somebody slipped in, signed by nobody who is believed, cannot."""
    wanted = (manifest.database, manifest.source.name)
    unread: StorageError | None = None
    for other in repository.announced(repository.ids(), signatures=True):
        if other == manifest.id:
            continue
        try:
            found, _ = repository.trusted_manifest(other)
            if (found.database, found.source.name) == wanted and _restores(repository, found):
                return True
        except (BackupDamagedError, NotFoundError, UntrustedSignerError):
            continue
        except StorageError as error:  # it might be the one; another may be as good
            unread = unread or error
    if unread is not None:
        raise unread
    return False


def _restores(repository: Repository, manifest: Manifest) -> bool:
    """Whether it is good, and no drill has shown that it, or its base, does not restore.

    One that is not stands in for no other; but it may be all that there is, so that it is protected as a good one is.
    """
    if not _is_good(repository, manifest) or repository.summary(manifest.id).is_refuted:
        return False
    return manifest.base is None or _restores(repository, base_of(repository, manifest))


def _is_good(repository: Repository, manifest: Manifest) -> bool:
    """Whether the database can be made whole from it: no validation found it damaged, and its files are there.

    Of an incremental one the base's too.
    """
    if manifest.base is not None:
        try:
            base = base_of(repository, manifest)
        except BackupDamagedError:
            return False
        if not _is_good(repository, base):
            return False
    summary = repository.summary(manifest.id)
    return summary.is_whole and summary.valid is not False and not wrong_files(repository.folder(manifest.id), manifest)


_NAMED_CHILDREN = 5
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def tombstone_of(repository: Repository, backup_id: str, *, by: str, forced: bool) -> Tombstone:
    """What will be said of a backup that is deleted now; less, where its manifest cannot be read."""
    link = previous = None
    with suppress(StorageError):
        link = repository.stored_manifest(backup_id).link
    with suppress(StorageError, UntrustedSignerError):  # what a stranger wrote is not repeated
        received = received_record(repository.folder(backup_id), repository.authority)
        previous = received.follows if received is not None else repository.trusted_manifest(backup_id)[0].previous
    sha256 = link.sha256 if link is not None else None
    return Tombstone(id=backup_id, manifest_sha256=sha256, previous=previous, at=utc_now(), by=by, forced=forced)


def tombstone_of_missing(link: PreviousBackup, *, by: str) -> Tombstone:
    """What is said of a backup that was removed in another way, when somebody says that this is known."""
    return Tombstone(id=link.id, manifest_sha256=link.sha256, previous=None, at=utc_now(), by=by, forced=True)


def bury(directory: Path, tombstones: LocalFolder, tombstone: Tombstone, authority: Authority) -> None:
    """Writes the tombstone, then removes the backup's directory. Raises OSError, and what the key raises that signs.

    The tombstone comes first, so that a crash in between leaves no backup that looks as if somebody had removed it. On
    a full disk it comes last: deleting is how room is made. If there is no room even then, the backup is gone all the same,
    as the audit trail says, and `catalog check` will miss it.
    """
    try:
        write_tombstone(tombstones, tombstone, authority)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        remove_backup_directory(directory)
        with suppress(OSError):
            write_tombstone(tombstones, tombstone, authority)
        return
    try:
        remove_backup_directory(directory)
    except OSError:
        if (directory / MANIFEST_NAME).exists():
            (tombstones.path / tombstone_name(tombstone.id)).unlink()
            fsync_directory(tombstones.path)
        raise
