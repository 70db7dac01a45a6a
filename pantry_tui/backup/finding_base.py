"""Which backup an incremental one builds on, and why others cannot be its base."""

from __future__ import annotations

from pantry_tui.artifact.manifest import BaseBackup, Manifest, ServerIdentity, SnapshotPosition, SourceDatabase
from pantry_tui.artifact.reader import check_file
from pantry_tui.backup.base import Base
from pantry_tui.errors import BackupDamagedError, BaseUnusableError, NotFoundError, UntrustedSignerError
from pantry_tui.models import BackupKind, BackupRequest
from pantry_tui.postgres.changed import FARTHEST, FIRST_NORMAL_XID, XID_BITS
from pantry_tui.repository.repository import Repository

TAKE_FULL = "take a full backup (--kind full), or let this one become full where it must be (--or-full)"


def find_base(repository: Repository, request: BackupRequest, server: ServerIdentity, source: SourceDatabase) -> Base:
    """The base that was asked for, or the newest backup that can be one, with its manifest and its maps checked.

    Raises `BaseUnusableError`, `NotFoundError` for an unknown id, `BackupDamagedError` for one that is no longer what was
    written, `UntrustedSignerError`, `StorageError`.
    """
    if request.base is not None:
        base_id = repository.resolve(request.base, database=request.database.name)
        manifest, _ = repository.trusted_manifest(base_id)
        if reason := _why_not(manifest, request, server, source) or _why_unsound(repository, manifest):
            raise BaseUnusableError(f"backup {base_id} cannot be the base: {reason}", remedy=TAKE_FULL)
        return _opened(repository, manifest)
    reasons: list[str] = []
    for base_id in repository.ids():
        try:
            manifest, _ = repository.trusted_manifest(base_id)
            if manifest.kind is not BackupKind.FULL or manifest.source.name != source.name:
                continue
            reason = _why_not(manifest, request, server, source) or _why_unsound(repository, manifest)
            if reason is None and manifest.selection != request.selection:
                reason = "it holds another selection of tables"
            if reason is None:
                return _opened(repository, manifest)
        except (BackupDamagedError, NotFoundError, UntrustedSignerError) as error:
            reason = error.message
        reasons.append(f"{base_id}: {reason}")
    raise BaseUnusableError(
        f"there is no full backup of {source.name} in format {request.format} that an incremental one can build on",
        remedy=TAKE_FULL,
        detail="\n".join(reasons[:10]) or None,
    )


def _opened(repository: Repository, manifest: Manifest) -> Base:
    """Reads its positions. The link is made of the bytes that are there, which must say what was believed."""
    found = repository.stored_manifest(manifest.id)
    if found.decode() != manifest:
        raise BackupDamagedError(
            f"the manifest of backup {manifest.id} was exchanged while the backup was being read",
            remedy="find out who could write into the repository",
        )
    stored = manifest.file("positions")
    with repository.open(manifest.id, stored.name) as file:
        check_file(file, stored)
        positions = file.read(0, stored.bytes)
    return Base(manifest, BaseBackup(id=found.link.id, sha256=found.link.sha256), positions)


def _why_not(manifest: Manifest, request: BackupRequest, server: ServerIdentity, source: SourceDatabase) -> str | None:
    """What of a backup itself keeps it from being the base, in words."""
    if manifest.kind is not BackupKind.FULL:
        return f"it is {manifest.kind.value}; an incremental backup builds on a full one, so that a restore needs two at most"
    if not manifest.fingerprints:
        return "it was taken without fingerprints, and so without the positions of its rows"
    if manifest.format is not request.format:
        return f"it is in format {manifest.format}, this one would be in format {request.format}"
    if manifest.is_encrypted and not request.recipients:
        return "it is encrypted, this one would not be"
    if request.recipients and not manifest.is_encrypted:
        return "it is not encrypted, this one would be"
    if manifest.server.system_identifier != server.system_identifier:
        return "it is of another server"
    if manifest.source.oid != source.oid:
        return "it is of another database, or of one of that name that was dropped since"
    if manifest.server.timeline != server.timeline:
        then, now = manifest.server.timeline, server.timeline
        return f"the server was on timeline {then} and is on {now}: it was recovered or promoted"
    return None


def _why_unsound(repository: Repository, manifest: Manifest) -> str | None:
    """Damage that is known or shows without reading its rows, in words."""
    if problems := repository.problems(manifest.id):
        return problems[0]
    if repository.summary(manifest.id).valid is False:
        return "its last validation found it damaged"
    return None


def require_behind(base: Base, position: SnapshotPosition) -> None:
    """Checks that the snapshot follows the base's in the server's history. Raises `BaseUnusableError`."""
    then = base.manifest.snapshot
    reason = None
    if _log_position(position.insert_lsn) < _log_position(then.insert_lsn):
        reason = f"the server's log was at {then.insert_lsn} and is at {position.insert_lsn}: it was put back, or lags behind"
    elif position.xmax < then.xmax:
        reason = f"the server's transaction counter was at {then.xmax:,} and is at {position.xmax:,}: it was put back"
    elif position.xmax - then.xmin >= FARTHEST:
        reason = f"{position.xmax - then.xmin:,} transactions have passed since, and 32 bits no longer tell their order"
    elif then.xmin % 2**XID_BITS < FIRST_NORMAL_XID:
        reason = "its horizon is no transaction's id"
    if reason:
        raise BaseUnusableError(f"backup {base.link.id} cannot be the base: {reason}", remedy=TAKE_FULL)


def _log_position(text: str) -> int:
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)
