"""Encryption to a passphrase (scrypt). Identity files are protected with it."""

from __future__ import annotations

import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from pantry_tui.artifact.age.header import Stanza, decode_base64, encode_base64, malformed
from pantry_tui.artifact.age.keys import NO_NONCE, WRAPPED_LENGTH, Identity, Recipient
from pantry_tui.errors import RefusedError

KIND = "scrypt"
WORK_FACTOR = 18  # base-two logarithm: 256 MiB and a second, as age itself
MOST_WORK = 20  # a GiB and four seconds; a file could ask for any amount
_SALT_LENGTH = 16
_SALT_LABEL = b"age-encryption.org/v1/scrypt"
_NUMBER = re.compile("[1-9][0-9]*", re.ASCII)


class PassphraseRecipient(Recipient):
    """Whoever knows the passphrase. It must be a file's only recipient."""

    alone = True

    def __init__(self, passphrase: str, *, work_factor: int = WORK_FACTOR) -> None:
        self._passphrase = passphrase
        self._work_factor = work_factor

    def wrap(self, file_key: bytes) -> Stanza:
        """The file key under a key made from the passphrase."""
        salt = secrets.token_bytes(_SALT_LENGTH)
        key = _wrap_key(self._passphrase, salt, self._work_factor)
        arguments = (encode_base64(salt).decode(), str(self._work_factor))
        return Stanza(KIND, arguments, key.encrypt(NO_NONCE, file_key, None))


class PassphraseIdentity(Identity):
    """The passphrase, to open with."""

    def __init__(self, passphrase: str) -> None:
        self._passphrase = passphrase

    def unwrap(self, stanza: Stanza, where: str) -> bytes | None:
        """The file key; None for another passphrase. Raises `RefusedError` for a file that asks for too much work."""
        if stanza.kind != KIND:
            return None
        salt, work_factor = _arguments(stanza, where)
        if work_factor > MOST_WORK:
            raise RefusedError(
                f"{where}: its passphrase costs 2^{work_factor} units of work, more than this program spends (2^{MOST_WORK})",
                remedy="decrypt it with `age -d`, and encrypt it again with less work",
            )
        try:
            return _wrap_key(self._passphrase, salt, work_factor).decrypt(NO_NONCE, stanza.body, None)
        except InvalidTag:
            return None


def _arguments(stanza: Stanza, where: str) -> tuple[bytes, int]:
    if len(stanza.arguments) != 2 or len(stanza.body) != WRAPPED_LENGTH:
        raise malformed(where, "the passphrase's part has the wrong arguments or length")
    salt = decode_base64(stanza.arguments[0].encode())
    number = stanza.arguments[1]
    if salt is None or len(salt) != _SALT_LENGTH or not _NUMBER.fullmatch(number) or len(number) > 3:
        raise malformed(where, "the passphrase's part has no valid salt or work factor")
    return salt, int(number)


def _wrap_key(passphrase: str, salt: bytes, work_factor: int) -> ChaCha20Poly1305:
    scrypt = Scrypt(_SALT_LABEL + salt, length=32, n=1 << work_factor, r=8, p=1)
    return ChaCha20Poly1305(scrypt.derive(passphrase.encode()))
