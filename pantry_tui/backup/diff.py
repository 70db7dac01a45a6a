"""Comparing a backup with another, or with a live database (`live`), table by table.

Two backups are compared by what their manifests say; no row is read.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Set

import msgspec

from pantry_tui.backup.inventory import Inventory, TableInventory, fingerprints_depend_on, inventory_of
from pantry_tui.models import BackupDiff, DiffStatus, RepositoryTarget, TableDiff
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.rows import restorable

_Key = tuple[str, str]
_SPREAD = "on another server an enum's hash may put its rows into other partitions"


async def compare_backups(target: RepositoryTarget, backup_id: str, other_id: str) -> BackupDiff:
    """Compares two backups of a repository. Raises `NotFoundError`, `BackupDamagedError`, `StorageError`."""
    repository = open_repository(target)

    def read(reference: str) -> Inventory:
        manifest = repository.manifest(repository.resolve(reference))
        manifest.require_own("compared")
        return inventory_of(restorable(repository, manifest))

    started = time.monotonic()
    a, b = await asyncio.to_thread(lambda: (read(backup_id), read(other_id)))
    return compare(a, b, seconds=time.monotonic() - started)


def compare(a: Inventory, b: Inventory, *, seconds: float = 0.0) -> BackupDiff:
    """The tables of both sides, in the order of their names."""
    of_a, of_b = ({table.key: table for table in side.tables} for side in (a, b))
    why_not = _why_not_comparable(a, b)
    unchosen = _unchosen(a, of_a.keys(), of_b.keys()) | _unchosen(b, of_b.keys(), of_a.keys())
    keys = sorted((of_a.keys() | of_b.keys()) - unchosen)
    tables = tuple(_compare(of_a.get(key), of_b.get(key), why_not, a, b) for key in keys)
    counted = Counter(table.status for table in tables)
    equal, unknown = counted[DiffStatus.EQUAL], counted[DiffStatus.UNKNOWN]
    return BackupDiff(
        a=a.side,
        b=b.side,
        tables=tables,
        equal=equal,
        different=len(tables) - equal - unknown,
        not_comparable=unknown,
        remarks=_remarks(a, b, why_not, len(unchosen)),
        duration_seconds=seconds,
    )


def _compare(
    a: TableInventory | None, b: TableInventory | None, why_not: str | None, left: Inventory, right: Inventory
) -> TableDiff:
    if a is None or b is None:
        return _only_one(a, b)
    found = TableDiff(
        schema=a.schema,
        name=a.name,
        status=DiffStatus.EQUAL,
        rows_a=a.rows,
        rows_b=b.rows,
        bytes_a=a.bytes,
        bytes_b=b.bytes,
        server_bytes_a=a.server_bytes,
        server_bytes_b=b.server_bytes,
        columns_added=tuple(name for name in b.columns if name not in a.columns),
        columns_removed=tuple(name for name in a.columns if name not in b.columns),
    )
    status, reason = _judge(a, b, why_not, same_server=_same_server(left, right))
    return msgspec.structs.replace(found, status=status, reason=reason)


def _only_one(a: TableInventory | None, b: TableInventory | None) -> TableDiff:
    table = a or b
    assert table is not None
    return TableDiff(
        schema=table.schema,
        name=table.name,
        status=DiffStatus.ONLY_B if a is None else DiffStatus.ONLY_A,
        rows_a=a.rows if a else None,
        rows_b=b.rows if b else None,
        bytes_a=a.bytes if a else None,
        bytes_b=b.bytes if b else None,
        server_bytes_a=a.server_bytes if a else None,
        server_bytes_b=b.server_bytes if b else None,
    )


def _judge(
    a: TableInventory, b: TableInventory, why_not: str | None, *, same_server: bool
) -> tuple[DiffStatus, str | None]:
    """The status of a table that both have, and why its content could not be compared."""
    if set(a.columns) != set(b.columns):
        return DiffStatus.COLUMNS, None
    if a.rows is None or b.rows is None:
        return DiffStatus.UNKNOWN, a.reason or b.reason
    comparable = why_not is None and a.fingerprint is not None and b.fingerprint is not None
    if a.rows == b.rows and (a.rows == 0 or (comparable and a.fingerprint == b.fingerprint)):
        return DiffStatus.EQUAL, None
    if (a.loaded_through or b.loaded_through) and not same_server:
        return DiffStatus.UNKNOWN, _SPREAD
    if a.rows != b.rows:
        return DiffStatus.ROWS, None
    return (DiffStatus.CONTENT, None) if comparable else (DiffStatus.UNKNOWN, why_not or a.reason or b.reason)


def _why_not_comparable(a: Inventory, b: Inventory) -> str | None:
    """Why no fingerprint of one side says anything about the other's."""
    if fingerprints_depend_on(a.server) == fingerprints_depend_on(b.server):
        return None
    (major, order), (other_major, other_order) = fingerprints_depend_on(a.server), fingerprints_depend_on(b.server)
    if major != other_major:
        return f"fingerprints of PostgreSQL {major} and {other_major} differ for equal rows: only their numbers were compared"
    return f"fingerprints of {order}-endian and {other_order}-endian servers differ for equal rows"


def _same_server(a: Inventory, b: Inventory) -> bool:
    return a.server.system_identifier == b.server.system_identifier


def _unchosen(side: Inventory, own: Set[_Key], others: Set[_Key]) -> Set[_Key]:
    """What the other side has and this one was not asked to hold."""
    return others - own if side.partial else set()


def _remarks(a: Inventory, b: Inventory, why_not: str | None, unchosen: int) -> tuple[str, ...]:
    remarks = [why_not] if why_not else []
    if unchosen:
        remarks.append(f"tables that were not chosen for a backup are not compared: {unchosen:,}")
    if not _same_server(a, b):
        remarks.append("A and B are of different servers")
    return tuple(remarks)
