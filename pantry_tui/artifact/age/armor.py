"""ASCII armor: an age file as text that survives mail and paper. Used for identity files, not for backups."""

from __future__ import annotations

import base64
import binascii
import re

from pantry_tui.errors import BackupDamagedError

_BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END = b"-----END AGE ENCRYPTED FILE-----"
_WHITE_SPACE = b" \t\r\n"
_COLUMNS = 64
# whole lines of 64, then at most one that is shorter
_BODY = re.compile(rb"((?:[A-Za-z0-9+/]{64}\n)*)((?:[A-Za-z0-9+/=]{1,64}\n)?)")


def is_armored(data: bytes) -> bool:
    """Whether this is meant to be armored text."""
    return data.lstrip(_WHITE_SPACE).startswith(_BEGIN)


def armor(data: bytes) -> bytes:
    """``data`` as armored text."""
    text = base64.b64encode(data)
    lines = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return b"\n".join((_BEGIN, *lines, _END)) + b"\n"


def remove_armor(text: bytes, where: str) -> bytes:
    """The age file inside. Raises `BackupDamagedError` for anything but the one strict spelling (RFC 7468).

    Either kind of line end is fine, and white space before and after.
    """
    content = text.strip(_WHITE_SPACE).replace(b"\r\n", b"\n")
    if not (content.startswith(_BEGIN + b"\n") and content.endswith(b"\n" + _END)):
        raise _damaged(where)
    body = content[len(_BEGIN) + 1 : -len(_END)]
    if _BODY.fullmatch(body) is None:
        raise _damaged(where)
    joined = body.replace(b"\n", b"")
    try:
        data = base64.b64decode(joined, validate=True)
    except binascii.Error as error:
        raise _damaged(where) from error
    if base64.b64encode(data) != joined:
        raise _damaged(where)
    return data


def _damaged(where: str) -> BackupDamagedError:
    return BackupDamagedError(
        f"{where}: the armor of the encrypted file is damaged", remedy="copy it again, whole and without changes"
    )
