"""The private server that a drill restores to: started for it, and gone with everything on it afterwards.

Nothing of one outlives its drill. The server itself dies with the thread that started it; a note in the data directory
says where its files are, for the next who looks after a drill that was killed. Whoever makes the note holds it locked.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.private import prepare_private_directory
from pantry_tui.errors import ClientToolError, DiskFullError
from pantry_tui.models import Model
from pantry_tui.postgres.binaries import can_serve, embedded_binaries, installed_binaries, server_version_num
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.postgres.tools import version_number
from pantry_tui.postgres.trust import why_not_run
from pantry_tui.recovery.preflight import LEAST_SPACE

FOLDER = "drills"  # in the data directory
ELSEWHERE = "rehearse on the database's own server: --on server"
SERVER_BYTES = 100_000_000  # of an empty server with its log
_NOTE_SUFFIX = ".server"
_LOCK_NAME = ".lock"
# As little log and work in the background as there can be: what is measured is the restore.
_SETTINGS = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "shared_buffers": "256MB",
}
# Those of the source's where they are more than these: as the source's server could, this one can.
_LIMITS = {"max_locks_per_transaction": 256, "max_connections": 100, "max_prepared_transactions": 0}
_MOST = 10_000


class _Note(Model, frozen=True, kw_only=True):
    """Where a private server's files are, and with which programs it was started."""

    directory: str
    binaries: str


def fitting_binaries(manifest: Manifest, client_tools: str | None) -> Path:
    """The server's programs that fit a backup best: of its own major version, else of the next newer one there is.

    ``client_tools``: a directory that may have them, too. An archive is read by a pg_restore that is not older than the
    pg_dump that wrote it, so such ones come first. Raises `ClientToolError` when there are none.
    """
    wanted = manifest.server.version_num // 10_000
    written_by = (version_number(manifest.tools.get("client tools", "")) or 0) // 10_000
    found = [(server_version_num(place) // 10_000, place) for place in _places(client_tools)]
    fitting = [(major < written_by, major, number) for number, (major, _) in enumerate(found) if major >= wanted]
    if fitting:
        return found[min(fitting)[2]][1]
    there = ", ".join(f"{major} in {place}" for major, place in found)
    raise ClientToolError(
        f"no PostgreSQL server of version {wanted} or newer is installed here to drill backup {manifest.id} on"
        + (f" (there is {there})" if there else ""),
        remedy=f"install the package postgresql-{wanted}, or {ELSEWHERE}",
    )


def _places(client_tools: str | None) -> list[Path]:
    places = [*installed_binaries()]
    if (embedded := embedded_binaries()) is not None:
        places.append(embedded)
    configured = Path(client_tools) if client_tools is not None else None
    if configured is not None and can_serve(configured) and not why_not_run(configured / "postgres"):
        places.insert(0, configured)
    return places


@asynccontextmanager
async def rehearsal_server(
    manifest: Manifest, *, name: str, data_directory: Path, directory: Path | None, client_tools: str | None
) -> AsyncIterator[PrivateServer]:
    """A private server called ``name`` that fits the backup, for the time of one drill.

    It stands in ``directory``, or in the data directory. Raises `ClientToolError`, `DiskFullError`, `ServerError`,
    `StorageError`.
    """
    folder = data_directory / FOLDER
    binaries = await asyncio.to_thread(fitting_binaries, manifest, client_tools)
    await asyncio.to_thread(remove_abandoned, data_directory)
    server = PrivateServer((directory or folder) / name, binaries=binaries, settings=_settings(manifest))
    _require_room(server.home, manifest.raw_bytes)
    note = _Note(directory=str((directory or folder) / name), binaries=str(binaries))
    # One thread for all of it: the server dies with the thread that starts it.
    with _noted(folder, name, note) as noted, ThreadPoolExecutor(1, "rehearsal-server") as thread:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(thread, server.start)
            yield server
        finally:
            await asyncio.shield(loop.run_in_executor(thread, _destroy, server, noted))


def _destroy(server: PrivateServer, note: Path) -> None:
    """Removes the server; the note stays where that fails, for the next who looks."""
    try:
        with storage_errors(server.home, "removing a private server"):
            server.destroy()
    finally:
        if not server.home.exists():
            note.unlink()


def remove_abandoned(data_directory: Path) -> None:
    """Removes what drills that were killed left of their private servers. Raises `StorageError`."""
    folder = data_directory / FOLDER
    if not folder.is_dir():
        return
    with storage_errors(folder, "removing what is left of a drill"), _alone(folder):
        for path in sorted(folder.glob(f"*{_NOTE_SUFFIX}")):
            with suppress(FileNotFoundError), path.open("rb") as file:  # a drill may be ending at this moment
                if not _is_held(file.fileno()):
                    _remove(file.read())
                    path.unlink()


def _remove(data: bytes) -> None:
    try:
        note = _Note.from_json(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # cut off before there was a server
    places = [Path(note.binaries), *_places(None)]
    binaries = next((place for place in places if can_serve(place)), None)  # an upgrade may have removed the first
    PrivateServer(Path(note.directory), binaries=binaries).destroy()


@contextmanager
def _noted(folder: Path, name: str, note: _Note) -> Iterator[Path]:
    """Notes a server that is to be removed, and holds the note."""
    prepare_private_directory(folder, "the directory of the drills")
    path = folder / f"{name}{_NOTE_SUFFIX}"
    with ExitStack() as stack:
        with storage_errors(path, "noting a private server"):
            with _alone(folder):
                file = stack.enter_context(path.open("xb"))
                fcntl.flock(file, fcntl.LOCK_EX)
            file.write(note.to_json())
            file.flush()
        yield path


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else makes or removes notes meanwhile: one that is not yet locked must not look abandoned."""
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _settings(manifest: Manifest) -> dict[str, str]:
    around = manifest.environment.server_settings if manifest.environment is not None else {}
    limits = {name: _limit(around.get(name), least) for name, least in _LIMITS.items()}
    return _SETTINGS | limits


def _limit(wanted: str | None, least: int) -> str:
    number = int(wanted) if wanted is not None and re.fullmatch("[0-9]{1,9}", wanted) else 0
    return str(min(max(number, least), _MOST))


def _require_room(home: Path, raw_bytes: int) -> None:
    """Raises `DiskFullError` where the rows cannot fit."""
    there = next(path for path in home.parents if path.is_dir())
    with storage_errors(there, "looking at the disk for a private server"):
        free = shutil.disk_usage(there).free
    if free < (least := int(raw_bytes * LEAST_SPACE) + SERVER_BYTES):
        raise DiskFullError(
            f"a drill needs at least {least:,} bytes in {there}, where its private server would stand; {free:,} are free",
            remedy=f"free space there, set drill.directory to a directory with more of it, or {ELSEWHERE}",
        )
