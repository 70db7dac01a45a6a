"""The target server is compared with the source's: what cannot work is refused, what differs is told."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from pantry_tui.artifact.environment import Environment, UsedCollation
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import RestoreError
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import Taken, take
from tests.engine.recovery.restoring import databases, restore, rewrite_manifest
from tests.servers import TestServer

NEW = "compared"


def change(taken: Taken, alter: Callable[[Environment], Environment]) -> None:
    """Has the backup say that its source was another than it was."""
    around = taken.manifest.environment
    assert around is not None
    rewrite_manifest(taken.directory, msgspec.structs.replace(taken.manifest, environment=alter(around)))


async def test_an_equal_server_gives_no_warning(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(source, "CREATE EXTENSION pg_trgm; CREATE TABLE t (price money, name text)")
    await take(source, repository)
    any_server.drop_after_test(NEW)
    result = await restore(any_server.target(NEW), repository)
    assert result.warnings == ()


async def test_roles_that_differ(any_server: TestServer, repository: RepositoryTarget) -> None:
    any_server.execute("postgres", "CREATE ROLE staff; CREATE ROLE clerk LOGIN BYPASSRLS IN ROLE staff")
    try:
        source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
        any_server.execute(source, "CREATE TABLE t (i int); GRANT SELECT ON t TO clerk")
        await take(source, repository)
        any_server.execute("postgres", "DROP ROLE staff; ALTER ROLE clerk NOLOGIN")
        any_server.drop_after_test(NEW)
        with any_server.tidy():
            result = await restore(any_server.drop_after_test(NEW), repository)
        any_server.drop_database(source.name)
    finally:
        any_server.execute("postgres", "DROP ROLE IF EXISTS staff; DROP ROLE clerk")
    told = "\n".join(result.warnings)
    assert 'ALTER ROLE "clerk" LOGIN;' in told
    assert 'GRANT "staff" TO "clerk";' in told
    assert 'CREATE ROLE "staff";' in told


async def test_owner_whom_the_database_cannot_be_given_to(any_server: TestServer, repository: RepositoryTarget) -> None:
    any_server.execute("postgres", "CREATE ROLE humble LOGIN CREATEDB")
    try:
        with any_server.tidy():
            source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
            any_server.execute(
                source,
                f"GRANT CREATE ON DATABASE {source.name} TO humble; SET ROLE humble;"
                "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS i",
            )
            await take(source, repository)
            any_server.drop_after_test(NEW)
            result = await restore(any_server.target(NEW, role="humble"), repository)
    finally:
        any_server.execute("postgres", "DROP ROLE humble")
    assert result.validation.equal
    assert [warning for warning in result.warnings if 'ALTER DATABASE … OWNER TO "postgres";' in warning]


async def test_settings_and_libraries_that_the_source_had(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(source, "CREATE EXTENSION pg_trgm")
    taken = await take(source, repository)

    def richer(around: Environment) -> Environment:
        settings = {
            **around.server_settings,
            "max_connections": "5000",
            "TimeZone": "Europe/Vienna",
            "shared_preload_libraries": 'auto_explain, "$libdir/pg_trgm"',
        }
        return msgspec.structs.replace(around, server_settings=settings, tablespace="fast")

    change(taken, richer)
    result = await restore(server.drop_after_test(NEW), repository)
    told = "\n".join(result.warnings)
    assert "max_connections 60 (source 5000), TimeZone Etc/UTC (source Europe/Vienna)" in told
    assert "extension pg_trgm had pg_trgm preloaded" in told
    assert "auto_explain" not in told
    assert 'SET TABLESPACE "fast"' in told


def _collation(name: str, provider: str, version: str | None) -> Callable[[Environment], Environment]:
    used = UsedCollation(schema="pg_catalog", name=name, provider=provider, version=version, actual_version=version)
    return lambda around: msgspec.structs.replace(around, collations=(used,), sorted_partitions=("public.names",))


@pytest.mark.parametrize(("provider", "remedy"), [("libc", "locale -a"), ("icu", "built with ICU")])
async def test_missing_collation(server: TestServer, repository: RepositoryTarget, provider: str, remedy: str) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    taken = await take(source, repository)
    change(taken, _collation("xx_YY", provider, "1"))
    with pytest.raises(RestoreError, match="no collation xx_YY") as failure:
        await restore(server.target(NEW), repository)
    assert remedy in (failure.value.remedy or "")
    assert not [name for name in databases(server) if name.startswith(NEW)]


async def test_collation_of_another_version(system_server: TestServer, repository: RepositoryTarget) -> None:
    if not system_server.execute("postgres", "SELECT 1 FROM pg_collation WHERE collname = 'de-x-icu'"):
        pytest.skip("the system's PostgreSQL has no ICU")
    source = system_server.create_database(template="template0", encoding="UTF8", locale="C")
    system_server.execute(source, 'CREATE TABLE t (a text COLLATE "de-x-icu")')
    taken = await take(source, repository)
    around = taken.manifest.environment
    assert around is not None
    assert [used.name for used in around.collations] == ["de-x-icu"]
    change(taken, _collation("de-x-icu", "icu", "0.1"))
    result = await restore(system_server.drop_after_test(NEW), repository)
    (told,) = result.warnings
    assert "de-x-icu 1" in told
    assert "0.1 there" in told
    assert "partition bounds of public.names" in told


async def test_money_takes_its_format_along(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        source,
        f"ALTER DATABASE {source.name} SET lc_monetary = 'C.utf8'",
    )
    any_server.execute(source, "CREATE TABLE t AS SELECT '1234.56'::money AS price")
    await take(source, repository)
    new = any_server.drop_after_test(NEW)
    result = await restore(new, repository)
    assert result.validation.equal
    assert [warning for warning in result.warnings if "were written for lc_monetary 'C.utf8'" in warning]
    assert any_server.execute(new, "SHOW lc_monetary") == [("C.utf8",)]


def _money_of(locale: str) -> Callable[[Environment], Environment]:
    return lambda around: msgspec.structs.replace(
        around, money_columns=1, locale={**around.locale, "lc_monetary": locale}
    )


async def test_money_into_a_database_that_is_there(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(source, "CREATE TABLE t (price money)")
    change(await take(source, repository), _money_of("it's"))
    there = server.create_database(template="template0", encoding="UTF8", locale="C")
    result = await restore(there, repository)
    assert [warning for warning in result.warnings if "SET lc_monetary = 'it''s'; before the restore" in warning]


async def test_money_in_a_format_that_the_server_lacks(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    taken = await take(source, repository)
    change(taken, _money_of("xx_YY"))
    with pytest.raises(RestoreError, match="money were written for lc_monetary 'xx_YY', which the target"):
        await restore(server.target(NEW), repository)
    assert not [name for name in databases(server) if name.startswith(NEW)]


async def test_surroundings_that_cannot_be_read(any_server: TestServer, repository: RepositoryTarget) -> None:
    any_server.execute("postgres", "CREATE ROLE humble LOGIN")
    try:
        with any_server.tidy():
            source = any_server.create_database(template="template0", encoding="UTF8", locale="C", owner="humble")
            any_server.execute(
                source,
                "REVOKE EXECUTE ON FUNCTION pg_available_extension_versions() FROM PUBLIC; SET ROLE humble;"
                "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS i",
            )
            taken = await take(any_server.target(source.name, role="humble"), repository)
    finally:
        any_server.execute("postgres", "DROP ROLE humble")
    assert taken.manifest.environment is None
    assert [warning for warning in taken.manifest.warnings if "pg_available_extension_versions" in warning]
    assert taken.rows("s.t") == 1


def _removed(manifest: Manifest) -> Manifest:
    return msgspec.structs.replace(manifest, environment=None)


async def test_backup_of_a_version_that_recorded_nothing(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(source, f"ALTER DATABASE {source.name} SET work_mem = '5MB'")
    taken = await take(source, repository)
    rewrite_manifest(taken.directory, _removed(taken.manifest))
    new = server.drop_after_test(NEW)
    result = await restore(new, repository)
    assert result.validation.equal
    assert server.execute(new, "SHOW work_mem") == [("5MB",)]


async def test_missing_extension(system_server: TestServer, server: TestServer, repository: RepositoryTarget) -> None:
    offered = "SELECT name::text FROM pg_available_extensions ORDER BY 1"
    only_there = set(system_server.execute("postgres", offered)) - set(server.execute("postgres", offered))
    if ("adminpack",) not in only_there:
        pytest.skip("the servers do not differ by adminpack, which release 17 took away")
    source = system_server.create_database(template="template0", encoding="UTF8", locale="C")
    system_server.execute(source, "CREATE EXTENSION adminpack")
    await take(source, repository)
    with pytest.raises(RestoreError, match="does not offer the extension adminpack") as failure:
        await restore(server.target(NEW), repository)
    assert "PostgreSQL 17" in (failure.value.remedy or "")
