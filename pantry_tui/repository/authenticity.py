"""Whether the backups of a repository are those that this program published there, and all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pantry_tui.artifact.manifest import PreviousBackup
from pantry_tui.errors import BackupDamagedError, StorageError, UntrustedSignerError
from pantry_tui.models import Signature
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.chain import Chain, Named
from pantry_tui.repository.folder import Folder
from pantry_tui.repository.ids import is_backup_id
from pantry_tui.repository.records import received_record
from pantry_tui.repository.stored_manifest import StoredManifest, read_manifest
from pantry_tui.repository.tombstones import Tombstone, read_tombstone, tombstone_ids


class Findings(NamedTuple):
    """What reading all manifests and tombstones found."""

    chain: Chain
    problems: list[str]  # in words: manifests and tombstones that nobody who is believed has signed


def examine_signatures(
    folder: Callable[[str], Folder], tombstone_folder: Folder, ids: Iterable[str], authority: Authority
) -> Findings:
    """Reads what is signed in a repository, by the ``folder`` of each id. What cannot be read is for others to report.

    Raises OSError, and what is wrong with the keys of this data directory.
    """
    problems: list[str] = []
    present: dict[str, PreviousBackup] = {}
    names: list[Named] = []
    unread: set[str] = set()
    for backup_id in ids:
        try:
            stored = read_manifest(folder(backup_id))
            present[backup_id] = stored.link
            manifest = stored.decode()
        except (BackupDamagedError, FileNotFoundError):
            continue
        except PermissionError:
            unread.add(backup_id)
            continue
        if wrong := _signer_problems(stored, authority):
            problems += wrong  # and what it names is not looked for: anybody may have written it
        else:
            received = received_record(stored.folder, authority)
            previous = received.follows if received is not None else manifest.previous
            names += _named(f"backup {backup_id}", previous)
    tombstones: dict[str, Tombstone] = {}
    for backup_id in tombstone_ids(tombstone_folder):
        try:
            tombstones[backup_id] = read_tombstone(tombstone_folder, backup_id, authority)
        except (StorageError, UntrustedSignerError) as error:
            problems.append(error.message)
        else:
            names += _named(f"the tombstone of {backup_id}", tombstones[backup_id].previous)
    return Findings(Chain(names, present, tombstones, unread), problems)


def signature_of(stored: StoredManifest, authority: Authority) -> tuple[Signature, str | None]:
    """Who signed a manifest, by the fingerprint, and what that is worth here."""
    try:
        signer = stored.signer()
    except StorageError:
        return Signature.WRONG, None
    if signer is None:
        return Signature.MISSING, None
    return (Signature.TRUSTED if authority.believes(signer) else Signature.UNKNOWN), signer.fingerprint


def _signer_problems(stored: StoredManifest, authority: Authority) -> list[str]:
    try:
        authority.require_believed(stored.signer(), what=f"backup {stored.folder.name}")
    except (StorageError, UntrustedSignerError) as error:
        return [error.message]
    return []


def _named(by: str, previous: PreviousBackup | None) -> list[Named]:
    return [] if previous is None or not is_backup_id(previous.id) else [Named(by, previous)]
