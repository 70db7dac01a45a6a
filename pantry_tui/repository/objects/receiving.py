"""Copying a backup into a store: in parts, several at once, each made whole and only where there is none.

Every part is sent with its SHA-256 in the signed request and as the object's checksum, which the store compares with what
arrives; its name holds it too. How much is read back afterwards is the caller's choice.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, StoredFile
from pantry_tui.artifact.opened import OpenedFile
from pantry_tui.errors import BackupDamagedError, RefusedError
from pantry_tui.models import CopyCheck
from pantry_tui.repository.objects.layout import MOST_PARTS, PART_BYTES, Part, file_prefix, part_name, parts_of
from pantry_tui.repository.objects.reading import file_parts
from pantry_tui.repository.objects.repository import ObjectRepository
from pantry_tui.repository.objects.store import Store
from pantry_tui.repository.receiving import Transfer, require_as_written
from pantry_tui.repository.records import ReceivedRecord, write_record
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME, StoredManifest

_AT_ONCE = 4  # parts that are on their way; with the one that is read and the client's own, 112 MiB were measured
_SAMPLED = 16  # one part of so many is read back, besides the first and the last
_random = secrets.SystemRandom()


class Pace:
    """Keeps what is sent below a rate, over seconds; None: as fast as it goes."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self._rate = bytes_per_second
        self._lock = threading.Lock()
        self._free_at = 0.0  # when the line is free for the next one

    def wait(self, number: int, stop: threading.Event) -> None:
        """Returns when so many bytes may be sent, or when ``stop`` is set."""
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._free_at)
            self._free_at = begin + number / self._rate
        stop.wait(begin - now)


class StoreIncoming:
    """A backup that is copied into a store."""

    def __init__(self, repository: ObjectRepository, backup_id: str) -> None:
        self._repository = repository
        self._store: Store = repository.store
        self._backup_id = backup_id
        rate = repository.target.store.bytes_per_second if repository.target.store is not None else None
        self._pace = Pace(rate)
        self._part_bytes = PART_BYTES if rate is None else max(1 << 20, min(PART_BYTES, rate))

    def take(self, file: StoredFile, source: OpenedFile, transfer: Transfer) -> int:
        """Sends the parts of a file that are not there."""
        prefix = file_prefix(self._backup_id, file.name)
        there = {part.name: part.size for _, part in parts_of(self._store.entries(prefix))}
        digest, sent, size = hashlib.sha256(), 0, 0
        wanted: list[str] = []
        with _Sending(self._store, self._pace, transfer) as sending:
            for number, data in enumerate(self._cut(file, source)):
                digest.update(data)
                size += len(data)
                name = part_name(prefix, number, hashlib.sha256(data).hexdigest())
                wanted.append(name)
                if there.get(name) == len(data):
                    transfer.go_on(len(data))
                    continue
                sending.put(name, data)
                sent += len(data)
        require_as_written(file, size, digest.hexdigest(), source.where)
        self._store.remove(sorted(there.keys() - set(wanted)))  # of a copy that was cut in other places
        return sent

    def _cut(self, file: StoredFile, source: OpenedFile) -> Iterator[bytes]:
        length = max(self._part_bytes, -(-file.bytes // (MOST_PARTS - 1)))
        whole = source.part(0, file.bytes)
        for position in range(0, max(1, file.bytes), length):  # an empty file is one empty part
            yield _exactly(whole, position, min(length, file.bytes - position))

    def check(self, file: StoredFile, how: CopyCheck, transfer: Transfer) -> int:
        """Reads parts back and compares them with their names; all of them together with the file's own hash."""
        where = self._store.where(file_prefix(self._backup_id, file.name).rstrip("/"))
        with storage_errors(where, "reading a copy back"):
            parts = file_parts(self._store, self._backup_id, file.name)
        size = sum(part.size for part in parts)
        if size != file.bytes:
            raise BackupDamagedError(f"{where} has {size:,} bytes; {file.bytes:,} were sent", remedy=_AGAIN)
        chosen = parts if how is CopyCheck.ALL else _sample(parts)
        whole = hashlib.sha256()
        for part, data in self._read_back(chosen):
            whole.update(data)
            transfer.go_on(0)
            if hashlib.sha256(data).hexdigest() != part.sha256:
                raise BackupDamagedError(f"{self._store.where(part.name)} is not what was sent", remedy=_AGAIN)
        if len(chosen) == len(parts) and whole.hexdigest() != file.sha256:
            raise BackupDamagedError(f"{where} is not what was sent: its parts are of different files", remedy=_AGAIN)
        return sum(part.size for part in chosen)

    def _read_back(self, parts: Sequence[Part]) -> Iterator[tuple[Part, bytes]]:
        """The parts in their order, a few of them in memory."""

        def read(part: Part) -> bytes:
            return self._store.read(part.name, limit=part.size)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for start in range(0, len(parts), _AT_ONCE):
                group = parts[start : start + _AT_ONCE]
                yield from zip(group, pool.map(read, group), strict=True)

    def publish(self, stored: StoredManifest, signature: bytes, received: ReceivedRecord) -> None:
        """Makes the record, the signature, and last the manifest."""
        folder = self._repository.folder(self._backup_id)
        write_record(folder, received, self._repository.authority)
        self._put_same(SIGNATURE_NAME, signature)
        self._put_same(MANIFEST_NAME, stored.data)

    def _put_same(self, name: str, data: bytes) -> None:
        """Makes a small object; one that is there already must be the same."""
        folder = self._repository.folder(self._backup_id)
        try:
            folder.write(name, data)
        except FileExistsError:
            if folder.read(name, limit=len(data) + 1) != data:
                raise RefusedError(
                    f"{folder.where(name)} is there already, and is of another backup",
                    remedy="find out where it comes from, and copy into another place",
                ) from None


_AGAIN = "copy it again; where it happens again, do not trust this store"


class _Sending:
    """Some parts at once on their way; the first that fails ends it."""

    def __init__(self, store: Store, pace: Pace, transfer: Transfer) -> None:
        self._store = store
        self._pace = pace
        self._transfer = transfer
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._under_way: deque[Future[int]] = deque()

    def __enter__(self) -> _Sending:
        return self

    def put(self, name: str, data: bytes) -> None:
        """Sends a part, when there is room for one more. Raises what an earlier one failed with."""
        while len(self._under_way) >= _AT_ONCE:
            self._transfer.go_on(self._under_way.popleft().result())
        self._under_way.append(self._pool.submit(self._send, name, data))

    def _send(self, name: str, data: bytes) -> int:
        self._pace.wait(len(data), self._transfer.stop)
        try:
            self._store.put_new(name, data, is_data=True)
        except FileExistsError:  # another copy of the same backup is under way
            if self._store.size(name) != len(data):
                raise BackupDamagedError(f"{self._store.where(name)} is not what was sent", remedy=_AGAIN) from None
        return len(data)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            while kind is None and self._under_way:
                self._transfer.go_on(self._under_way.popleft().result())
        finally:
            self._pool.shutdown(cancel_futures=True)


def _exactly(file: OpenedFile, position: int, length: int) -> bytes:
    """So many bytes, or fewer where the file ends early, which its hash then shows."""
    pieces = []
    while length > 0 and (piece := file.read(position, length)):
        pieces.append(piece)
        position, length = position + len(piece), length - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _sample(parts: list[Part]) -> list[Part]:
    inner = parts[1:-1]
    chosen = {parts[0], parts[-1], *_random.sample(inner, -(-len(inner) // _SAMPLED))}
    return sorted(chosen)
