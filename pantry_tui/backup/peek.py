"""Rows of a table out of a backup, without restoring it and without a server.

Only the segments that hold the rows are read. Their stored bytes are hashed whole before the first is shown, and unpacked
only as far as the last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pantry_tui.artifact.age import Identity, identities_of
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.copyrows import CopyRows, Field
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.naming import NamedTable, find_tables
from pantry_tui.artifact.rowtext import copy_text, encoding_of_rows
from pantry_tui.artifact.toc import TocEntry, partitions, read_toc
from pantry_tui.backup.peek_archive import ArchivedRows
from pantry_tui.errors import BackupDamagedError, EncryptionError, NotFoundError, StorageError, UsageError
from pantry_tui.models import PEEK_ROWS, BackupKind, RepositoryTarget, ShortenedValue, TablePage, Unlocking
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import open_rows, restorable

MAXIMUM_ROWS = 10_000
SHORTEST_SHARE, LONGEST_SHARE = 16, 4096
_NAMED_PARTITIONS = 5
_REMEDY = "restore from another backup; `pantry-tui backup validate` says what else of this one is damaged"


async def peek_table(
    target: RepositoryTarget,
    backup_id: str,
    table: str,
    *,
    limit: int = PEEK_ROWS,
    skip: int = 0,
    page_bytes: int | None = None,
    unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    data_directory: Path | str | None = None,
) -> TablePage:
    """At most ``limit`` rows of a table behind its first ``skip``.

    ``page_bytes`` bounds what is kept of them: each value has an equal share, of at most 4 KiB. None keeps values whole.

    ``table`` is named as `schema.name`, also in quotes. Rows come in the order of the backup, which is that of the table's
    pages on the server. Raises `NotFoundError` for an unknown backup or table, naming tables written much like it,
    `UsageError` for a name that several tables have, a partitioned table or more than 10,000 rows,
    `BackupDamagedError` when the stored bytes of these rows are not those that were written, `StorageError`; and
    `UntrustedSignerError` for rows that pg_dump's archive carries, where ``data_directory`` does not believe its signer.
    """
    if not 1 <= limit <= MAXIMUM_ROWS or skip < 0:
        raise UsageError(
            f"{limit:,} rows behind {skip:,} cannot be shown", remedy=f"ask for 1 to {MAXIMUM_ROWS:,} rows"
        )
    repository = open_repository(target, data_directory)
    own = await asyncio.to_thread(lambda: repository.manifest(repository.resolve(backup_id)))
    own.require_own("looked into")
    if own.kind is BackupKind.SCHEMA:
        raise NotFoundError(
            f"backup {own.id} is of the schema alone: it holds no rows",
            remedy="look into a full one: pantry-tui backup list",
        )
    manifest = await asyncio.to_thread(restorable, repository, own)
    identities = identities_of(unlocking)
    position = await asyncio.to_thread(_find, repository, manifest, table, identities)
    entry = manifest.tables[position]
    wanted = max(0, min(limit, entry.rows - skip))
    value_limit = None if page_bytes is None else _share(page_bytes, wanted * len(entry.columns))
    if not wanted:
        return _page(manifest, entry, entry.columns, skip, ())
    if entry.carried_by == "segments":
        numbers, passed = _segments_from(manifest, position, skip)
        rows = CopyRows(skip=skip - passed, wanted=wanted, value_limit=value_limit)
        found = await asyncio.to_thread(_read_segments, repository, manifest, identities, numbers, rows)
        if found is None:
            raise BackupDamagedError(
                f"backup {manifest.id}: {entry.qualified_name} has fewer rows than its manifest says", remedy=_REMEDY
            )
        return _page(manifest, entry, entry.columns, skip, found)
    # A crafted archive could harm pg_restore (CVE-2026-116314): only those of signers who are believed are given to it.
    await asyncio.to_thread(repository.trusted_manifest, manifest.id)
    archived = ArchivedRows(CopyRows(skip=skip, wanted=wanted, value_limit=value_limit))
    columns = await archived.read(repository, manifest, entry, identities)
    return _page(manifest, entry, columns, skip, archived.rows.rows)


def _share(page_bytes: int, values: int) -> int:
    return max(SHORTEST_SHARE, min(LONGEST_SHARE, page_bytes // max(1, values)))


def _find(repository: Repository, manifest: Manifest, name: str, identities: Sequence[Identity]) -> int:
    """The table's position in the manifest. The archive is asked only for what the manifest does not name."""
    try:
        return _position(find_tables(manifest.tables, (), [name])[0])
    except NotFoundError as error:
        raise _why_partitioned(repository, manifest, name, identities) or error from None


