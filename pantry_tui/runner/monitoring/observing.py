"""Looking at servers, files and trails: ``python -m pantry_tui.runner.monitoring.observing``.

It reads one line, an `Inquiry`, from its standard input and writes what it sees as lines of JSON, each as soon as it is
known: a server or a file system that hangs keeps nobody from hearing of the others, and the process can be ended at any
time. Servers are asked one after the other, for libpq's variables are those of the process.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec

from pantry_tui.errors import PantryError
from pantry_tui.models import DatabaseTarget, Model, RepositoryTarget, utc_now
from pantry_tui.monitoring.facts import ChainSeen, FilesSeen, ProofSeen, RepositorySeen, Seen, TrailSeen
from pantry_tui.monitoring.files import look_at_backup
from pantry_tui.monitoring.room import DATA_DIRECTORY, look_at_directory
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.records import ProofRecord
from pantry_tui.repository.repository import Repository

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Seen] = msgspec.json.Decoder(Seen)


class BackupToSee(Model, frozen=True, kw_only=True):
    """A backup whose files are looked at; ``known`` is the last look. ``proof``: also how long its last restore took."""

    id: str
    database: str
    known: FilesSeen | None = None
    files: bool = True
    proof: bool = False


class RepositoryToSee(Model, frozen=True, kw_only=True):
    """A repository of which so many backups are listed. ``chain``: read all of its manifests."""

    target: RepositoryTarget
    backups: tuple[BackupToSee, ...] = ()
    listed: int = 0
    chain: bool = True


class Inquiry(Model, frozen=True, kw_only=True):
    """What to look at. Holds the passwords of the databases, as requests of jobs do, and goes through a pipe only."""

    data_directory: str
    databases: tuple[DatabaseTarget, ...] = ()
    repositories: tuple[RepositoryToSee, ...] = ()
    trail: bool = True

    def __repr__(self) -> str:
        return f"Inquiry({len(self.databases)} databases, {len(self.repositories)} repositories)"


def decode_seen(line: bytes) -> Seen:
    """One line of the answer. Raises `msgspec.DecodeError`, `msgspec.ValidationError`."""
    return _decoder.decode(line)


def main() -> int:
    """Answers one inquiry. Ends without waiting for what hangs; the answer is complete when its last line is empty."""
    os.umask(0o077)
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    from pantry_tui.monitoring.reaching import look_at_server  # the driver is loaded while the inquiry is made

    inquiry = Inquiry.from_json(sys.stdin.buffer.readline())
    lock = threading.Lock()

    def tell(seen: Seen) -> None:
        with lock:
            _write(answers, _encoder.encode(seen) + b"\n")

    threads = [threading.Thread(target=look, args=(tell,), daemon=True) for look in _looks(inquiry)]
    for thread in threads:
        thread.start()

    async def ask() -> None:
        for target in inquiry.databases:
            tell(await look_at_server(target))

    asyncio.new_event_loop().run_until_complete(ask())  # and leave what resolves names where it hangs
    for thread in threads:
        thread.join()
    _write(answers, b"\n")
    os._exit(0)


def _looks(inquiry: Inquiry) -> Iterable[Callable[[Callable[[Seen], None]], None]]:
    """What is looked at besides the servers: each repository by itself, and the data directory."""
    for repository in inquiry.repositories:
        yield partial(_look_at_repository, repository, inquiry.data_directory)
    yield partial(_look_at_data, inquiry)


def _look_at_data(inquiry: Inquiry, tell: Callable[[Seen], None]) -> None:
    tell(look_at_directory(DATA_DIRECTORY, inquiry.data_directory))
    if inquiry.trail:
        from pantry_tui.runner.audit import problems

        began = time.monotonic()
        try:
            found = tuple(problems(Path(inquiry.data_directory)))
        except PantryError as error:
            found = (error.message,)
        tell(TrailSeen(problems=found, seconds=time.monotonic() - began, at=utc_now()))


def _look_at_repository(wanted: RepositoryToSee, data_directory: str, tell: Callable[[Seen], None]) -> None:
    target = wanted.target
    repository = open_repository(target, data_directory)
    is_local = target.store is None
    place = RepositorySeen(name=target.name, location=target.location, has_disk=False)
    tell(
        _with_absence(look_at_directory(target.name, target.location) if is_local else place, repository, wanted.listed)
    )
    for backup in wanted.backups:
        if not is_local:
            continue  # read back by validations, and by copies that are checked again
        if backup.files and (seen := look_at_backup(target, backup.id, utc_now(), known=backup.known)) is not None:
            tell(seen)
        if backup.proof and (proof := _proof(repository, backup)) is not None:
            tell(proof)
    if wanted.chain and is_local:
        began = time.monotonic()
        try:
            found = tuple(repository.signature_problems())
        except PantryError as error:
            found = (error.message,)
        tell(ChainSeen(location=target.location, problems=found, seconds=time.monotonic() - began, at=utc_now()))


def _with_absence(seen: RepositorySeen, repository: Repository, listed: int) -> RepositorySeen:
    """A repository that should hold backups and has none, perhaps because its file system is not mounted, says so."""
    if seen.problem is not None or not listed:
        return seen
    try:
        if repository.has_backups():
            return seen
        words = f"{listed:,} of its backups are listed, and none is there"
    except PantryError as error:
        words = error.message
    return msgspec.structs.replace(seen, problem=words)


def _proof(repository: Repository, backup: BackupToSee) -> ProofSeen | None:
    """How long the last restore of a backup took that compared equal, where its record says so."""
    try:
        records = repository.records(backup.id)
    except PantryError:
        return None
    for record in reversed(records):
        if isinstance(record, ProofRecord) and record.kind in ("drill", "restore") and record.ok:
            took = record.details.get("total_seconds", record.details.get("duration_seconds"))
            return ProofSeen(database=backup.database, seconds=float(took)) if isinstance(took, int | float) else None
    return None


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.exit(main())
