"""What objects are called below a repository's prefix.

::

    backups/<id>/manifest.json, manifest.json.sig, records     small, one object each: lists and rebuilds read nothing else
    tombstones/<id>.json
    data/<id>/<file>/<number>-<sha256>                         the files that the manifest names, in parts

A part's name says which it is and what it holds, so that a copy that was cut off goes on by a list alone, and anybody can check
one. Parts, in the order of their names, are the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

from pantry_tui.artifact.files import is_plain_name
from pantry_tui.artifact.manifest import TABLES_DIRECTORY
from pantry_tui.errors import BackupDamagedError
from pantry_tui.repository.objects.store import Entry

BACKUPS = "backups"
TOMBSTONES = "tombstones"
DATA = "data"
PART_BYTES = 16 * 1024 * 1024

_PART = re.compile(r"([0-9]{6})-([0-9a-f]{64})", re.ASCII)
MOST_PARTS = 1_000_000


class Part(NamedTuple):
    """A part of a file, as its object's name has it."""

    number: int
    sha256: str
    size: int
    name: str  # the object's


def file_prefix(backup_id: str, file: str) -> str:
    """What the names of a file's parts begin with. Raises `BackupDamagedError` for what no file of a backup is called."""
    *below, last = file.split("/")
    if not is_plain_name(last) or below not in ([], [TABLES_DIRECTORY]):
        raise BackupDamagedError(f"{backup_id}: {file!r} is not the name of a file of a backup")
    return f"{DATA}/{backup_id}/{quote(file, safe='/')}/"


def part_name(prefix: str, number: int, sha256: str) -> str:
    """The name of a part's object."""
    return f"{prefix}{number:06}-{sha256}"


def parts_of(entries: Iterable[Entry]) -> Iterator[tuple[str, Part]]:
    """The parts among objects below `data/<id>/`, each with the name of its file; what is none is passed over."""
    for entry in entries:
        path, _, last = entry.name.rpartition("/")
        if found := _PART.fullmatch(last):
            file = "/".join(path.split("/")[2:])
            yield unquote(file), Part(int(found[1]), found[2], entry.size, entry.name)
