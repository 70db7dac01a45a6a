"""The target server beside the source's, as the manifest recorded it: what cannot work, and what works but differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from pantry_tui.artifact.environment import Environment, NeededRole, UsedCollation, preloaded_libraries
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import RestoreError
from pantry_tui.postgres.environment import locale_settings, roles_named, server_settings
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import quoted_names
from pantry_tui.recovery.requirements import Requirements, create_statements, quoted_identifier

# Attributes that a role loses something without; a role that may do more harms no restore.
_LOSSES = ("SUPERUSER", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS")
# Settings that an application runs out of where they are smaller, and those that change what it sees.
_SMALLER = (
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
)
_DIFFERENT = (
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "bytea_output",
    "default_text_search_config",
    "default_transaction_isolation",
    "password_encryption",
    "standard_conforming_strings",
    "track_commit_timestamp",
    "wal_level",
)
_ALL_SETTINGS = (*_SMALLER, *_DIFFERENT)

# The collations that initdb or pg_import_system_collations made, and the version of the server's libc.
_COLLATIONS = """
SELECT c.collname::pg_catalog.text, pg_catalog.pg_collation_actual_version(c.oid)
FROM pg_catalog.pg_collation c WHERE c.collnamespace = 'pg_catalog'::pg_catalog.regnamespace AND c.collname = ANY (%(names)s)
    AND c.collencoding IN (-1, pg_catalog.pg_char_to_encoding(%(encoding)s))
