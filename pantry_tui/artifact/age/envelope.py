"""Beginning an encrypted file, and finding the key of one: header and nonce."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from pantry_tui.artifact.age.header import (
    HEADER_LIMIT,
    VERSION_LINE,
    Header,
    Stanza,
    derive,
    encode_header,
    mac_fits,
    malformed,
    parse_header,
)
from pantry_tui.artifact.age.keys import FILE_KEY_LENGTH, Identity, Recipient
from pantry_tui.artifact.age.passphrase import KIND as PASSPHRASE_KIND
from pantry_tui.artifact.age.payload import PayloadKey
from pantry_tui.errors import BackupDamagedError, ConfigError, KeyMissingError, WrongKeyError

NONCE_LENGTH = 16
HEAD_BYTES = HEADER_LIMIT + NONCE_LENGTH  # reading so much of a file's start is enough for `open_file`


def new_file(recipients: Sequence[Recipient]) -> tuple[bytes, PayloadKey]:
    """What a new file begins with, and the key for its content, which only ``recipients`` can find again.

    Raises `KeyMissingError` without a recipient, `ConfigError` for recipients that cannot stand together or are no keys,
    `EncryptionError` when the library lacks what one of them needs.
    """
    _check_together(recipients)
    file_key, nonce = secrets.token_bytes(FILE_KEY_LENGTH), secrets.token_bytes(NONCE_LENGTH)
    header = encode_header(tuple(_wrapped(recipient, file_key) for recipient in recipients), file_key)
    if len(header) > HEADER_LIMIT:
        raise ConfigError(f"{len(recipients):,} recipients are more than one file can have", remedy="Name fewer.")
    return header + nonce, _payload_key(file_key, nonce)


def open_file(
    head: bytes, identities: Sequence[Identity], *, where: str = "the encrypted file"
) -> tuple[int, PayloadKey]:
    """How long the file's beginning is, nonce included, and the key for its content.

    ``head`` is the start of the file, `HEAD_BYTES` of it or all. Raises `BackupDamagedError`; `WrongKeyError` when none
    of ``identities`` opens it, `KeyMissingError` when there are none; `RefusedError` for too much work.
    """
    header = parse_header(head, where)
    if len(header.stanzas) > 1 and any(stanza.kind == PASSPHRASE_KIND for stanza in header.stanzas):
        raise malformed(where, "a passphrase stands beside other recipients")
    file_key = _file_key(header, identities, where)
    if not mac_fits(header, file_key):
        raise BackupDamagedError(
            f"{where}: the header was changed: its message authentication code is another",
            remedy="restore from another copy or backup",
        )
    nonce = head[header.length : header.length + NONCE_LENGTH]
    if len(nonce) < NONCE_LENGTH:
        raise malformed(where, "the file ends behind it")
    return header.length + NONCE_LENGTH, _payload_key(file_key, nonce)


def is_encrypted(head: bytes) -> bool:
    """Whether a file that starts like this is an age file (not armored)."""
    return head.startswith(VERSION_LINE)


def needs_passphrase(head: bytes, *, where: str = "the encrypted file") -> bool:
    """Whether a passphrase opens this file, and no identity. Raises `BackupDamagedError`."""
    return parse_header(head, where).stanzas[0].kind == PASSPHRASE_KIND


def _check_together(recipients: Sequence[Recipient]) -> None:
    if not recipients:
        raise KeyMissingError(
            "There is nobody to encrypt to",
            remedy="Make a key with `pantry-tui key generate` and configure its recipient.",
        )
    if len(recipients) > 1 and any(recipient.alone for recipient in recipients):
        raise ConfigError("A passphrase cannot stand beside other recipients", remedy="Use one or the other.")
    if len({recipient.post_quantum for recipient in recipients}) > 1:
        # one classic recipient beside it, and the post-quantum one protects nothing
        raise ConfigError(
            "Post-quantum recipients (age1pq1…) and others cannot open the same file",
            remedy="Use either kind for all recipients.",
        )


def _wrapped(recipient: Recipient, file_key: bytes) -> Stanza:
    try:
        return recipient.wrap(file_key)
    except ValueError as error:
        raise ConfigError(
            f"The recipient {str(recipient)[:20]}… is no key that anybody has", remedy="Copy the recipient again."
        ) from error


def _file_key(header: Header, identities: Sequence[Identity], where: str) -> bytes:
    for identity in identities:
        for stanza in header.stanzas:
            file_key = identity.unwrap(stanza, where)
            if file_key is not None:
                return file_key
    if not identities:
        raise KeyMissingError(
            f"{where} is encrypted, and no identity is given",
            remedy="Name the identity file of one of its recipients (--identity FILE, or identity in [encryption]).",
        )
    if header.stanzas[0].kind == PASSPHRASE_KIND:
        raise WrongKeyError(f"{where}: this passphrase does not open it", remedy="Try again; capitals count.")
    given = (
        "the identity given does not open"
        if len(identities) == 1
        else f"none of the {len(identities)} identities given opens"
    )
    would = f"one of {len(header.stanzas)} others would" if len(header.stanzas) > 1 else "another one would"
    raise WrongKeyError(
        f"{where}: {given} it; {would}",
        remedy="Name the identity file of one of its recipients; retired ones open what was encrypted in their time.",
    )


def _payload_key(file_key: bytes, nonce: bytes) -> PayloadKey:
    return PayloadKey(derive(file_key, salt=nonce, info=b"payload"))
