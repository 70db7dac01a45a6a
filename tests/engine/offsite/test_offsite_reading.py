"""A backup is used directly from a store: no byte of it is needed on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from pantry_tui import BackupConfig, BackupService, RecoveryConfig, RecoveryService
from pantry_tui.artifact.age import X25519Identity
from pantry_tui.backup.copying import copy_backup
from pantry_tui.backup.diff import compare_backups
from pantry_tui.backup.export import export_backup
from pantry_tui.backup.live import compare_with_live
from pantry_tui.backup.peek import peek_table
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import BackupDamagedError, RefusedError, StoreUnreachableError
from pantry_tui.events import ignore
from pantry_tui.models import (
    BackupFormat,
    BackupKind,
    Compression,
    CopyRequest,
    DatabaseTarget,
    DiffRequest,
    DrillRequest,
    ExportRequest,
    RepositoryTarget,
    Unlocking,
    ValidateRequest,
)
from pantry_tui.recovery.drill import drill_backup
from pantry_tui.repository.opening import open_repository
from tests.engine.backup.taking import FORMS, Taken, data_directory_of, take
from tests.engine.conftest import SCHEMA
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer
from tests.stores import Fault, Proxy, changes_answer, refuses

KEY = X25519Identity.generate()
# Two tables of several ranges each.
LARGE = """
CREATE TABLE a AS SELECT i, repeat(md5(i::text), 6) AS v FROM generate_series(1, 120000) i;
CREATE TABLE b AS SELECT i, repeat(md5(i::text), 6) AS v FROM generate_series(1, 120000) i;
"""


@pytest.fixture
def source(server: TestServer) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, SCHEMA)
    return target


async def send_away(repository: RepositoryTarget, offsite: RepositoryTarget) -> str:
    """Copies the latest backup, removes the repository that it was taken into, and returns the data directory."""
    data = data_directory_of(repository)
    request = CopyRequest(repository=repository, destination=offsite, backup_id="latest", data_directory=data)
    await copy_backup(request, ignore)
    shutil.rmtree(repository.location)
    return data


@pytest.mark.parametrize(("rows_format", "compression"), FORMS)
async def test_every_form_is_validated_and_restored(
    server: TestServer,
    source: DatabaseTarget,
    repository: RepositoryTarget,
    offsite: RepositoryTarget,
    rows_format: BackupFormat,
    compression: Compression,
) -> None:
    await take(source, repository, rows_format=rows_format, compression=compression)
    data = await send_away(repository, offsite)

    found = await validate_backup(ValidateRequest(repository=offsite, backup_id="latest", data_directory=data), ignore)
    result = await restore(server.drop_after_test(f"from {rows_format}"), offsite, data_directory=data)

    assert (found.valid, found.problems, found.rows) == (True, (), 1000)
    assert (result.validation.equal, result.validation.tables_compared) == (True, 2)


async def test_an_encrypted_one_and_what_builds_on_it(
    server: TestServer, source: DatabaseTarget, repository: RepositoryTarget, offsite: RepositoryTarget
) -> None:
    recipients, keys = (KEY.recipient.text,), Unlocking(identities=(KEY.secret_text,))
    base = await take(source, repository, recipients=recipients)
    server.execute(source, "DELETE FROM notes WHERE id % 7 = 0; UPDATE contacts SET name = 'new' WHERE id < 9")
    delta = await take(source, repository, recipients=recipients, kind=BackupKind.INCREMENTAL)
    data = await send_away(repository, offsite)

    assert sorted(open_repository(offsite).ids()) == sorted([delta.summary.id, base.summary.id])
    validation = ValidateRequest(repository=offsite, backup_id=delta.summary.id, unlocking=keys, data_directory=data)
    assert (await validate_backup(validation, ignore)).valid
    page = await peek_table(
        offsite, delta.summary.id, "public.contacts", limit=3, unlocking=keys, data_directory=Path(data)
    )
    assert [row[1] for row in page.rows][:1] != ["contact 1"]
    target = server.drop_after_test("sealed")
    result = await restore(target, offsite, backup_id=delta.summary.id, data_directory=data, unlocking=keys)
    assert result.validation.equal


async def test_one_table_comes_alone(
    server: TestServer, source: DatabaseTarget, repository: RepositoryTarget, offsite: RepositoryTarget
) -> None:
    await take(source, repository)
    data = await send_away(repository, offsite)
    target = server.drop_after_test("one table")
    result = await restore(target, offsite, tables=("public.contacts",), data_directory=data)
    assert [table.name for table in result.tables] == ["contacts"]
    assert server.execute(target, "SELECT count(*) FROM contacts") == [(500,)]


async def test_looking_into_a_table_fetches_its_segments_alone(
    server: TestServer, repository: RepositoryTarget, offsite: RepositoryTarget, proxy: Proxy
) -> None:
    source = server.create_database()
    server.execute(source, LARGE)
    taken = await take(source, repository, jobs=2)
    data = await send_away(repository, offsite)
    table = [entry.name for entry in taken.manifest.tables].index("b")
    of_b = sorted((each for each in taken.manifest.segments if each.table == table), key=lambda each: each.range or 0)
    proxy.seen.clear()

    page = await peek_table(offsite, "latest", "public.b", limit=3, data_directory=Path(data))

    assert [row[0] for row in page.rows] == ["1", "2", "3"]
    assert proxy.received("/data/") == _without_lists(proxy, of_b[0].length)
    assert len(of_b) > 1

    whole = ValidateRequest(repository=offsite, backup_id="latest", data_directory=data)  # in processes of its own
    assert (await validate_backup(whole, ignore)).rows == 240_000


def _without_lists(proxy: Proxy, length: int) -> int:
    """So many bytes, and what the lists of parts took."""
    return length + sum(seen.received for seen in proxy.seen if "/data/" in seen.path and "list-type" in seen.path)


async def test_exports_comparisons_and_drills(
    server: TestServer,
    source: DatabaseTarget,
    repository: RepositoryTarget,
    offsite: RepositoryTarget,
    tmp_path: Path,
) -> None:
    taken = await take(source, repository)
    data = await send_away(repository, offsite)
    output = tmp_path / "all.sql.gz"
    request = ExportRequest(repository=offsite, backup_id="latest", output=str(output), data_directory=data)
    await export_backup(request, ignore)
    csv = msgspec.structs.replace(
        request, output=str(tmp_path / "c.zip"), format=BackupFormat.CSV, tables=("contacts",)
    )
    exported = await export_backup(csv, ignore)
    same = await compare_backups(offsite, "latest", taken.summary.id)
    live = await compare_with_live(
        DiffRequest(repository=offsite, backup_id="latest", database=source, data_directory=data), ignore
    )
    drill = await drill_backup(DrillRequest(repository=offsite, backup_id="latest", data_directory=data), ignore)

    assert output.stat().st_size > 0
    assert (exported.tables, exported.rows) == (1, 500)
    assert (same.different, live.different) == (0, 0)
    assert (drill.ok, drill.recorded) == (True, True)
    assert open_repository(offsite, data).summary(taken.summary.id).drilled


async def test_from_python(
    server: TestServer,
    source: DatabaseTarget,
    repository: RepositoryTarget,
    offsite: RepositoryTarget,
    proxy: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("HOME", str(tmp_path)), ("AWS_ENDPOINT_URL", proxy.endpoint)):
        monkeypatch.setenv(name, value)
    data = data_directory_of(repository)
    near = BackupService(source, BackupConfig(output_dir=repository.location, data_directory=data))
    made = await near.create_full_backup("daily")
    [copied] = (await near.copy_backup(made.id, offsite.location)).copied
    assert copied.sent_bytes == made.bytes
    shutil.rmtree(repository.location)

    far = BackupService(source, BackupConfig(output_dir=offsite.location, data_directory=data))
    assert [each.copied_from for each in await far.list_backups()] == ["repository"]
    target = server.drop_after_test("from python")
    config = RecoveryConfig(backup_id=made.id, data_directory=data)
    assert (await RecoveryService(offsite.location).execute_recovery(config, target)).validation.equal


async def test_damage_in_the_store_is_found(
    source: DatabaseTarget, repository: RepositoryTarget, offsite: RepositoryTarget, proxy: Proxy
) -> None:
    taken: Taken = await take(source, repository)
    data = await send_away(repository, offsite)
    artifact = taken.manifest.file("artifact").name
    proxy.faults = [Fault(changes_answer, method="GET", of=f"{artifact}/0", times=99)]
    found = await validate_backup(ValidateRequest(repository=offsite, backup_id="latest", data_directory=data), ignore)
    assert not found.valid
    assert any("sha256 differs" in problem for problem in found.problems)
    with pytest.raises(BackupDamagedError):
        await peek_table(offsite, "latest", "public.contacts", limit=3, data_directory=Path(data))
    proxy.faults = [Fault(refuses(503, "SlowDown"), method="GET", of=f"{artifact}/0", times=99)]
    with pytest.raises(StoreUnreachableError):
        await peek_table(offsite, "latest", "public.contacts", limit=3, data_directory=Path(data))


async def test_no_backup_is_taken_into_a_store(source: DatabaseTarget, offsite: RepositoryTarget) -> None:
    with pytest.raises(RefusedError, match="backups are taken into a directory"):
        await take(source, offsite)
