"""X25519 recipients and identities: `age1…` and `AGE-SECRET-KEY-1…`."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pantry_tui.artifact.age import bech32
from pantry_tui.artifact.age.header import Stanza, decode_base64, derive, encode_base64, malformed
from pantry_tui.artifact.age.keys import NO_NONCE, WRAPPED_LENGTH, PublicKey, SecretKey

RECIPIENT_PREFIX = "age"
IDENTITY_PREFIX = "AGE-SECRET-KEY-"
KEY_LENGTH = 32
_KIND = "X25519"
_INFO = b"age-encryption.org/v1/X25519"


class X25519Recipient(PublicKey):
    """A public key of 32 bytes."""

    def __init__(self, public: bytes) -> None:
        self._public = public

    @property
    def text(self) -> str:
        """`age1…`."""
        return bech32.encode(RECIPIENT_PREFIX, self._public)

    def wrap(self, file_key: bytes) -> Stanza:
        """The file key under a secret shared with a key pair made for this file only.

        Raises ValueError for a point of low order, which nobody has as their key.
        """
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self._public))
        key = _wrap_key(shared, share, self._public)
        return Stanza(_KIND, (encode_base64(share).decode(),), key.encrypt(NO_NONCE, file_key, None))


class X25519Identity(SecretKey):
    """A private key of 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self._public = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> X25519Identity:
        """A new identity, from the system's random numbers."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @property
    def recipient(self) -> X25519Recipient:
        """The public side."""
        return X25519Recipient(self._public)

    @property
    def secret_text(self) -> str:
        """`AGE-SECRET-KEY-1…`."""
        return bech32.encode(IDENTITY_PREFIX, self._key.private_bytes_raw())

    def unwrap(self, stanza: Stanza, where: str) -> bytes | None:
        """The file key, when the stanza is for this identity."""
        if stanza.kind != _KIND:
            return None
        share = decode_base64(stanza.arguments[0].encode()) if len(stanza.arguments) == 1 else None
        if share is None or len(share) != KEY_LENGTH or len(stanza.body) != WRAPPED_LENGTH:
            raise malformed(where, "an X25519 recipient has the wrong arguments or length")
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:  # all zeros: the share is a point of low order
            raise malformed(where, "an X25519 recipient's share is no valid point") from error
        try:
            return _wrap_key(shared, share, self._public).decrypt(NO_NONCE, stanza.body, None)
        except InvalidTag:
            return None


def _wrap_key(shared: bytes, share: bytes, public: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(derive(shared, salt=share + public, info=_INFO))
