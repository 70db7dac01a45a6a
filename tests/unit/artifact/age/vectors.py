"""The public vectors of the age format: what a file holds and how opening it must end."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple


class Vector(NamedTuple):
    """One vector: the expected end, the digest of the content that may be released, the keys, and the file."""

    expect: str
    payload: str | None
    identities: tuple[str, ...]
    passphrases: tuple[str, ...]
    armored: bool
    file: bytes


def read_vector(path: Path) -> Vector:
    """The vector of one file of the test kit."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    fields = [line.partition(": ")[::2] for line in head.decode().split("\n")]
    values = dict(fields)
    if values.get("compressed") == "zlib":
        body = zlib.decompress(body)
    return Vector(
        expect=values["expect"],
        payload=values.get("payload"),
        identities=tuple(value for key, value in fields if key == "identity"),
        passphrases=tuple(value for key, value in fields if key == "passphrase"),
        armored=values.get("armored") == "yes",
        file=body,
    )
