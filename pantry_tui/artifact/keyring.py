"""The keys that the configuration names: to whom backups are encrypted, and with what they are opened here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pantry_tui.artifact.age import PublicKey, SecretKey, is_locked, load_identities, parse_recipient, parse_recipients
from pantry_tui.config import load_config
from pantry_tui.config.references import check_not_writable, read_secret_file, resolve_bytes, resolve_reference
from pantry_tui.config.settings import EncryptionSettings
from pantry_tui.errors import ConfigError, KeyMissingError
from pantry_tui.models import Unlocking

LARGEST_RECIPIENTS_FILE = 1024 * 1024
Ask = Callable[[str], str]


def configured_recipients(settings: EncryptionSettings) -> tuple[PublicKey, ...]:
    """Everybody a backup is encrypted to; nobody, where no encryption is configured.

    Raises `ConfigError` naming key or file and line; `KeyMissingError` when encryption is configured and nobody is left
    to encrypt to, so that a file that went missing never means backups in the clear.
    """
    found = recipients_of_settings(settings)
    if settings.recipients_file:
        found += recipients_of_file(Path(settings.recipients_file))
    if settings.wanted and not found:
        raise KeyMissingError(
            f"Encryption is configured, but {settings.recipients_file} names no recipient",
            remedy="Add one: pantry-tui key rotate --add age1…",
        )
    return tuple(dict.fromkeys(found))


def recipient_texts(settings: EncryptionSettings) -> tuple[str, ...]:
    """The same as a request carries them. Raises as `configured_recipients` does."""
    return tuple(recipient.text for recipient in configured_recipients(settings))


def recipients_of_settings(settings: EncryptionSettings) -> tuple[PublicKey, ...]:
    """The recipients that stand in the configuration itself. Raises `ConfigError`."""
    return tuple(
        parse_recipient(text, key=f"encryption.recipients, number {number}")
        for number, text in enumerate(settings.recipients, start=1)
    )


def recipients_of_file(path: Path) -> tuple[PublicKey, ...]:
    """The recipients of a file. Raises `ConfigError`."""
    return parse_recipients(read_recipients_file(path), key=str(path))


def read_recipients_file(path: Path) -> str:
    """The text of a recipients file. Raises `ConfigError` when it cannot be read or others could have written it."""
    try:
        with path.open("rb") as file:
            check_not_writable(os.fstat(file.fileno()), path, what="The recipients file")
            data = file.read(LARGEST_RECIPIENTS_FILE + 1)
    except OSError as error:
        raise ConfigError(
            f"Encryption is configured, but its recipients file {path} cannot be read: {error.strerror}",
            remedy="Put it back, or make it with: pantry-tui key rotate --add age1…",
        ) from error
    if len(data) > LARGEST_RECIPIENTS_FILE:
        raise ConfigError(f"{path} is over 1 MB: that is no recipients file", remedy="Check the path.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", remedy="Check that it is the right file.") from error


def configured_identities(
    settings: EncryptionSettings, environment: Mapping[str, str], *, ask: Ask | None = None
) -> tuple[SecretKey, ...]:
    """The identities that this host may open backups with; none, where none is configured.

    A protected file is opened by ``encryption.passphrase``, else by what ``ask`` (given a question) answers. Raises
    `ConfigError`, `WrongKeyError`, `KeyMissingError`.
    """
    if settings.identity is None:
        return ()
    key = "encryption.identity"
    data = resolve_bytes(settings.identity, environment, key=key, what="identity")
    passphrase = None
    if is_locked(data) and settings.passphrase:
        where = "encryption.passphrase"
        passphrase = resolve_reference(settings.passphrase, environment, key=where, what="passphrase")
    return _unlocked(data, passphrase, ask, key=key)


def identities_of_file(path: Path, *, passphrase: str | None = None, ask: Ask | None = None) -> tuple[SecretKey, ...]:
    """The identities of a file that nobody else can read. Raises as `configured_identities` does."""
    return _unlocked(read_secret_file(path, key="the identity file"), passphrase, ask, key=str(path))


def unlocking(
    settings: EncryptionSettings,
    environment: Mapping[str, str],
    *,
    file: str | None = None,
    passphrase: str | None = None,
    ask: Ask | None = None,
) -> Unlocking:
    """The identities of a file, or else the configured ones, as a request carries them. Raises as they do."""
    if file:
        found = identities_of_file(Path(file).expanduser().absolute(), passphrase=passphrase, ask=ask)
    else:
        found = configured_identities(settings, environment, ask=ask)
    return Unlocking(identities=tuple(identity.secret_text for identity in found))


def unlocking_as_configured(*, encrypted: bool, file: str | None) -> Unlocking:
    """The same by the configuration of this process, which is read for an encrypted backup only; nothing for another."""
    return unlocking(load_config().encryption, os.environ, file=file) if encrypted else Unlocking()


def _unlocked(data: bytes, passphrase: str | None, ask: Ask | None, *, key: str) -> tuple[SecretKey, ...]:
    if passphrase is None and ask is not None and is_locked(data):
        passphrase = ask(f"Passphrase of {key}")
    return load_identities(data, passphrase, key=key)
