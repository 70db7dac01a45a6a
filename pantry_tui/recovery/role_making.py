"""Making the roles that a new server lacks, before a backup is restored there. What is there is never changed."""

from __future__ import annotations

import asyncio

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import PrivilegeError, RestoreError, UsageError
from pantry_tui.events import Listener, Logged, Warned
from pantry_tui.models import RestoreRequest
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import maintenance_session, quoted_names
from pantry_tui.recovery.furnishing import stored_globals
from pantry_tui.recovery.roles import MissingRole, missing_roles
from pantry_tui.repository.repository import Repository

_THERE = "SELECT rolname::text FROM pg_catalog.pg_roles"
_OF_THE_SERVER = "pg_"  # roles of these names are made by initdb alone


async def create_roles(request: RestoreRequest, repository: Repository, manifest: Manifest, listener: Listener) -> None:
    """Makes the backup's roles that the target's server does not have, with attributes, memberships and settings.

    All of them or none; an attribute or membership that this role may not give is told, and the role made without. They
    have no passwords, and they stay whatever becomes of the restore. Raises `UsageError` for a dry run, `RestoreError`
    where the backup has lost its roles, `PrivilegeError`, `ServerError` and its kin.
    """
    if request.dry_run:
        raise UsageError("a dry run leaves nothing behind, and roles would stay", remedy="leave --create-roles out")
    warnings: list[str] = []
    async with await maintenance_session(request.target) as connection:
        missing = await roles_to_make(connection, request, repository, manifest)
        try:
            async with connection.transaction():
                for role in missing:
                    await connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role.name)))
                for role in missing:
                    warnings += await _give(connection, role)
        except psycopg.errors.InsufficientPrivilege as error:
            raise PrivilegeError(
                f"role {connection.info.user} may not make the roles {quoted_names([role.name for role in missing])}",
                remedy="connect as a role with CREATEROLE, or restore without them (--managed)",
                detail=str(error),
            ) from error
        except psycopg.Error as error:
            raise server_error(error, doing="making roles") from error
    _tell(missing, warnings, listener)


async def roles_to_make(
    connection: Connection, request: RestoreRequest, repository: Repository, manifest: Manifest
) -> list[MissingRole]:
    """The backup's roles that this server does not have. Raises `RestoreError` where the backup has lost its roles."""
    document = await asyncio.to_thread(stored_globals, repository, manifest, request.unlocking)
    if document is None:
        raise RestoreError(
            "this backup has lost its globals.sql, and its roles with it",
            remedy="make them by hand, or use another backup",
        )
    there = {name for (name,) in await (await connection.execute(_THERE)).fetchall()}
    return [
        role
        for role in missing_roles(document, there, connection.info.server_version)
        if not role.name.startswith(_OF_THE_SERVER)
    ]


async def _give(connection: Connection, role: MissingRole) -> list[str]:
    """Gives a new role what it had; returns what could not be given."""
    refused = []
    for statement in role.statements:
        try:
            async with connection.transaction():
                await connection.execute(statement)
        except psycopg.Error as error:
            if connection.closed:
                raise
            refused.append(f"{statement.as_string()}; was refused: {error.diag.message_primary or error}")
    return refused


def _tell(missing: list[MissingRole], warnings: list[str], listener: Listener) -> None:
    if missing:
        listener(Logged(message=f"made the roles {quoted_names([role.name for role in missing])}"))
    for warning in warnings:
        listener(Warned(message=warning))
    without = [role.name for role in missing if role.wants_password]
    if without:
        listener(
            Warned(message=f"passwords are not carried over: give them to {quoted_names(without)} (\\password in psql)")
        )