def _why_partitioned(
    repository: Repository, manifest: Manifest, name: str, identities: Sequence[Identity]
) -> UsageError | None:
    """What to say of a name that is a partitioned table's; None where it is not, or where the archive cannot tell."""
    with suppress(StorageError, NotFoundError, EncryptionError):
        archive = repository.place(manifest.id, manifest.file("archive").name)
        toc = read_toc(Content.unlock(archive, identities), manifest.source.encoding)
        [found] = find_tables(manifest.tables, toc, [name])
        return _partitioned(found, toc)
    return None


def _position(table: NamedTable) -> int:
    assert table.position is not None  # it was looked for among the manifest's alone
    return table.position


def _partitioned(table: NamedTable, toc: Sequence[TocEntry]) -> UsageError:
    below = set(partitions(toc).get(table.entry or 0, ()))
    names = [f"{entry.schema}.{entry.tag}" for entry in toc if entry.id in below]
    more = len(names) - _NAMED_PARTITIONS
    listed = ", ".join(names[:_NAMED_PARTITIONS]) + (f" and {more:,} more" if more > 0 else "")
    return UsageError(
        f"{table.plain} is partitioned: all its rows are in its partitions",
        remedy=f"name one of them: {listed}" if names else "it has none",
    )


def _read_segments(
    repository: Repository,
    manifest: Manifest,
    identities: Sequence[Identity],
    numbers: Sequence[int],
    rows: CopyRows,
) -> list[tuple[Field, ...]] | None:
    """The rows that are wanted, from these segments in their order; None where they have too few."""
    with open_rows(repository, manifest, identities) as reader:
        for number in numbers:
            reader.check(number)
            table = manifest.tables[manifest.segments[number].table or 0]
            if any(rows.feed(piece) for piece in copy_text(reader.rows(number), manifest, table)):
                return rows.rows
    return None


def _segments_from(manifest: Manifest, position: int, skip: int) -> tuple[list[int], int]:
    """The table's segments in their order without those that ``skip`` passes over, and how many rows those have."""
    of_table = [number for number, segment in enumerate(manifest.segments) if segment.table == position]
    # Workers finish ranges in any order, but each range is written from its first page to its last.
    of_table.sort(key=lambda number: (manifest.segments[number].range or 0, manifest.segments[number].offset))
    passed = 0
    while of_table and passed + manifest.segments[of_table[0]].rows <= skip:
        passed += manifest.segments[of_table.pop(0)].rows
    return of_table, passed


def _page(
    manifest: Manifest, entry: TableEntry, columns: tuple[str, ...], skip: int, rows: Sequence[tuple[Field, ...]]
) -> TablePage:
    encoding = manifest.source.encoding if entry.carried_by == "archive" else encoding_of_rows(manifest)
    fields = [row if columns else () for row in rows]  # the row of a table without columns is an empty line
    strange = next((row for row in fields if len(row) != len(columns)), None)
    if strange is not None:
        raise BackupDamagedError(
            f"backup {manifest.id}: a row of {entry.qualified_name} has {len(strange):,} fields for {len(columns):,} columns",
            remedy=_REMEDY,
        )
    return TablePage(
        backup_id=manifest.id,
        schema=entry.schema,
        table=entry.name,
        columns=columns,
        rows=tuple(tuple(field.value(encoding) for field in row) for row in fields),
        skip=skip,
        total_rows=entry.rows,
        shortened=tuple(
            ShortenedValue(row=row, column=column, bytes=field.length)
            for row, each in enumerate(fields)
            for column, field in enumerate(each)
            if field.is_cut
        ),
    )
