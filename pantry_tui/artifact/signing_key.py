"""The file that holds this data directory's signing key: `DATA_DIR/keys/signing.key`."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pantry_tui.artifact.files import fsync_directory, storage_errors, write_new
from pantry_tui.artifact.private import prepare_private_directory
from pantry_tui.artifact.signing import SigningKey
from pantry_tui.config.references import read_secret_file

KEYS_DIRECTORY = "keys"
SIGNING_KEY_NAME = "signing.key"


def keys_directory(data_directory: str | Path) -> Path:
    """Where a data directory keeps its keys."""
    return Path(data_directory) / KEYS_DIRECTORY


def find_signing_key(data_directory: str | Path) -> SigningKey | None:
    """The key that signs here; None when nothing was signed yet. Raises `ConfigError`, also when others can read it."""
    path = keys_directory(data_directory) / SIGNING_KEY_NAME
    if not os.path.lexists(path):
        return None
    return SigningKey.decode(read_secret_file(path, key="the signing key"), where=str(path))


def signing_key(data_directory: str | Path) -> SigningKey:
    """The key that signs here, made on first use (0600). Raises `ConfigError`, `RefusedError`, `StorageError`.

    Of two that make it at the same time, both get the key of the first.
    """
    found = find_signing_key(data_directory)
    if found is not None:
        return found
    directory = keys_directory(data_directory)
    prepare_private_directory(directory, "the directory of the keys")
    made = SigningKey.generate()
    _put_in_place(directory / SIGNING_KEY_NAME, made.encode())
    return find_signing_key(data_directory) or made


def _put_in_place(path: Path, data: bytes) -> None:
    """Makes the file appear whole; leaves one that is there already."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with storage_errors(path, "writing the signing key"):
        write_new(temporary, data)
        try:
            with suppress(FileExistsError):
                os.link(temporary, path)  # unlike a rename, it replaces nothing
        finally:
            temporary.unlink()
        fsync_directory(path.parent)
