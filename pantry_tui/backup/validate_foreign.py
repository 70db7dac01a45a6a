"""Reading a dump that others made back, as it was read when it was taken in; nothing of it is run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import NamedTuple

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.foreign.opening import ForeignFile
from pantry_tui.artifact.foreign.script import Inspected, inspect, script_of
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.backup.progress import start_phase
from pantry_tui.backup.stoppable import in_stoppable_thread
from pantry_tui.errors import BackupDamagedError, RefusedError, UsageError
from pantry_tui.events import Listener, Progress
from pantry_tui.repository.repository import Repository

_FIRST_SHARE = 0.3  # of the progress: hashing comes before


class ReadDump(NamedTuple):
    """What reading it came to."""

    problems: tuple[str, ...]
    rows: int = 0
    raw_bytes: int = 0


async def read_dump(
    repository: Repository, manifest: Manifest, identities: Sequence[Identity], listener: Listener
) -> ReadDump:
    """Unpacks a dump, looks through every statement, and compares with what was found when it was taken in.

    Raises `StorageError`, and what opening an encrypted one raises.
    """
    start_phase(listener, "dump", "Looking through the dump; nothing of it is run", _FIRST_SHARE)
    place = repository.place(manifest.id, manifest.file("artifact").name)
    stop = threading.Event()
    try:
        dump = await asyncio.to_thread(lambda: ForeignFile(Content.unlock(place, identities), place.name))

        def moved() -> None:
            listener(Progress(share=_FIRST_SHARE + (1 - _FIRST_SHARE) * min(1.0, dump.read_bytes / dump.size)))

        inspected = await in_stoppable_thread(lambda: inspect(script_of(dump), stop, moved), stop)
    except (BackupDamagedError, RefusedError, UsageError) as error:
        return ReadDump((error.message,))
    return ReadDump(tuple(_problems(manifest, inspected, place.name)), inspected.lines, inspected.bytes)


def _problems(manifest: Manifest, inspected: Inspected, name: str) -> list[str]:
    known = manifest.foreign
    if known is None:
        return [f"the manifest does not say what was found in {name}"]
    found = (inspected.digest.hex(), inspected.bytes, inspected.statements, inspected.lines)
    if found != (known.script_sha256, known.script_bytes, known.statements, known.lines):
        return [f"{name} is another script than that which was taken in"]
    return []
