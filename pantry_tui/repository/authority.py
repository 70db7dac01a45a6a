"""Whose key signs what this process writes into a repository, and whose signatures it believes."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pantry_tui.errors import UntrustedSignerError, UsageError

if TYPE_CHECKING:  # loading what signs takes 0.02 s at best, which a list of backups need not pay
    from pantry_tui.artifact.signing import Signer, SigningKey


class Authority:
    """The keys of one data directory; without one nothing is signed and nobody believed."""

    def __init__(self, data_directory: str | Path | None) -> None:
        self._data_directory = data_directory

    @cached_property
    def key(self) -> SigningKey:
        """The key that signs, made on first use. Raises `UsageError` without a data directory, and as `signing_key` does."""
        from pantry_tui.artifact.signing_key import signing_key

        if self._data_directory is None:
            raise UsageError(
                "nobody said whose key is to sign", remedy="name a data directory: its keys/signing.key signs"
            )
        return signing_key(self._data_directory)

    @property
    def own_fingerprint(self) -> str | None:
        """That of the key, where it was made. Raises `ConfigError`, `StorageError`."""
        from pantry_tui.artifact.signing_key import find_signing_key

        own = find_signing_key(self._data_directory) if self._data_directory is not None else None
        return own.signer.fingerprint if own is not None else None

    def believes(self, signer: Signer) -> bool:
        """Whether it is this data directory's own key, or one that it trusts. Raises `ConfigError`, `StorageError`."""
        return signer.fingerprint in self._believed

    def require_believed(self, signer: Signer | None, *, what: str, besides: Collection[str] = ()) -> None:
        """Checks who signed ``what``. Raises `UntrustedSignerError` unless believed, or trusted ``besides``."""
        from pantry_tui.artifact.trusted import UNSIGNED

        if signer is None:
            if UNSIGNED not in besides:
                raise UntrustedSignerError(
                    f"{what} has no signature, so nothing shows who made it, or whether it was changed",
                    remedy="put its .sig file back from a copy; if you know that nobody can have changed it, "
                    f"say --trust {UNSIGNED}",
                )
        elif signer.fingerprint not in besides and not self.believes(signer):
            raise UntrustedSignerError(
                f"{what} is signed by {signer.fingerprint}, whom this machine does not know",
                remedy="compare that with what `pantry-tui key show` says on the machine that made it; where it is the "
                f"same, say --trust {signer.fingerprint}, or write it into the file {self._trusted_file}",
            )

    def sign(self, data: bytes, *, purpose: str) -> bytes:
        """A document of ``data`` (JSON) and its signature. Raises as `key` does."""
        from pantry_tui.artifact.signed_document import sign_document

        return sign_document(data, self.key, purpose=purpose)

    def open(self, document: bytes, *, purpose: str, where: str) -> bytes:
        """What somebody who is believed has signed. Raises `BackupDamagedError`, `UntrustedSignerError`."""
        from pantry_tui.artifact.signed_document import open_document

        signed = open_document(document, purpose=purpose, where=where)
        self.require_believed(signed.signer, what=where)
        return signed.data

    @cached_property
    def _believed(self) -> frozenset[str]:
        from pantry_tui.artifact.trusted import trusted_fingerprints

        if self._data_directory is None:
            return frozenset()
        others = trusted_fingerprints(self._data_directory)
        own = self.own_fingerprint
        return others if own is None else others | {own}

    @property
    def _trusted_file(self) -> str:
        from pantry_tui.artifact.trusted import trusted_file

        return str(trusted_file(self._data_directory or "DATA_DIR"))
