"""A database that was replaced side by side: kept under another name, with a comment that says how to undo it.

The comment is written by the transaction that exchanges the names, so it is there exactly when there is something to undo.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import psycopg
from psycopg import sql

from pantry_tui.config.restoring import NAME_BYTES
from pantry_tui.models import Model
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.activity import Activity

_INTRODUCTION = "Kept by Pantry TUI to undo a recovery; `pantry-tui recovery release` drops it. "

# Every owner of a database may write such a comment on it: one counts that belongs to whom the other database belongs to, to
# this very role, or to a superuser.
_COMMENTS = """
SELECT d.datname::text, pg_catalog.shobj_description(d.oid, 'pg_database'), r.rolname::text,
    r.rolsuper OR r.rolname = current_user
    OR EXISTS (SELECT FROM pg_catalog.pg_database o WHERE o.datname = %(name)s AND o.datdba = d.datdba)
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_database o WHERE o.datname = %(name)s)
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
WHERE pg_catalog.starts_with(pg_catalog.shobj_description(d.oid, 'pg_database'), %(introduction)s) ORDER BY 1
"""


class KeptDatabase(Model, frozen=True, kw_only=True):
    """What a kept database was, and what took its place. ``undone``: the recovery that the exchange had undone itself."""

    recovery_id: str
    backup_id: str
    name: str
    comment: str | None
    taken_at: datetime
    own_activity: Activity  # when it was exchanged
    activity: Activity  # of the database that took its place, then
    undone: str | None = None


class Kept(Model, frozen=True, kw_only=True):
    """A kept database and the name that it has now. ``counts``: it is not for anybody to have made it."""

    now_called: str
    record: KeptDatabase
    owner: str
    counts: bool


def kept_name(name: str, recovery_id: str) -> str:
    """What a database is called while it is kept to undo that recovery."""
    suffix = f".before-{recovery_id}"
    return name.encode()[: NAME_BYTES - len(suffix)].decode("utf-8", "ignore") + suffix


def comment_on(name: str, record: KeptDatabase) -> sql.Composed:
    """The statement that writes the record down."""
    text = _INTRODUCTION + record.to_json().decode()
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(text))


async def kept_databases(connection: Connection, name: str) -> list[Kept]:
    """Those on this connection's server that were called ``name``, and that count. Raises `psycopg.Error`."""
    return [kept for kept in await said_to_be_kept(connection, name) if kept.counts]


async def said_to_be_kept(connection: Connection, name: str) -> list[Kept]:
    """The same, with those whose owner is somebody else than the owner of the database. Raises `psycopg.Error`."""
    found = []
    rows = await connection.execute(_COMMENTS, {"name": name, "introduction": _INTRODUCTION})
    for now_called, comment, owner, counts in await rows.fetchall():
        try:
            record = KeptDatabase.from_json(comment.removeprefix(_INTRODUCTION))
        except msgspec.DecodeError:
            continue  # of another version, or somebody's own text
        if record.name == name and now_called == kept_name(name, record.recovery_id):
            found.append(Kept(now_called=now_called, record=record, owner=owner, counts=counts))
    return found


async def comment_of(connection: Connection, name: str) -> str | None:
    """The comment on a database."""
    query = "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = %s"
    row = await (await connection.execute(query, (name,))).fetchone()
    return None if row is None else row[0]


async def sessions(connection: Connection, name: str) -> list[str]:
    """Who is connected to a database, in words. Raises `psycopg.Error`."""
    query = (
        "SELECT pid, usename::text, application_name FROM pg_catalog.pg_stat_activity "
        "WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid() ORDER BY pid"
    )
    rows = await (await connection.execute(query, (name,))).fetchall()
    return [
        f"pid {pid} of {user or 'the server'}{f' ({application})' if application else ''}"
        for pid, user, application in rows
    ]


async def terminate(connection: Connection, name: str) -> None:
    """Ends the sessions of a database, as far as this role may."""
    query = "SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid()"
    for (pid,) in await (await connection.execute(query, (name,))).fetchall():
        try:
            await connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (pid,))
        except psycopg.errors.InsufficientPrivilege:
            continue  # who remains is named when the name cannot be had
