"""What an incremental backup and its base restore together is what the database was, row for row."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.backup import base, layout
from pantry_tui.backup.export import export_backup
from pantry_tui.backup.peek import peek_table
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import BackupDamagedError, RefusedError
from pantry_tui.events import ignore
from pantry_tui.models import (
    BackupFormat,
    BackupKind,
    Compression,
    DatabaseTarget,
    ExportRequest,
    RepositoryTarget,
    Unlocking,
    ValidateRequest,
)
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import FORMS, Taken, data_directory_of, opened, take
from tests.engine.recovery.restoring import damage, restore, rewrite_manifest
from tests.servers import TestServer

SCHEMA = """
CREATE TABLE items (id int PRIMARY KEY, name text, price numeric, tags text[]);
INSERT INTO items
SELECT g, E'item\\t' || g || E'\\nline, "quoted"', g / 7.0, ARRAY['a', NULL, 'b"c'] FROM generate_series(1, 5000) g;
CREATE TABLE untouched (id int PRIMARY KEY, name text);
INSERT INTO untouched SELECT g, 'name ' || g FROM generate_series(1, 300) g;
CREATE TABLE dropped AS SELECT g FROM generate_series(1, 10) g;
CREATE TABLE emptied AS SELECT g FROM generate_series(1, 10) g;
CREATE TABLE empty (id int);
CREATE TABLE nothing ();
INSERT INTO nothing SELECT FROM generate_series(1, 20);
"""
CHANGES = """
UPDATE items SET price = price + 1 WHERE id % 97 = 0;
DELETE FROM items WHERE id % 131 = 0 OR id = 5000;
INSERT INTO items SELECT g, 'new ' || g, 1, NULL FROM generate_series(6001, 6100) g;
UPDATE items SET id = id + 100000 WHERE id BETWEEN 10 AND 20;
DROP TABLE dropped;
TRUNCATE emptied; INSERT INTO emptied VALUES (1);
CREATE TABLE later AS SELECT g AS id FROM generate_series(1, 50) g;
INSERT INTO empty VALUES (1), (NULL);
"""


async def changed(
    server: TestServer, repository: RepositoryTarget, form: tuple[BackupFormat, Compression] = FORMS[0]
) -> tuple[DatabaseTarget, Taken]:
    """A database that changed after its full backup, and the incremental that was taken then."""
    source = server.create_database()
    server.execute(source, SCHEMA)
    rows_format, compression = form
    await take(source, repository, rows_format=rows_format, compression=compression)
    server.execute(source, CHANGES)
    kind = BackupKind.INCREMENTAL
    return source, await take(source, repository, rows_format=rows_format, compression=compression, kind=kind)


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
async def test_base_and_delta_are_the_database(
    server: TestServer, repository: RepositoryTarget, form: tuple[BackupFormat, Compression]
) -> None:
    source, delta = await changed(server, repository, form)
    assert delta.manifest.kind is BackupKind.INCREMENTAL
    by_name = {table.qualified_name: table for table in delta.manifest.tables}
    assert by_name["public.items"].whole is None
    assert 0 < by_name["public.items"].own_rows < by_name["public.items"].rows
    assert by_name["public.untouched"].own_rows == 0
    assert by_name["public.emptied"].whole
    assert by_name["public.later"].whole
    target = server.drop_after_test("restored_from_both")
    await restore(target, repository)
    assert server.fingerprint(target) == server.fingerprint(source)


async def test_it_is_validated_with_its_base(server: TestServer, repository: RepositoryTarget) -> None:
    _, delta = await changed(server, repository)
    request = ValidateRequest(
        repository=repository, backup_id=delta.summary.id, data_directory=data_directory_of(repository)
    )
    result = await validate_backup(request, ignore)
    assert result.valid, result.problems
    directory = opened(repository).path(delta.summary.base or "")
    damage(directory / LocalRepository(repository).manifest(directory.name).file("artifact").name, 3000)
    result = await validate_backup(request, ignore)
    assert not result.valid
    assert any(problem.startswith(f"the base {directory.name}") for problem in result.problems)
    with pytest.raises(BackupDamagedError, match=f"^the base {directory.name}: .*sha256"):
        await restore(server.drop_after_test("damaged_base"), repository)


async def test_removed_lines_beyond_their_file(server: TestServer, repository: RepositoryTarget) -> None:
    _, delta = await changed(server, repository)
    number, each = next((n, kept) for n, kept in enumerate(delta.manifest.kept) if kept.removed_offset is not None)
    for offset, length in ((10**15, 10**15), (-1, 10), (0, -1)):
        wrong = msgspec.structs.replace(each, removed_offset=offset, removed_length=length)
        kept = (*delta.manifest.kept[:number], wrong, *delta.manifest.kept[number + 1 :])
        rewrite_manifest(delta.directory, msgspec.structs.replace(delta.manifest, kept=kept))
        with pytest.raises(BackupDamagedError, match="removed rows"):
            await restore(server.drop_after_test("removed_beyond"), repository)


@pytest.mark.parametrize("rows_format", list(BackupFormat))
async def test_export_is_a_full_backup(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, tmp_path: Path
) -> None:
    source, delta = await changed(server, repository, (rows_format, Compression.GZIP))
    request = ExportRequest(
        repository=repository,
        backup_id=delta.summary.id,
        output=str(tmp_path / f"whole.{'zip' if rows_format is BackupFormat.CSV else f'{rows_format}.gz'}"),
        data_directory=data_directory_of(repository),
    )
    exported = await export_backup(request, ignore)
    assert exported.rows == delta.summary.rows
    if rows_format is not BackupFormat.SQL:
        return
    target = server.create_database()
    server.psql(target, gzip.decompress(Path(exported.path).read_bytes()))
    assert server.fingerprint(target) == server.fingerprint(source)


async def test_one_table_and_its_first_rows(server: TestServer, repository: RepositoryTarget) -> None:
    source, delta = await changed(server, repository)
    target = server.drop_after_test("restored_one_table")
    await restore(target, repository, tables=("public.items",))
    ours = server.execute(source, "SELECT * FROM items ORDER BY id")
    assert server.execute(target, "SELECT * FROM items ORDER BY id") == ours
    seen: list[str | None] = []
    for skip in range(0, len(ours), 1000):
        page = await peek_table(repository, delta.summary.id, "public.items", limit=1000, skip=skip)
        seen += [row[0] for row in page.rows]
    assert sorted(int(each or 0) for each in seen) == [row[0] for row in ours]


async def test_its_base_is_not_deleted(server: TestServer, repository: RepositoryTarget) -> None:
    source, delta = await changed(server, repository)
    base_id = delta.summary.base or ""
    await take(source, repository)
    with pytest.raises(RefusedError, match=delta.summary.id):
        opened(repository).delete(base_id, by="test")
    opened(repository).delete(base_id, by="test", force=True)
    with pytest.raises(BackupDamagedError, match=base_id):
        await restore(server.drop_after_test("no_base"), repository, backup_id=delta.summary.id)


async def test_encrypted_base_and_delta(server: TestServer, repository: RepositoryTarget) -> None:
    identity = X25519Identity.generate()
    source = server.create_database()
    server.execute(source, SCHEMA)
    await take(source, repository, recipients=(identity.recipient.text,))
    server.execute(source, CHANGES)
    await take(source, repository, recipients=(identity.recipient.text,), kind=BackupKind.INCREMENTAL)
    target = server.drop_after_test("restored_from_sealed")
    await restore(target, repository, unlocking=Unlocking(identities=(identity.secret_text,)))
    assert server.fingerprint(target) == server.fingerprint(source)


async def test_table_that_grew_is_read_in_ranges(
    server: TestServer, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "RANGE_BYTES", 100_000)
    monkeypatch.setattr(base, "RANGE_BYTES", 100_000)
    source = server.create_database()
    server.execute(source, "CREATE TABLE grown (a int, b text); CREATE TABLE started (a int)")
    rows = "SELECT g, repeat('x', 50) FROM generate_series(1, 5000) g"
    server.execute(source, f"INSERT INTO grown {rows}")
    await take(source, repository)
    server.execute(source, f"INSERT INTO grown {rows}; INSERT INTO started SELECT generate_series(1, 9000)")
    server.execute(source, "DELETE FROM grown WHERE a % 7 = 0")
    delta = await take(source, repository, kind=BackupKind.INCREMENTAL)
    grown, started = delta.manifest.tables
    assert len(grown.ranges) > 6
    assert len(started.ranges) > 2
    target = server.drop_after_test("restored_grown")
    await restore(target, repository)
    assert server.fingerprint(target) == server.fingerprint(source)


async def test_it_replaces_no_backup_whose_base_is_damaged(server: TestServer, repository: RepositoryTarget) -> None:
    source, delta = await changed(server, repository)
    local = opened(repository)
    full = await take(source, repository)
    base = local.path(delta.summary.base or "")
    (base / local.manifest(base.name).file("artifact").name).unlink()
    with pytest.raises(RefusedError, match="last valid"):
        local.delete(full.summary.id, by="test")
