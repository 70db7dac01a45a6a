"""What a backup holds is what the database held: restored with gunzip and psql alone, compared by an independent tool."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any

import pytest

from pantry_tui.artifact.positions import decode_positions
from pantry_tui.demo.crm import create_crm
from pantry_tui.events import TableProgress, ignore
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import Taken, take
from tests.servers import TestServer

STALE_IN_THE_SOURCE = "public.mvtest_bb"  # a materialised view that a restore refreshes


def restored(server: TestServer, taken: Taken) -> dict[str, Any]:
    """The fingerprint of a database made of the backup by psql."""
    new = server.create_database(template="template0", encoding=taken.manifest.source.encoding, locale="C")
    server.psql(new, taken.document)
    return server.fingerprint(new)


def without_stale_view(fingerprint: dict[str, Any]) -> dict[str, Any]:
    fingerprint["matviews"].pop(STALE_IN_THE_SOURCE, None)
    return fingerprint


@pytest.mark.parametrize("which", ["pagila", "regression"])
async def test_corpus_comes_back_equal(any_server: TestServer, repository: RepositoryTarget, which: str) -> None:
    target = any_server.load_corpus(which)
    taken = await take(target, repository)
    assert without_stale_view(restored(any_server, taken)) == without_stale_view(any_server.fingerprint(target))


async def test_demo_comes_back_equal(any_server: TestServer, repository: RepositoryTarget) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    await create_crm(target, scale=0.005, listener=ignore)
    taken = await take(target, repository)
    assert restored(any_server, taken) == any_server.fingerprint(target)


async def test_large_table_is_cut_into_ranges(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) AS filler FROM generate_series(1, 60000) i;"
        "DELETE FROM big WHERE i % 10 = 3",
    )
    taken = await take(target, repository, jobs=2)
    (table,) = taken.manifest.tables
    assert len(table.ranges) >= 3
    assert sum(part.rows for part in table.ranges) == table.rows == 54000
    assert table.ranges[-1].last_page is None
    positions = (taken.directory / "positions.bin").read_bytes()
    kept = [
        position
        for part in table.ranges
        for position in decode_positions(
            positions[part.positions_offset or 0 : (part.positions_offset or 0) + (part.positions_length or 0)]
        )
    ]
    stored = server.execute(
        target, "SELECT (ctid::text::point)[0]::int, (ctid::text::point)[1]::int FROM big ORDER BY big.ctid"
    )
    assert kept == stored


async def test_rows_larger_than_guessed_become_several_segments(
    server: TestServer, repository: RepositoryTarget
) -> None:
    target = server.create_database()
    server.execute(
        target, "CREATE TABLE fat AS SELECT i, repeat('pantry ', 400000) AS text FROM generate_series(1, 20) i"
    )
    taken = await take(target, repository)
    (table,) = taken.manifest.tables
    segments = [segment for segment in taken.manifest.segments if segment.table == 0]
    assert len(segments) > len(table.ranges)
    assert sum(segment.rows for segment in segments) == 20
    assert restored(server, taken) == server.fingerprint(target)


async def test_segments_are_complete_in_themselves(server: TestServer, repository: RepositoryTarget) -> None:
    taken = await take(server.load_corpus("pagila"), repository)
    artifact = (taken.directory / taken.manifest.file("artifact").name).read_bytes()
    end = 0
    for segment in taken.manifest.segments:
        stored = artifact[segment.offset : segment.offset + segment.length]
        assert segment.offset == end
        assert hashlib.sha256(stored).hexdigest() == segment.sha256
        raw = gzip.decompress(stored)
        assert len(raw) == segment.raw_length
        if segment.section == "rows":
            assert raw.startswith(b"COPY ")
            assert raw.endswith(b"\\.\n")
            assert raw.count(b"\n") == segment.rows + 2
        end += segment.length
    assert end == len(artifact)
    assert taken.document.endswith(
        f"end of backup {taken.summary.id}: {taken.summary.tables} tables, {taken.summary.rows} rows\n".encode()
    )


async def test_files_are_private_and_hashed(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT 1 AS i")
    taken = await take(target, repository)
    assert taken.directory.stat().st_mode & 0o777 == 0o700
    for file in taken.manifest.files:
        path = taken.directory / file.name
        assert path.stat().st_mode & 0o777 == 0o600
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    assert {path.name for path in taken.directory.iterdir()} == {
        "manifest.json",
        "manifest.json.sig",
        *(file.name for file in taken.manifest.files),
    }


async def test_without_fingerprints_there_are_none(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT generate_series(1, 10) AS i")
    taken = await take(target, repository, fingerprints=False)
    assert taken.fingerprint("public.t") is None
    assert taken.rows("public.t") == 10
    assert not (taken.directory / "positions.bin").exists()


async def test_progress_is_told_per_table(server: TestServer, repository: RepositoryTarget) -> None:
    taken = await take(server.load_corpus("pagila"), repository)
    done = {event.table: event for event in taken.events if isinstance(event, TableProgress) and event.done}
    assert done["public.film"].rows == 1000
    assert set(done) == {table.qualified_name for table in taken.manifest.tables}


async def test_empty_database(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    taken = await take(target, repository)
    assert (taken.summary.tables, taken.summary.rows) == (0, 0)
    assert restored(server, taken) == server.fingerprint(target)
