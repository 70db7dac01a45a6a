"""Dumps of others in tar and directory format, whose rows stand in files of their own."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pantry_tui.artifact.foreign.parts import TarParts
from pantry_tui.errors import BackupDamagedError, UsageError
from pantry_tui.models import DatabaseTarget
from tests.engine.recovery.foreign import ROLE, dumped, make_role, restore_dump
from tests.engine.recovery.restoring import databases
from tests.servers import TestServer

OBJECT = b"\x1f\x8b looks packed, and is not \x00\xff"


@pytest.fixture
def shop(any_server: TestServer) -> DatabaseTarget:
    make_role(any_server)
    target = any_server.create_database()
    any_server.execute(
        target,
        "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items SELECT g, 'item ' || g FROM"
        " generate_series(1, 400) g; CREATE TABLE parts (item int REFERENCES items); INSERT INTO parts SELECT id FROM"
        " items; CREATE MATERIALIZED VIEW known AS SELECT count(*) FROM items; CREATE TABLE bare ();"
        f"SELECT lo_from_bytea(7001, '\\x{OBJECT.hex()}'); SELECT lo_from_bytea(7002, '')",
    )
    return target


@pytest.mark.parametrize("options", [("-Ft",), ("-Fd",), ("-Fd", "-Z0")], ids=["tar", "directory", "plain"])
async def test_what_pg_dump_writes_comes_back(
    any_server: TestServer, shop: DatabaseTarget, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = dumped(any_server, shop, tmp_path / "theirs", *options)
    any_server.drop_after_test("parts restored")
    result = await restore_dump(path, any_server.target("parts restored", role=ROLE))
    assert result.source_kind == ("tar" if options == ("-Ft",) else "directory")
    assert sum(table.inserted for table in result.tables) == 800
    assert any("owners of an archive are left out" in warning for warning in result.warnings)
    any_server.execute("parts restored", f"REASSIGN OWNED BY {ROLE} TO postgres")
    assert any_server.fingerprint("parts restored") == any_server.fingerprint(shop)
    assert any_server.execute("parts restored", "SELECT lo_get(7001), lo_get(7002)") == [(OBJECT, b"")]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _swapped(path: Path) -> None:
    """Two files of rows exchanged, as somebody may who wants rows in another table."""
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member)) for member in tar.getmembers()]
        files = [(member.name, stream.read() if stream is not None else b"") for member, stream in members]
    rows = [at for at, (name, _) in enumerate(files) if name[0].isdigit()]
    files[rows[0]], files[rows[1]] = files[rows[1]], files[rows[0]]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("damage", [_cut, _swapped])
async def test_a_damaged_tar(server: TestServer, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    make_role(server)
    target = server.create_database()
    server.execute(target, "CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE b AS SELECT 2 AS i")
    path = dumped(server, target, tmp_path / "theirs.tar", "-Ft")
    damage(path)
    with pytest.raises(BackupDamagedError):
        await restore_dump(path, server.target("never made", role=ROLE))
    assert "never made" not in databases(server)


async def test_a_damaged_directory(server: TestServer, tmp_path: Path) -> None:
    make_role(server)
    target = server.create_database()
    server.execute(target, "CREATE TABLE a AS SELECT 1 AS i")
    path = dumped(server, target, tmp_path / "theirs", "-Fd")
    (rows,) = path.glob("[0-9]*.dat.gz")
    data = rows.read_bytes()
    rows.write_bytes(data[:-6])
    with pytest.raises(BackupDamagedError, match="has no end"):
        await restore_dump(path, server.target("never made", role=ROLE))
    rows.unlink()
    with pytest.raises(BackupDamagedError, match="lacks the file"):
        await restore_dump(path, server.target("never made", role=ROLE))
    rows.with_suffix(".lz4").write_bytes(data)
    with pytest.raises(UsageError, match="lz4"):
        await restore_dump(path, server.target("never made", role=ROLE))
    toc = path / "toc.dat"
    name = rows.name.removesuffix(".gz").encode()
    toc.write_bytes(toc.read_bytes().replace(name, b"/" * len(name)))
    with pytest.raises(BackupDamagedError, match="which pg_dump does not write"):
        await restore_dump(path, server.target("never made", role=ROLE))
    assert "never made" not in databases(server)


def test_a_tar_of_other_things() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        link = tarfile.TarInfo("toc.dat")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(BackupDamagedError, match="no plain file"):
        TarParts(iter([buffer.getvalue()]), "x").toc()
    with pytest.raises(BackupDamagedError, match="is cut off"):
        TarParts(iter([gzip.compress(b"")]), "x").toc()
