"""The keys that go with a request: a client resolves its own configuration, the runner takes what it is given."""

from __future__ import annotations

import os

from pantry_tui.artifact import keyring
from pantry_tui.config import Config
from pantry_tui.models import Unlocking


def recipients_for(config: Config) -> tuple[str, ...]:
    """To whom a new backup is encrypted. Raises `ConfigError`, `KeyMissingError`."""
    return tuple(recipient.text for recipient in keyring.configured_recipients(config.encryption))


def unlocking_for(config: Config, *, file: str | None = None, passphrase: str | None = None) -> Unlocking:
    """What opens an encrypted backup: the identities of a file, or the configured ones.

    Raises `ConfigError`, `WrongKeyError`, `KeyMissingError`.
    """
    return keyring.unlocking(config.encryption, os.environ, file=file, passphrase=passphrase)
