"""A restore that cannot succeed says why before anything is created."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import (
    BackupDamagedError,
    NotFoundError,
    PantryError,
    PrivilegeError,
    RefusedError,
    RestoreError,
    TargetNotEmptyError,
    UsageError,
)
from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import Taken, take
from tests.engine.recovery.restoring import damage, databases, restore, rewrite_manifest
from tests.servers import TestServer

NEW = "never made"


@pytest.fixture
def source(server: TestServer) -> DatabaseTarget:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(
        source,
        "CREATE TABLE t AS SELECT i, md5(i::text) AS v FROM generate_series(1, 20000) i;"
        "CREATE TABLE u AS SELECT generate_series(1, 10) AS i; CREATE INDEX ON t (v)",
    )
    return source


@pytest.fixture(autouse=True)
def _nothing_is_created(server: TestServer) -> Iterator[None]:
    yield
    assert not {name for name in databases(server) if name.startswith(NEW)}


async def test_target_that_is_not_empty(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    await take(source, repository)
    with pytest.raises(TargetNotEmptyError, match=r"2 tables \(public\.t, public\.u\)"):
        await restore(source, repository)
    assert server.execute(source, "SELECT count(*) FROM t") == [(20000,)]


@pytest.mark.parametrize(
    "statement",
    ["CREATE FUNCTION f() RETURNS int RETURN 1", "CREATE SCHEMA s", "SELECT lo_create(0)", "CREATE EXTENSION pg_trgm",
     "CREATE TYPE e AS ENUM ()", "CREATE SEQUENCE q", "CREATE VIEW v AS SELECT 1",
     "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"],
)  # fmt: skip
async def test_anything_at_all_makes_a_target_not_empty(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, statement: str
) -> None:
    await take(source, repository)
    target = server.create_database(template="template0", encoding="UTF8")
    server.execute(target, statement)
    with pytest.raises(TargetNotEmptyError):
        await restore(target, repository)


@pytest.mark.parametrize("where", ["first byte", "middle", "last byte"])
@pytest.mark.parametrize("role", ["artifact", "archive"])
async def test_changed_byte(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, role: str, where: str
) -> None:
    taken = await take(source, repository)
    file = taken.directory / taken.manifest.file(role).name
    size = file.stat().st_size
    damage(file, {"first byte": 0, "middle": size // 2, "last byte": size - 1}[where])
    with pytest.raises(BackupDamagedError, match=file.name):
        await restore(server.target(NEW), repository)


@pytest.mark.parametrize("role", ["artifact", "archive"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
async def test_truncated_file(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, role: str, kept: float
) -> None:
    taken = await take(source, repository)
    file = taken.directory / taken.manifest.file(role).name
    with file.open("r+b") as stream:
        stream.truncate(int((file.stat().st_size - 1) * kept))
    with pytest.raises(BackupDamagedError, match=file.name):
        await restore(server.target(NEW), repository)


def _without_end(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, segments=manifest.segments[:-1])


def _fewer_rows(manifest: Manifest) -> Manifest:
    segments = [segment for segment in manifest.segments if segment.table != 0]
    return msgspec.structs.replace(manifest, segments=tuple(segments))


def _exchanged(manifest: Manifest) -> Manifest:
    names = {0: 1, 1: 0, None: None}
    segments = [msgspec.structs.replace(segment, table=names[segment.table]) for segment in manifest.segments]
    return msgspec.structs.replace(manifest, segments=tuple(segments))


@pytest.mark.parametrize("change", [_without_end, _fewer_rows, _exchanged])
async def test_manifest_that_does_not_fit(
    server: TestServer,
    repository: RepositoryTarget,
    source: DatabaseTarget,
    change: Callable[[Manifest], Manifest],
) -> None:
    taken = await take(source, repository)
    rewrite_manifest(taken.directory, change(taken.manifest))
    with pytest.raises(BackupDamagedError):
        await restore(server.target(NEW), repository)


async def test_unknown_backup_and_unknown_table(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    await take(source, repository)
    with pytest.raises(NotFoundError):
        await restore(server.target(NEW), repository, backup_id="20200101T000000Z-none-0000")
    with pytest.raises(NotFoundError, match=r"no table other\.t.*public\.t"):
        await restore(server.target(NEW), repository, tables=("other.t",))


async def test_missing_role(server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> None:
    names = ["owner who goes", "reader;--", "policy\tholder"]
    create = " ".join(f'DROP ROLE IF EXISTS "{name}"; CREATE ROLE "{name}";' for name in names)
    server.execute("postgres", create)
    server.execute(
        source,
        f'ALTER TABLE t OWNER TO "{names[0]}"; GRANT SELECT ON u TO "{names[1]}" WITH GRANT OPTION;'
        f'CREATE POLICY p ON u TO "{names[2]}" USING (i > 3)',
    )
    await take(source, repository)
    server.execute(
        source,
        f'ALTER TABLE t OWNER TO CURRENT_USER; REVOKE ALL ON u FROM "{names[1]}"; DROP POLICY p ON u;'
        + " ".join(f'DROP ROLE "{name}";' for name in names),
    )
    with pytest.raises(RestoreError) as failure:
        await restore(server.target(NEW), repository)
    for name in names:
        assert name in failure.value.message
        assert f'CREATE ROLE "{name}";' in (failure.value.remedy or "")


async def test_owner_whom_we_may_not_act_for(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    await take(source, repository)
    server.execute("postgres", "DROP ROLE IF EXISTS humble; CREATE ROLE humble LOGIN CREATEDB")
    try:
        with pytest.raises(PrivilegeError, match="humble may not make objects for") as failure:
            await restore(server.target(NEW, role="humble"), repository)
    finally:
        server.execute("postgres", "DROP ROLE humble")
    assert failure.value.remedy == "restore as a superuser"


async def test_owner_who_can_be_joined(server: TestServer, repository: RepositoryTarget) -> None:
    create = 'DROP ROLE IF EXISTS humble, "the ""owner"; CREATE ROLE humble LOGIN CREATEDB; CREATE ROLE "the ""owner"'
    server.execute("postgres", create)
    try:
        source = server.create_database()
        server.execute(
            source,
            'CREATE SCHEMA s; ALTER SCHEMA s OWNER TO "the ""owner"; ALTER SCHEMA public OWNER TO humble;'
            "ALTER SCHEMA public OWNER TO pg_database_owner; GRANT ALL ON SCHEMA public TO humble",
        )
        await take(source, repository)
        with pytest.raises(PrivilegeError, match='may not make objects for the "owner, who') as failure:
            await restore(server.target(NEW, role="humble"), repository)
        server.drop_database(source.name)
    finally:
        server.execute("postgres", 'DROP ROLE humble, "the ""owner"')
    assert (failure.value.remedy or "").endswith('GRANT "the ""owner" TO "humble";')


@pytest.mark.parametrize("name", ["postgres", "template0", "template1"])
async def test_databases_of_the_server_itself(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, name: str
) -> None:
    await take(source, repository)
    with pytest.raises(RefusedError, match=f"database {name} is the server's own"):
        await restore(server.target(name), repository)


async def test_template(server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> None:
    await take(source, repository)
    template = server.create_database(is_template="true")
    try:
        with pytest.raises(RefusedError, match=f"database {template.name} is a template"):
            await restore(template, repository)
    finally:
        server.execute("postgres", f"ALTER DATABASE {template.name} IS_TEMPLATE false")


async def test_name_that_the_server_would_cut_off(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    await take(source, repository)
    with pytest.raises(UsageError, match="70 bytes"):
        await restore(server.target(NEW.ljust(70, "x")), repository)


async def test_role_that_may_not_create_databases(server: TestServer, repository: RepositoryTarget) -> None:
    server.execute("postgres", "DROP ROLE IF EXISTS humble; CREATE ROLE humble LOGIN")
    try:
        source = server.create_database(owner="humble")
        server.execute(source, "SET ROLE humble; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS i")
        await take(source, repository)
        with pytest.raises(PrivilegeError, match="may not create database"):
            await restore(server.target(NEW, role="humble"), repository)
        server.drop_database(source.name)
    finally:
        server.execute("postgres", "DROP ROLE humble")


async def test_older_server(
    server: TestServer, system_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    if system_server.version_num // 10000 >= server.version_num // 10000:
        pytest.skip("the system's PostgreSQL is not older than the embedded one")
    await take(source, repository)
    with pytest.raises(RestoreError, match="would be lost"):
        await restore(system_server.target(NEW), repository)


async def test_existing_database_of_another_encoding(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    await take(source, repository)
    target = server.create_database(template="template0", encoding="LATIN1", locale="C")
    with pytest.raises(RestoreError, match="LATIN1"):
        await restore(target, repository)


def _other_locale(manifest: Manifest) -> Manifest:
    source = msgspec.structs.replace(manifest.source, collate="xx_YY.utf8", ctype="xx_YY.utf8")
    return msgspec.structs.replace(manifest, source=source)


async def test_missing_locale(server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository)
    rewrite_manifest(taken.directory, _other_locale(taken.manifest))
    with pytest.raises(RestoreError, match="xx_YY") as failure:
        await restore(server.target(NEW), repository)
    assert "locale" in (failure.value.remedy or "")


def _incremental(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, kind=BackupKind.INCREMENTAL)


async def test_kind_that_is_not_supported(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    taken: Taken = await take(source, repository)
    rewrite_manifest(taken.directory, _incremental(taken.manifest))
    with pytest.raises(UsageError):
        await restore(server.target(NEW), repository)


async def test_unreachable_server(repository: RepositoryTarget, source: DatabaseTarget) -> None:
    await take(source, repository)
    with pytest.raises(PantryError) as failure:
        await restore(DatabaseTarget(name="gone", conninfo="host=/nonexistent dbname=x"), repository)
    assert failure.value.exit_status == 11
