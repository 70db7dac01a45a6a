"""Post-quantum recipients and identities (`mlkem768x25519`): `age1pq1…` and `AGE-SECRET-KEY-PQ-1…`.

HPKE (RFC 9180) over ML-KEM-768 with X25519: safe as long as one of the two is. Debian 12's age does not know them; age
1.3 and newer does.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from pantry_tui.artifact.age import bech32
from pantry_tui.artifact.age.header import Stanza, decode_base64, encode_base64, malformed
from pantry_tui.artifact.age.keys import WRAPPED_LENGTH, PublicKey, SecretKey
from pantry_tui.errors import EncryptionError

RECIPIENT_PREFIX = "age1pq"
IDENTITY_PREFIX = "AGE-SECRET-KEY-PQ-"
SEED_LENGTH = 32
PUBLIC_LENGTH = 1184 + 32
_KIND = "mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"
_ENCAPSULATED_LENGTH = 1088 + 32
_X25519_LENGTH = 32
_MLKEM_SEED_LENGTH = 64


class HybridRecipient(PublicKey):
    """A public key of 1,216 bytes: ML-KEM-768's, then X25519's."""

    post_quantum = True

    def __init__(self, public: bytes) -> None:
        self._public = public

    @property
    def text(self) -> str:
        """`age1pq1…`, some 1,960 characters."""
        return bech32.encode(RECIPIENT_PREFIX, self._public)

    def wrap(self, file_key: bytes) -> Stanza:
        """The file key, sealed. Raises ValueError for what is no key, `EncryptionError` without ML-KEM here."""
        try:
            public = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(self._public[:-_X25519_LENGTH]),
                X25519PublicKey.from_public_bytes(self._public[-_X25519_LENGTH:]),
            )
            sealed = _suite().encrypt(file_key, public, _INFO)
        except UnsupportedAlgorithm as error:
            raise _unsupported() from error
        encapsulated, body = sealed[:_ENCAPSULATED_LENGTH], sealed[_ENCAPSULATED_LENGTH:]
        return Stanza(_KIND, (encode_base64(encapsulated).decode(),), body)


class HybridIdentity(SecretKey):
    """A seed of 32 bytes, from which both private keys follow."""

    def __init__(self, seed: bytes) -> None:
        expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_LENGTH + _X25519_LENGTH)
        self._seed = seed
        self._x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_LENGTH:])
        try:
            self._mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_LENGTH])
        except UnsupportedAlgorithm as error:
            raise _unsupported() from error

    @classmethod
    def generate(cls) -> HybridIdentity:
        """A new identity, from the system's random numbers."""
        return cls(secrets.token_bytes(SEED_LENGTH))

    @property
    def recipient(self) -> HybridRecipient:
        """The public side."""
        return HybridRecipient(
            self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()
        )

    @property
    def secret_text(self) -> str:
        """`AGE-SECRET-KEY-PQ-1…`."""
        return bech32.encode(IDENTITY_PREFIX, self._seed)

    def unwrap(self, stanza: Stanza, where: str) -> bytes | None:
        """The file key, when the stanza is for this identity."""
        if stanza.kind != _KIND:
            return None
        encapsulated = decode_base64(stanza.arguments[0].encode()) if len(stanza.arguments) == 1 else None
        if encapsulated is None or len(encapsulated) != _ENCAPSULATED_LENGTH or len(stanza.body) != WRAPPED_LENGTH:
            raise malformed(where, "an mlkem768x25519 recipient has the wrong arguments or length")
        try:  # HPKE's own failure would look like somebody else's stanza
            self._x25519.exchange(X25519PublicKey.from_public_bytes(encapsulated[-_X25519_LENGTH:]))
        except ValueError as error:
            raise malformed(where, "an mlkem768x25519 recipient's share is no valid point") from error
        try:
            key = MLKEM768X25519PrivateKey(self._mlkem, self._x25519)
            return _suite().decrypt(encapsulated + stanza.body, key, _INFO)
        except InvalidTag:
            return None


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _unsupported() -> EncryptionError:
    return EncryptionError(
        "The installed cryptography library has no ML-KEM, which post-quantum keys (age1pq1…) need",
        remedy="Install the wheel of cryptography from PyPI (47 or newer), or use keys without pq.",
    )
