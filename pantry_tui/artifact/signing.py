"""Signatures: who wrote a manifest, and that nobody changed it since (Ed25519).

A signature stands in a small file beside what it signs: `manifest.json.sig`. It covers the exact bytes behind a prefix
that names what is signed, so that a signature of one kind of file never passes for one of another.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pantry_tui.errors import BackupDamagedError, ConfigError
from pantry_tui.models import Model

_PREFIX = "pantry-tui signature v1: "
_PUBLIC_LENGTH = 32


class Signer(Model, frozen=True, kw_only=True):
    """The public side of a signing key. ``public_key`` is base64."""

    public_key: str

    @property
    def fingerprint(self) -> str:
        """What people compare: `SHA256:` and 43 characters."""
        digest = hashlib.sha256(base64.b64decode(self.public_key)).digest()
        return f"SHA256:{base64.b64encode(digest).rstrip(b'=').decode()}"


class SigningKey:
    """The secret that signs. Its repr shows the fingerprint only."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.signer = Signer(public_key=base64.b64encode(key.public_key().public_bytes_raw()).decode())

    def __repr__(self) -> str:
        return f"SigningKey({self.signer.fingerprint})"

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key, from the system's random numbers."""
        return cls(Ed25519PrivateKey.generate())

    def sign(self, data: bytes, *, purpose: str) -> bytes:
        """The signature file for ``data``. ``purpose`` names the kind of file and is needed again to check it."""
        signed = self._key.sign(_signed_bytes(data, purpose))
        return _encode(
            _Signature(
                version=1,
                algorithm="ed25519",
                purpose=purpose,
                fingerprint=self.signer.fingerprint,
                public_key=self.signer.public_key,
                signature=base64.b64encode(signed).decode(),
            )
        )

    def encode(self) -> bytes:
        """The key as it is kept in a file of its own: PEM (PKCS 8), which openssl reads too."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> SigningKey:
        """The reverse. Raises `ConfigError` naming ``where``, never its content."""
        try:
            key = load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is protected by a password
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(
                f"{where} is no Ed25519 signing key",
                remedy="Put the file back from a copy, or move it away to get a new key.",
            )
        return cls(key)


class _Signature(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature file."""

    version: Literal[1]
    algorithm: Literal["ed25519"]
    purpose: str
    fingerprint: str
    public_key: str
    signature: str


def verify(data: bytes, signature: bytes, *, purpose: str, where: str) -> Signer:
    """Who signed ``data``. Whether that signer is to be trusted is for the caller to say.

    ``signature`` is the signature file; ``where`` names the signed file in errors. Raises `BackupDamagedError` when
    anything of either was changed.
    """
    found = _decode(signature, where)
    public = _base64(found.public_key)
    if len(public) != _PUBLIC_LENGTH or found.purpose != purpose:
        raise _unreadable(where)
    signer = Signer(public_key=found.public_key)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(_base64(found.signature), _signed_bytes(data, purpose))
    except InvalidSignature as error:
        raise BackupDamagedError(
            f"{where} is not what was signed by {signer.fingerprint}: it, or its signature, was changed",
            remedy="restore from another copy or backup, and find out who could write there",
        ) from error
    if found.fingerprint != signer.fingerprint:
        raise _unreadable(where)
    return signer


def _decode(signature: bytes, where: str) -> _Signature:
    try:
        found = _Signature.from_json(signature)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the latter for the name of a field
        raise _unreadable(where) from error
    if _encode(found) != signature:  # another spelling of the same: we do not write it, so somebody else did
        raise _unreadable(where)
    return found


def _encode(signature: _Signature) -> bytes:
    return msgspec.json.format(signature.to_json(), indent=1) + b"\n"


def _base64(text: str) -> bytes:
    """The bytes of the one canonical spelling; none for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == text else b""


def _signed_bytes(data: bytes, purpose: str) -> bytes:
    return f"{_PREFIX}{purpose}\n".encode() + data


def _unreadable(where: str) -> BackupDamagedError:
    return BackupDamagedError(
        f"the signature of {where} is damaged, or of another kind of file", remedy="restore from another copy or backup"
    )