"""
_LIBC = """
SELECT pg_catalog.max(pg_catalog.pg_collation_actual_version(c.oid)) FROM pg_catalog.pg_collation c
WHERE c.collprovider = 'c'
"""


async def compare_surroundings(
    connection: Connection, manifest: Manifest, needs: Requirements, *, whole: bool, exists: bool
) -> list[str]:
    """Warnings about what the target has otherwise than the source; none where the backup did not record it.

    ``whole``: everything is restored, not some tables. ``exists``: into a database that is there. Raises `RestoreError` when
    the target lacks a locale or collation that the backup's rows need.
    """
    around = manifest.environment
    if around is None:
        return []
    there = await roles_named(connection, [role.name for role in around.roles])
    warnings = list(_roles(around, there, needs)) if whole else []
    if whole and not exists:
        warnings.extend(await _placement(connection, around, manifest.source.owner))
    warnings.extend(await _collations(connection, manifest, around, whole=whole))
    warnings.extend(_preloading(around, await server_settings(connection), needs))
    warnings.extend(_settings(around, await _current(connection)))
    if around.money_columns:
        warnings.extend(await _money(connection, around, exists=exists))
    return warnings


async def _placement(connection: Connection, around: Environment, owner: str) -> list[str]:
    """What a new database has otherwise than the source: its owner, its tablespace."""
    warnings = []
    query = "SELECT pg_catalog.pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = %s"
    row = await (await connection.execute(query, (owner,))).fetchone()
    if row is None or not row[0]:
        warnings.append(
            f"the new database belongs to {connection.info.user}, because that role may not give it to {owner}, the owner "
            f"of the source: ALTER DATABASE … OWNER TO {quoted_identifier(owner)};"
        )
    if around.tablespace != "pg_default":
        warnings.append(
            f"the source was in tablespace {around.tablespace}; the new database is in the server's default one: "
            f"ALTER DATABASE … SET TABLESPACE {quoted_identifier(around.tablespace)}; moves it"
        )
    return warnings


def _roles(around: Environment, there: Mapping[str, NeededRole], needs: Requirements) -> Iterator[str]:
    missing = [role.name for role in around.roles if role.name not in there and role.name not in needs.roles]
    if missing:
        yield (
            f"the target server has no role {quoted_names(missing)}: it owned the source, had settings or privileges on "
            f"it, or is a group of those that have; globals.sql has it, or bare: {create_statements(missing)}"
        )
    for role in around.roles:
        found = there.get(role.name)
        if found is None:
            continue
        lost = [attribute for attribute in _LOSSES if attribute in set(role.attributes) - set(found.attributes)]
        if lost:
            yield (
                f"role {role.name} was {', '.join(lost)} on the source and is not here: "
                f"ALTER ROLE {quoted_identifier(role.name)} {' '.join(lost)};"
            )
        groups = [group for group in role.member_of if group not in found.member_of]
        if groups:
            grants = " ".join(
                f"GRANT {quoted_identifier(group)} TO {quoted_identifier(role.name)};" for group in groups
            )
            yield f"role {role.name} is no member of {quoted_names(groups)} here, as it was on the source: {grants}"


async def _collations(connection: Connection, manifest: Manifest, around: Environment, *, whole: bool) -> list[str]:
    system = [used for used in around.collations if used.schema == "pg_catalog"]
    names = [used.name for used in system]
    query = await connection.execute(_COLLATIONS, {"names": names, "encoding": manifest.source.encoding})
    there: dict[str, str | None] = dict(await query.fetchall())
    missing = [used for used in system if used.name not in there]
    if missing and whole:
        raise RestoreError(
            f"the target server has no collation {quoted_names([used.name for used in missing])}, which columns of the "
            "backup are sorted by",
            remedy=_collation_remedy(missing),
        )
    changed = [
        f"{used.name} {there[used.name]} here, {used.actual_version} there"
        for used in system
        if used.actual_version is not None and there.get(used.name) not in (None, used.actual_version)
    ]
    own = around.actual_collation_version
    if own is not None and manifest.source.locale_provider == "libc":
        row = await (await connection.execute(_LIBC)).fetchone()
        if row is not None and row[0] not in (None, own):
            changed.append(f"{manifest.source.collate} {row[0]} here, {own} there")
    return [_changed_collations(changed, around)] if changed else []


def _collation_remedy(missing: list[UsedCollation]) -> str:
    if any(used.provider == "icu" for used in missing):
        return "use a PostgreSQL that was built with ICU"
    return (
        "install the locales on the server's machine (`locale -a` there lists those it has), create an empty database in "
        "the encoding of the source, run SELECT pg_import_system_collations('pg_catalog') in it, and restore into it"
    )


def _changed_collations(changed: list[str], around: Environment) -> str:
    partitions = around.sorted_partitions
    bounds = f"; rows may lie outside the partition bounds of {quoted_names(list(partitions))}" if partitions else ""
    return (
        f"collations are of other versions than on the source ({'; '.join(changed)}), so that text may sort otherwise; "
        f"indexes are built anew and fit{bounds}"
    )


def _preloading(around: Environment, found: dict[str, str | None], needs: Requirements) -> Iterator[str]:
    """Extensions whose libraries the source loaded at its start, where the target does not."""
    here = preloaded_libraries(found)
    for extension in around.extensions:
        if extension.name not in needs.extensions:
            continue
        lacking = sorted(({extension.name, *extension.libraries} & around.preloaded) - here)
        if lacking:
            yield (
                f"extension {extension.name} had {', '.join(lacking)} preloaded on the source, as far as this role can see "
                "not here: add it to shared_preload_libraries and restart the server, or some of it does not work"
            )


async def _current(connection: Connection) -> dict[str, str]:
    query = "SELECT name, reset_val FROM pg_catalog.pg_settings WHERE name = ANY (%s)"
    return dict(await (await connection.execute(query, (list(_ALL_SETTINGS),))).fetchall())


def _settings(around: Environment, here: dict[str, str]) -> Iterator[str]:
    differing = []
    for name in _ALL_SETTINGS:
        wanted, found = around.server_settings.get(name), here.get(name)
        if wanted is None or found is None or wanted == found:
            continue
        if name in _DIFFERENT or (wanted.isdecimal() and found.isdecimal() and int(found) < int(wanted)):
            differing.append(f"{name} {found} (source {wanted})")
    if differing:
        yield f"settings of the server are not those of the source, should an application rely on them: {', '.join(differing)}"


async def _money(connection: Connection, around: Environment, *, exists: bool) -> list[str]:
    """Money is written as lc_monetary has it: 1.234,56 is another amount under en_US."""
    wanted, found = around.locale["lc_monetary"], (await locale_settings(connection))["lc_monetary"]
    if wanted == found:
        return []
    told = f"{around.money_columns} columns of type money were written for lc_monetary {wanted!r}"
    if exists:
        literal = sql.Literal(wanted).as_string()
        return [
            f"{told}, this database has {found!r}: ALTER DATABASE … SET lc_monetary = {literal}; before the restore"
        ]
    try:
        await connection.execute("SELECT pg_catalog.set_config('lc_monetary', %s, true)", (wanted,))
    except psycopg.errors.InvalidParameterValue as error:
        raise RestoreError(
            f"{told}, which the target server has not",
            remedy="install that locale on the server's machine (`locale -a` there lists those it has), restart the server, "
            "then try again",
        ) from error
    return [f"{told}, the server has {found!r}: the new database is given the source's"]
