"""What the rules of retention must know of a repository's backups, read from their manifests, records and files."""

from __future__ import annotations

from typing import NamedTuple

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import NotFoundError, StorageError, UntrustedSignerError
from pantry_tui.models import BackupKind, BackupSummary
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.retention import BackupFacts
from pantry_tui.repository.soundness import wrong_files


class _Read(NamedTuple):
    """A backup that can be read and believed."""

    manifest: Manifest
    sha256: str  # of the manifest's bytes
    summary: BackupSummary
    sound: bool  # no validation found it damaged, no drill that it does not restore, and its own files are there


def facts_of(repository: Repository) -> tuple[list[BackupFacts], list[str]]:
    """The facts of every backup that can be read and believed, and in words those that cannot.

    Every manifest is read and its signature checked: what is deleted by these facts does not come back. Raises
    `StorageError` when the repository cannot be read, `ConfigError`, `RefusedError`.
    """
    found: dict[str, _Read] = {}
    unread: list[str] = []
    for backup_id in repository.announced(repository.ids(), signatures=True):
        try:
            found[backup_id] = _read(repository, backup_id)
        except NotFoundError:  # deleted meanwhile
            continue
        except (StorageError, UntrustedSignerError) as error:
            unread.append(error.message)
    return [_facts(one, found) for one in found.values()], unread


def _read(repository: Repository, backup_id: str) -> _Read:
    stored = repository.stored_manifest(backup_id)
    repository.authority.require_believed(stored.signer(), what=f"backup {backup_id}")
    manifest = stored.decode()
    summary = repository.summary_of(manifest)
    sound = (
        summary.valid is not False
        and not summary.is_refuted
        and not wrong_files(repository.folder(backup_id), manifest)
    )
    return _Read(manifest, stored.link.sha256, summary, sound)


def _facts(one: _Read, found: dict[str, _Read]) -> BackupFacts:
    manifest, summary = one.manifest, one.summary
    return BackupFacts(
        id=manifest.id,
        database=manifest.database,
        source=manifest.source.name,
        at=manifest.started_at,
        finished_at=manifest.finished_at,
        bytes=manifest.bytes,
        schedule=manifest.schedule,
        series="" if summary.is_whole else f"{summary.kind_words} {manifest.name}",
        base=manifest.base.id if manifest.base is not None else None,
        good=_is_good(one, found),
        refuted=summary.is_refuted,
        proven=summary.proven_at is not None,
        pinned=summary.pinned,
        foreign=manifest.kind is BackupKind.FOREIGN,
    )


def _is_good(one: _Read, found: dict[str, _Read]) -> bool:
    base = one.manifest.base
    if base is None or not one.sound:
        return one.sound
    below = found.get(base.id)
    return below is not None and below.sha256 == base.sha256 and below.sound
