"""What a private server is given before a backup is restored on it: the source's roles and the settings rows depend on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
from psycopg import sql

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.reader import check_file
from pantry_tui.errors import ClientToolError
from pantry_tui.models import DatabaseTarget, Unlocking
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.private import SUPERUSER
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import version_text
from pantry_tui.recovery.cron_jobs import EXTENSION
from pantry_tui.recovery.database import maintenance_session, quoted_names
from pantry_tui.recovery.rehearsal import ELSEWHERE
from pantry_tui.recovery.roles import role_statements
from pantry_tui.repository.repository import Repository

# What the source's server was set to; the rest of its settings says nothing about what a backup restores to.
_SETTINGS = (
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "bytea_output",
    "default_text_search_config",
    "default_transaction_isolation",
)


async def furnish(target: DatabaseTarget, repository: Repository, manifest: Manifest, unlocking: Unlocking) -> None:
    """Makes the backup's roles on the private server of ``target``, without passwords, and looks for its extensions.

    Raises `ClientToolError` naming extensions that this PostgreSQL does not have, `BackupDamagedError` for a
    `globals.sql` that is not what was written, `ServerError`.
    """
    document = await asyncio.to_thread(stored_globals, repository, manifest, unlocking)
    async with await maintenance_session(target) as connection:
        try:
            if document is not None:
                await connection.execute(role_statements(document, besides=SUPERUSER))
            await _set_as_source(connection, manifest)
            await _require_extensions(connection, manifest)
        except psycopg.Error as error:
            raise server_error(error, doing="preparing the private server") from error


def stored_globals(repository: Repository, manifest: Manifest, unlocking: Unlocking) -> str | None:
    """The backup's `globals.sql`, checked; None when it is gone, of which the restore warns."""
    stored = manifest.file("globals")
    place = repository.place(manifest.id, stored.name)
    if not place.exists():
        return None
    with repository.open(manifest.id, stored.name) as file:
        check_file(file, stored)
    with Content.unlock(place, identities_of(unlocking)).open() as content:
        return content.read().decode(errors="replace")


async def _set_as_source(connection: Connection, manifest: Manifest) -> None:
    """For every later session; what this PostgreSQL does not know stays as it is, and the restore tells of it."""
    around = manifest.environment.server_settings if manifest.environment is not None else {}
    for name in _SETTINGS:
        if (value := around.get(name)) is not None:
            statement = sql.SQL("ALTER ROLE {} SET {} = {}").format(
                sql.Identifier(SUPERUSER), sql.Identifier(name), sql.Literal(value)
            )
            with suppress(psycopg.errors.DataError, psycopg.errors.SyntaxErrorOrAccessRuleViolation):
                await connection.execute(statement)


async def _require_extensions(connection: Connection, manifest: Manifest) -> None:
    query = "SELECT name::text FROM pg_catalog.pg_available_extensions"
    offered = {name for (name,) in await (await connection.execute(query)).fetchall()}
    missing = sorted(manifest.extensions.keys() - offered - {EXTENSION})  # that one's jobs run in no rehearsal
    if missing and manifest.selection.is_everything:  # of a part, the restore knows what it needs
        raise ClientToolError(
            f"PostgreSQL {version_text(connection.info.server_version)}, as it is installed here, lacks the extension "
            f"{quoted_names(missing)}, which backup {manifest.id} needs",
            remedy=f"install the package that brings it, or {ELSEWHERE}",
        )
