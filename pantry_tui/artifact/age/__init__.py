"""Encryption in the age format (C2SP age v1), so that backups open with the stock `age -d`.

`new_file` and `open_file` begin and open files, `PayloadKey` seals and opens their content, `SealedWriter`,
`opened_pieces` and `SealedFile` do that for whole files; recipients and identities are read by `parsing`.
"""

from pantry_tui.artifact.age.envelope import HEAD_BYTES, is_encrypted, new_file, open_file
from pantry_tui.artifact.age.hybrid import HybridIdentity, HybridRecipient
from pantry_tui.artifact.age.keys import Identity, PublicKey, Recipient, SecretKey
from pantry_tui.artifact.age.parsing import (
    identities_of,
    identity_text,
    is_locked,
    load_identities,
    lock_identities,
    parse_identities,
    parse_recipient,
    parse_recipients,
    unlock_identities,
)
from pantry_tui.artifact.age.passphrase import PassphraseIdentity, PassphraseRecipient
from pantry_tui.artifact.age.payload import CHUNK, SEALED_CHUNK, PayloadKey, opened_size, sealed_size
from pantry_tui.artifact.age.sealed import SealedFile, SealedWriter, opened_pieces
from pantry_tui.artifact.age.x25519 import X25519Identity, X25519Recipient

__all__ = [
    "CHUNK",
    "HEAD_BYTES",
    "SEALED_CHUNK",
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "PassphraseIdentity",
    "PassphraseRecipient",
    "PayloadKey",
    "PublicKey",
    "Recipient",
    "SealedFile",
    "SealedWriter",
    "SecretKey",
    "X25519Identity",
    "X25519Recipient",
    "identities_of",
    "identity_text",
    "is_encrypted",
    "is_locked",
    "load_identities",
    "lock_identities",
    "new_file",
    "open_file",
    "opened_pieces",
    "opened_size",
    "parse_identities",
    "parse_recipient",
    "parse_recipients",
    "sealed_size",
    "unlock_identities",
]
