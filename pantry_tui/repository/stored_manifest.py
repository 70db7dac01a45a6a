"""A manifest as it lies in a repository: its bytes, what they say, and who signed them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest, PreviousBackup, decode_manifest
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import BackupKind, Model
from pantry_tui.repository.folder import Folder

if TYPE_CHECKING:
    from pantry_tui.artifact.signing import Signer

SIGNATURE_NAME = f"{MANIFEST_NAME}.sig"
PURPOSE = "manifest"

_LARGEST_MANIFEST = 1 << 30
_LARGEST_SIGNATURE = 1 << 16


class StoredManifest(NamedTuple):
    """What vouches for all the other files of a backup."""

    folder: Folder
    data: bytes

    @property
    def link(self) -> PreviousBackup:
        """How the backup that is published next names this one."""
        return PreviousBackup(id=self.folder.name, sha256=hashlib.sha256(self.data).hexdigest())

    def decode(self) -> Manifest:
        """What it says. Raises `BackupDamagedError` when it is no manifest, or that of another backup."""
        where, backup_id = self.folder.where(MANIFEST_NAME), self.folder.name
        try:
            manifest = decode_manifest(self.data, where=where)
        except BackupDamagedError as error:
            error.remedy = error.remedy or (
                f"its rows may be whole: the .sql.gz in {self.folder} is plain SQL, for psql; or remove the backup with:"
                f" pantry-tui backup delete {backup_id} --force"
            )
            raise
        if manifest.id != backup_id:
            raise BackupDamagedError(
                f"{where} is the manifest of another backup: {manifest.id}",
                remedy="move the directory back to its own name",
            )
        return manifest

    @property
    def is_foreign(self) -> bool:
        """Whether it is of a dump that others made; one that cannot be read is not known to be."""
        try:
            return _Kind.from_json(self.data).kind == BackupKind.FOREIGN
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False

    def signer(self) -> Signer | None:
        """Who signed it, believed or not; None when nobody did.

        Raises `StorageError`, `BackupDamagedError` when the signature does not fit.
        """
        from pantry_tui.artifact.signing import verify

        where = self.folder.where(SIGNATURE_NAME)
        with storage_errors(where, "reading a signature"):
            try:
                signature = self.folder.read(SIGNATURE_NAME, limit=_LARGEST_SIGNATURE)
            except FileNotFoundError:
                return None
        return verify(self.data, signature, purpose=PURPOSE, where=self.folder.where(MANIFEST_NAME))


class _Kind(Model, frozen=True, kw_only=True):
    kind: str


def read_manifest(folder: Folder) -> StoredManifest:
    """Reads a manifest.

    Raises OSError, `StorageError`, and `BackupDamagedError` for what is no plain file or far too large.
    """
    return StoredManifest(folder, folder.read(MANIFEST_NAME, limit=_LARGEST_MANIFEST))
