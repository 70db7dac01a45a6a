"""Reading recipients and identities as people keep them: one a line, with comments.

No message repeats a secret, nor what might be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pantry_tui.artifact.age import bech32, hybrid, x25519
from pantry_tui.artifact.age.armor import armor, is_armored, remove_armor
from pantry_tui.artifact.age.envelope import is_encrypted, needs_passphrase, new_file, open_file
from pantry_tui.artifact.age.keys import PublicKey, SecretKey
from pantry_tui.artifact.age.passphrase import WORK_FACTOR, PassphraseIdentity, PassphraseRecipient
from pantry_tui.artifact.age.sealed import opened_pieces
from pantry_tui.errors import ConfigError, KeyMissingError
from pantry_tui.models import Unlocking

_IDENTITY_MARK = x25519.IDENTITY_PREFIX
_PLUGIN = re.compile("age1[a-z0-9]+1[a-z0-9]+|AGE-PLUGIN-.*")


def parse_recipient(text: str, *, key: str = "the recipient") -> PublicKey:
    """The recipient that ``text`` spells. Raises `ConfigError` naming ``key`` (where it was written)."""
    text = text.strip()
    if text.upper().startswith(_IDENTITY_MARK):
        raise ConfigError(
            f"{key} is a secret identity, not a recipient",
            remedy="Write the recipient there (age1…, see `pantry-tui key show FILE`). "
            "If others could read this, make a new key.",
        )
    decoded = bech32.decode(text)
    if decoded is not None:
        prefix, data = decoded
        if prefix == x25519.RECIPIENT_PREFIX and len(data) == x25519.KEY_LENGTH:
            return x25519.X25519Recipient(data)
        if prefix == hybrid.RECIPIENT_PREFIX and len(data) == hybrid.PUBLIC_LENGTH:
            return hybrid.HybridRecipient(data)
    raise ConfigError(f"{key} is no age recipient: {_shown(text)}", remedy=_recipient_remedy(text))


def parse_recipients(text: str, *, key: str) -> tuple[PublicKey, ...]:
    """The recipients of a file, one a line; `#` begins a comment. Raises `ConfigError` naming the line."""
    return tuple(parse_recipient(line, key=f"{key} line {number}") for number, line in _lines(text))


def parse_identity(text: str, *, key: str = "the identity") -> SecretKey:
    """The identity that ``text`` spells. Raises `ConfigError` naming ``key``, never what is written there."""
    decoded = bech32.decode(text.strip())
    if decoded is not None:
        prefix, data = decoded
        if prefix == x25519.IDENTITY_PREFIX and len(data) == x25519.KEY_LENGTH:
            return x25519.X25519Identity(data)
        if prefix == hybrid.IDENTITY_PREFIX and len(data) == hybrid.SEED_LENGTH:
            return hybrid.HybridIdentity(data)
    raise ConfigError(f"{key} is no age identity", remedy="It begins with AGE-SECRET-KEY-1 or AGE-SECRET-KEY-PQ-1.")


def parse_identities(text: str, *, key: str = "the identity file") -> tuple[SecretKey, ...]:
    """The identities of a file, one a line, with comments. Raises `ConfigError`, also where there is none."""
    found = tuple(parse_identity(line, key=f"{key} line {number}") for number, line in _lines(text))
    if not found:
        raise ConfigError(f"{key} holds no identity", remedy="It has a line that begins with AGE-SECRET-KEY-.")
    return found


def is_locked(data: bytes) -> bool:
    """Whether an identity file is protected by a passphrase."""
    return is_armored(data) or is_encrypted(data)


def lock_identities(
    identities: tuple[SecretKey, ...], passphrase: str, *, comment: str = "", work_factor: int = WORK_FACTOR
) -> bytes:
    """An identity file protected by ``passphrase``: armored, so that it can be printed. `age -d -i` takes it too."""
    header, key = new_file([PassphraseRecipient(passphrase, work_factor=work_factor)])
    text = identity_text(identities, comment=comment).encode()
    return armor(header + key.seal(0, text, last=True))


def identity_text(identities: tuple[SecretKey, ...], *, comment: str = "") -> str:
    """An identity file without protection, as age-keygen writes it."""
    lines = [f"# {line}" for line in comment.splitlines()]
    for identity in identities:
        lines += [f"# public key: {identity.recipient}", identity.secret_text]
    return "\n".join(lines) + "\n"


def unlock_identities(data: bytes, passphrase: str, *, key: str = "the identity file") -> tuple[SecretKey, ...]:
    """The identities of a protected file. Raises `WrongKeyError`, `BackupDamagedError`, `ConfigError`."""
    stored = remove_armor(data, key) if is_armored(data) else data
    if not needs_passphrase(stored, where=key):
        raise ConfigError(f"{key} is an encrypted file, but no identity file", remedy="Name the identity file.")
    start, payload_key = open_file(stored, [PassphraseIdentity(passphrase)], where=key)
    pieces = opened_pieces(
        lambda offset, length: stored[offset : offset + length], len(stored), start, payload_key, where=key
    )
    return parse_identities(_decoded(b"".join(pieces), key), key=key)


def load_identities(data: bytes, passphrase: str | None, *, key: str = "the identity file") -> tuple[SecretKey, ...]:
    """The identities of a file, protected or not. Raises `KeyMissingError` for a protected one without passphrase."""
    if not is_locked(data):
        return parse_identities(_decoded(data, key), key=key)
    if passphrase is None:
        raise KeyMissingError(
            f"{key} is protected by a passphrase, and none is given",
            remedy="Run the command in a terminal, which asks for it, or name a file that holds it.",
        )
    return unlock_identities(data, passphrase, key=key)


def _decoded(data: bytes, key: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{key} is not UTF-8 text", remedy="Check that it is the right file.") from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _shown(text: str) -> str:
    return repr(text if len(text) <= 24 else f"{text[:20]}…")


def _recipient_remedy(text: str) -> str:
    if text.startswith("ssh-"):
        return "SSH keys are not supported: make an age key with `pantry-tui key generate` or age-keygen."
    if _PLUGIN.fullmatch(text) and not text.startswith(hybrid.RECIPIENT_PREFIX + "1"):
        return "Keys of age plugins are not supported: use an age1… or age1pq1… recipient of age itself."
    return "It begins with age1, is all in small letters, and was copied whole: one letter wrong shows here."


def identities_of(unlocking: Unlocking) -> tuple[SecretKey, ...]:
    """The identities that came with a request; none, where none came. Raises `ConfigError`."""
    return tuple(
        parse_identity(text, key=f"identity {number}") for number, text in enumerate(unlocking.identities, start=1)
    )
