"""Exports that are refused, or end early, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.backup.export import export_backup
from pantry_tui.errors import (
    BackupDamagedError,
    NotFoundError,
    RefusedError,
    StorageError,
    UsageError,
)
from pantry_tui.events import Event
from pantry_tui.models import (
    BackupFormat,
    ExportRequest,
    RepositoryTarget,
)
from tests.engine.backup.exporting import (
    CSV,
    ENDINGS,
    JSON,
    SQL,
    export,
    source_of,
)
from tests.engine.backup.taking import data_directory_of, take
from tests.engine.recovery.restoring import damage
from tests.servers import TestServer


@pytest.mark.parametrize(("taken_as", "wanted"), [(SQL, JSON), (CSV, JSON), (JSON, SQL), (JSON, CSV)])
async def test_what_takes_a_server_is_refused(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path, taken_as: BackupFormat, wanted: BackupFormat
) -> None:
    await take(server.create_database(), repository, rows_format=taken_as)
    with pytest.raises(UsageError, match="without a server") as caught:
        await export(repository, tmp_path / f"x{ENDINGS[wanted]}", rows_format=wanted)
    assert f"-f {wanted}" in str(caught.value.remedy)


@pytest.mark.parametrize("taken_as", [SQL, CSV, JSON])
async def test_damage_ends_the_export_and_leaves_nothing(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path, taken_as: BackupFormat
) -> None:
    source = await source_of(server, "odd")
    taken = await take(source, repository, rows_format=taken_as)
    last = max((each for each in taken.manifest.segments if each.rows), key=lambda each: each.offset)
    damage(taken.directory / taken.manifest.file("artifact").name, last.offset + last.length // 2)
    place = tmp_path / "out"
    place.mkdir()
    with pytest.raises(BackupDamagedError):
        await export(repository, place / f"x{ENDINGS[taken_as]}")
    assert list(place.iterdir()) == []


async def test_a_damaged_archive_is_not_read(server: TestServer, repository: RepositoryTarget, tmp_path: Path) -> None:
    taken = await take(await source_of(server, "odd"), repository)
    damage(taken.directory / "archive.dump", 30)
    with pytest.raises(BackupDamagedError, match=r"archive\.dump"):
        await export(repository, tmp_path / "x.sql", tables=["public.ab"])
    assert not (tmp_path / "x.sql").exists()
    await export(repository, tmp_path / "x.sql")  # for which it is not needed


async def test_nothing_is_overwritten(server: TestServer, repository: RepositoryTarget, tmp_path: Path) -> None:
    taken = await take(server.create_database(), repository)
    there, dangling, folder = tmp_path / "there.sql", tmp_path / "dangling.sql", tmp_path / "folder.sql"
    folder.mkdir()
    there.write_text("mine")
    dangling.symlink_to(tmp_path / "nowhere")
    for path in (there, dangling, folder):
        with pytest.raises(RefusedError) as caught:
            await export(repository, path)
        assert str(path) in caught.value.message
    assert there.read_text() == "mine"
    with pytest.raises(RefusedError, match="among the backups"):
        await export(repository, taken.directory / "x.sql")
    with pytest.raises(StorageError, match="No such"):
        await export(repository, tmp_path / "missing" / "x.sql")
    with pytest.raises(UsageError, match="absolute"):
        await export(repository, "x.sql")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dangling.sql",
        "data",
        "folder.sql",
        "repository",
        "there.sql",
    ]


async def test_a_file_that_comes_meanwhile_stays(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    await take(server.create_database(), repository)
    path = tmp_path / "x.sql"

    def meanwhile(event: Event) -> None:
        path.write_text("mine")

    request = ExportRequest(
        data_directory=data_directory_of(repository), repository=repository, backup_id="latest", output=str(path)
    )
    with pytest.raises(RefusedError):
        await export_backup(request, meanwhile)
    assert path.read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "repository", "x.sql"]


async def test_tables_are_found_by_name_and_pattern(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    await take(await source_of(server, "odd"), repository)
    wanted = {
        "public.a*": {"a*"},  # called exactly so
        "public.a?": {"a*", "ab"},
        '"public"."ab"': {"ab"},
        "../x.*": {"-f/x"},
        "*.-?/?": {"-f/x", "-F/X"},
    }
    for number, (pattern, names) in enumerate(wanted.items()):
        done = await export(repository, tmp_path / f"{number}.zip", rows_format=CSV, tables=[pattern])
        assert {each.name for each in done.table_list} == names, pattern
    for unknown in ("public.nothing*", "public.nothing"):
        with pytest.raises(NotFoundError) as caught:
            await export(repository, tmp_path / "x.sql", tables=["public.ab", unknown])
        assert unknown in caught.value.message
    assert not (tmp_path / "x.sql").exists()
