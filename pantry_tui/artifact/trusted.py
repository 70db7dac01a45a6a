"""The signers that are trusted besides this data directory's own: `DATA_DIR/keys/trusted`.

One fingerprint a line (`SHA256:` and 43 characters), behind it whatever says whose it is; `#` begins a comment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pantry_tui.artifact.signing_key import keys_directory
from pantry_tui.config.references import check_not_writable
from pantry_tui.errors import ConfigError, UsageError

TRUSTED_NAME = "trusted"
UNSIGNED = "unsigned"  # what is trusted when a backup without a signature is

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
_LARGEST = 1 << 20


def trusted_file(data_directory: str | Path) -> Path:
    """Where a data directory lists whom it trusts."""
    return keys_directory(data_directory) / TRUSTED_NAME


def trusted_fingerprints(data_directory: str | Path) -> frozenset[str]:
    """The fingerprints of the file; none where there is no file.

    Raises `ConfigError` for a line that begins with no fingerprint, and when others could have written the file.
    """
    path = trusted_file(data_directory)
    try:
        with path.open("rb") as file:
            check_not_writable(os.fstat(file.fileno()), path, what="The list of trusted signers")
            text = file.read(_LARGEST).decode()
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise ConfigError(
            f"the list of trusted signers cannot be read: {path}: {error.strerror}", remedy=f"Run: chmod 600 {path}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", remedy="Check that it is the right file.") from error
    lines = ((number, line.partition("#")[0].split()) for number, line in enumerate(text.splitlines(), start=1))
    return frozenset(_fingerprint(words[0], f"{path} line {number}") for number, words in lines if words)


def require_fingerprints(trust: Iterable[str]) -> None:
    """Checks that each names a signer, or is `unsigned`. Raises `UsageError`."""
    for text in trust:
        if text != UNSIGNED and not _FINGERPRINT.fullmatch(text):
            raise UsageError(
                f"{text[:80]!r} is no fingerprint of a signer",
                remedy="Give all of it: SHA256: and 43 characters, as `pantry-tui key show` prints it where it was "
                f"signed; or `{UNSIGNED}` for a backup without a signature.",
            )


def _fingerprint(text: str, where: str) -> str:
    if not _FINGERPRINT.fullmatch(text):
        raise ConfigError(
            f"{where}: {text[:80]!r} is no fingerprint of a signer",
            remedy="A line begins with SHA256: and 43 characters; comments begin with #.",
        )
    return text
