"""What a backup or a database holds, as far as two of them are compared: tables with columns, rows, fingerprints."""

from __future__ import annotations

from pantry_tui.artifact.manifest import Manifest, ServerIdentity, TableEntry
from pantry_tui.models import BackupKind, DiffSide, Model


class TableInventory(Model, frozen=True, kw_only=True):
    """One table. ``rows`` None: its rows are not known; ``fingerprint`` None: only their number is, for ``reason``.

    ``bytes`` are of the rows' text, ``server_bytes`` of the table on the server's disk.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    rows: int | None
    bytes: int | None = None
    server_bytes: int | None = None
    fingerprint: str | None = None
    reason: str | None = None
    loaded_through: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same table on the other side."""
        return self.schema, self.name


class Inventory(Model, frozen=True, kw_only=True):
    """One side of a comparison."""

    side: DiffSide
    server: ServerIdentity
    tables: tuple[TableInventory, ...]
    partial: bool = False  # some tables were chosen, or left out: what is missing here may be on the other side


def fingerprints_depend_on(server: ServerIdentity) -> tuple[int, str]:
    """Equal rows have equal fingerprints where these agree: major version and byte order."""
    return server.version_num // 10000, server.byte_order


def inventory_of(manifest: Manifest) -> Inventory:
    """What a backup holds, from its manifest alone."""
    return Inventory(
        side=DiffSide(
            kind="backup",
            name=manifest.id,
            database=manifest.database,
            server_version=manifest.server.version,
            at=manifest.started_at,
        ),
        server=manifest.server,
        tables=tuple(_table(manifest, entry) for entry in manifest.tables),
        partial=not manifest.selection.is_everything,
    )


def _table(manifest: Manifest, entry: TableEntry) -> TableInventory:
    # A table that could not be read has a reason and no ranges: nothing is known of its rows.
    unreadable = entry.carried_by == "segments" and entry.reason is not None and not entry.ranges
    holds_rows = manifest.kind is not BackupKind.SCHEMA and not unreadable
    return TableInventory(
        schema=entry.schema,
        name=entry.name,
        columns=entry.columns,
        rows=entry.rows if holds_rows else None,
        bytes=entry.raw_bytes if holds_rows and entry.carried_by == "segments" else None,
        server_bytes=entry.server_bytes,
        fingerprint=entry.fingerprint if holds_rows else None,
        reason=_why_no_fingerprint(manifest, entry, holds_rows=holds_rows),
        loaded_through=entry.loaded_through,
    )


def _why_no_fingerprint(manifest: Manifest, entry: TableEntry, *, holds_rows: bool) -> str | None:
    if not holds_rows:
        return entry.reason or f"{manifest.id} holds no rows"
    if entry.fingerprint is not None:
        return None
    return entry.reason or f"{manifest.id} was taken without fingerprints"
