"""The keys that go with a request: a client resolves its own configuration, the runner takes what it is given."""

from __future__ import annotations

import os

from pantry_tui.artifact import keyring
from pantry_tui.config import Config
from pantry_tui.models import Unlocking


def recipients_for(config: Config) -> tuple[str, ...]:
    """To whom a new backup is encrypted. Raises `ConfigError`, `KeyMissingError`."""
    return keyring.recipient_texts(config.encryption)


def unlocking_for(
    config: Config, *, encrypted: bool, file: str | None = None, passphrase: str | None = None
) -> Unlocking:
    """What opens a backup: the identities of a file, or the configured ones; nothing where it is not ``encrypted``.

    Raises `ConfigError`, `WrongKeyError`, `KeyMissingError`.
    """
    if not encrypted:
        return Unlocking()
    return keyring.unlocking(config.encryption, os.environ, file=file, passphrase=passphrase)
