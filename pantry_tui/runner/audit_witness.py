"""What the audit trail was when it was last written to, noted beside it: how many lines, and the hash of the last one.

A chain of hashes shows every change but one: lines that are cut off at its end. The note, `audit.head`, does. Whoever may
write the one file may write the other; so what it says is worth keeping somewhere else, too (`audit verify` prints it).
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from pantry_tui.models import Model

WITNESS_NAME = "audit.head"
_ROOM = 128  # bytes: written in place, over what stands there, which no full disk and no crash can do by half
_LINE_GUESS = 64 * 1024
_SPELLED = re.compile(r"(\d{1,12}):([0-9a-f]{64})")


class Witness(Model, frozen=True, kw_only=True):
    """A line of the trail, by its number from 1, and the sha256 of it; 0 and the beginning of the chain for no line.

    ``bytes``: where it ends in the file, its line end included; that spares going through the whole trail.
    """

    lines: Annotated[int, Meta(ge=0)]
    sha256: str
    bytes: Annotated[int, Meta(ge=0)] = 0

    def __str__(self) -> str:
        return f"{self.lines}:{self.sha256}"


def spelled_witness(text: str) -> Witness:
    """What `str` made of a witness. Raises ValueError."""
    found = _SPELLED.fullmatch(text)
    if found is None:
        raise ValueError(f"not a line's number and hash: {text!r}")
    return Witness(lines=int(found[1]), sha256=found[2])


def read_witness(directory: Path) -> Witness | None:
    """What is noted; None where nothing is that can be read."""
    try:
        return Witness.from_json((directory / WITNESS_NAME).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def stands_in(descriptor: int, noted: Witness) -> bool:
    """Whether the line that was noted ends where it was noted, and is the same. Raises OSError."""
    if noted.lines == 0:
        return noted.bytes == 0
    if os.fstat(descriptor).st_size < noted.bytes:
        return False
    length = _LINE_GUESS
    while True:
        begin = max(0, noted.bytes - length)
        piece = os.pread(descriptor, noted.bytes - begin, begin)
        if not piece.endswith(b"\n"):
            return False
        _, separator, line = piece[:-1].rpartition(b"\n")
        if separator or begin == 0:
            return hashlib.sha256(line).hexdigest() == noted.sha256
        length *= 4


def write_witness(directory: Path, witness: Witness) -> None:
    """Notes it, durably. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(directory / WITNESS_NAME, flags, 0o600)
    try:
        os.pwrite(descriptor, witness.to_json().ljust(_ROOM - 1) + b"\n", 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
