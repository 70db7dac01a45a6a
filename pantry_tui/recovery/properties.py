"""What belongs to the database itself, not to anything in it: settings, privileges, comment, whether it has `public`.

`pg_restore` makes these only together with a database of the source's own name. The statements are pg_dump's, from the
archive, each with the new name in place of the old one: values that may be secret stand nowhere else, and lists such as
search_path are quoted as they must be.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.artifact.environment import may_be_secret
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.toc import TocEntry, read_toc_of
from pantry_tui.errors import RestoreError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import child_environment, conninfo, server_error
from pantry_tui.postgres.processes import run_tool
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import ClientTools
from pantry_tui.recovery.database import writable_session

# pg_dump doubles quotes and, in E'…', backslashes, so that a literal ends at the first quote that is not doubled.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\s+|;|[^\s'";]+""")
HIDDEN = "'***'"


class Statement(NamedTuple):
    """Statements that only make sense together. ``shown``: without values that may be secret."""

    parts: tuple[str, ...]
    shown: str
    is_secret: bool


def database_statements(toc: Iterable[TocEntry], name: str) -> list[Statement]:
    """The archive's statements about the source database itself, made for a database called ``name``."""
    entries = [
        entry
        for entry in toc
        if entry.kind == "DATABASE PROPERTIES"
        or (entry.kind in ("ACL", "COMMENT", "SECURITY LABEL") and entry.tag.startswith("DATABASE "))
    ]
    return [
        Statement(group, " ".join(map(hidden, group)), any(hidden(part) != part for part in group))
        for entry in sorted(entries, key=lambda entry: entry.kind == "DATABASE PROPERTIES")
        for group in _groups(renamed(part, name) for part in split_statements(entry.statement))
    ]


async def live_entries(target: DatabaseTarget, tools: ClientTools, encoding: str) -> tuple[TocEntry, ...]:
    """The entries of a database as it is now, for `database_statements`: pg_dump knows how each is quoted.

    Raises `ServerError` and its kin.
    """
    done = await run_tool(
        [
            tools.path("pg_dump"),
            "--format=custom",
            "--create",
            "--schema-only",
            "--exclude-schema=*",
            "--no-password",
            f"--encoding={encoding}",
            f"--dbname={conninfo(target, application='restore')}",
        ],
        environment=child_environment(target),
        doing=f"reading the properties of database {target.name}",
    )
    return read_toc_of(io.BytesIO(done.stdout), "what pg_dump wrote", encoding)


def split_statements(text: str) -> list[str]:
    """The single statements of what pg_dump wrote, each with its semicolon."""
    statements: list[str] = []
    current = ""
    for token in _TOKEN.findall(text):
        current += token
        if token == ";":  # noqa: S105
            statements.append(current.strip())
            current = ""
    return statements


def renamed(statement: str, name: str) -> str:
    """The statement with ``name`` in place of the database that it names first."""
    tokens = _TOKEN.findall(statement)
    if "DATABASE" in tokens:
        tokens[tokens.index("DATABASE") + 2] = sql.Identifier(name).as_string()  # a blank stands between
    return "".join(tokens)


def hidden(statement: str) -> str:
    """The statement without its value, where that may be secret."""
    tokens = _TOKEN.findall(statement)
    if tokens[:1] != ["ALTER"] or "SET" not in tokens:
        return statement
    name = tokens.index("SET") + 2  # a blank stands between, and before and after the TO that follows
    value = "".join(tokens[name + 4 :])
    if not may_be_secret(tokens[name].strip('"'), value):
        return statement
    return "".join(tokens[: name + 4]) + f"{HIDDEN};"


def _groups(statements: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """What stands between SET and RESET SESSION AUTHORIZATION is granted by another role, and belongs together."""
    group: list[str] = []
    for statement in statements:
        group.append(statement)
        if group[0].startswith("SET SESSION AUTHORIZATION") and not statement.startswith("RESET SESSION"):
            continue
        yield tuple(group)
        group = []
    if group:
        yield tuple(group)


async def carry_over(connection: Connection, statements: Sequence[Statement], shown: Sequence[Statement]) -> list[str]:
    """Runs each of ``statements``; returns warnings with the SQL, as in ``shown``, of those that this role may not.

    A setting that the target's release no longer knows is among them.
    """
    warnings = []
    for statement, told in zip(statements, shown, strict=True):
        try:
            async with connection.transaction():
                for part in statement.parts:
                    await connection.execute(part.encode())
        except psycopg.Error as error:
            reason = f"SQLSTATE {error.sqlstate}" if statement.is_secret else error.diag.message_primary or str(error)
            warnings.append(f"the database has not got back a property of its own ({reason}): {told.shown}")
        except UnicodeEncodeError:
            warnings.append(f"the database has not got back a property that is no text: {told.shown}")
    return warnings


async def take_owner(connection: Connection, old: str, new: str) -> list[str]:
    """Gives a database the owner and the limit of connections of another; returns a warning where the limit is refused.

    Raises `RestoreError` where this role may not give it to that owner: who owned the database could not use it any more, and
    what is kept of it would be nobody's to put back.
    """
    query = (
        "SELECT pg_catalog.pg_get_userbyid(datdba)::text, datconnlimit FROM pg_catalog.pg_database WHERE datname = %s"
    )
    row = await (await connection.execute(query, (old,))).fetchone()
    if row is None:
        return []
    owner, limit = row
    try:
        async with connection.transaction():
            name = sql.Identifier(new)
            await connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(owner)))
    except psycopg.Error as error:
        raise RestoreError(
            f"the restored database could not be given to {owner}, who owns {old}: {error.diag.message_primary or error}",
            remedy=f"connect as {owner} or a superuser, or as a role that may SET ROLE to {owner}",
            detail=str(error),
        ) from error
    return await _take_limit(connection, new, limit)


async def _take_limit(connection: Connection, name: str, limit: int) -> list[str]:
    if limit < 0:
        return []
    limited = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT = {}").format(sql.Identifier(name), sql.Literal(limit))
    try:
        await connection.execute(limited)
    except psycopg.Error as error:
        return [f"the database has not got its limit of {limit} connections: {error.diag.message_primary or error}"]
    return []


def left_behind(statements: Sequence[Statement], name: str) -> str | None:
    """A warning for a database that was there before: what of the source's own properties it does not get."""
    if not statements:
        return None
    text = " ".join(statement.shown for statement in statements)
    return (
        f"database {name} was there before and keeps its own settings, privileges and comment; those of the source are: "
        f"{text}"
    )


async def prepare(target: DatabaseTarget, manifest: Manifest) -> list[str]:
    """Makes a new, empty database what the rows need: no schema `public` if the source had none, money in its format.

    Returns warnings. Raises `ServerError`.
    """
    around = manifest.environment
    if around is None or (around.public_schema and not around.money_columns):
        return []
    async with await writable_session(target) as connection:
        try:
            if around.money_columns:
                await _set_money_format(connection, around.locale["lc_monetary"])
            if not around.public_schema:
                return await _drop_public(connection)
        except psycopg.Error as error:
            raise server_error(error, doing="preparing the database") from error
    return []


async def _set_money_format(connection: Connection, wanted: str) -> None:
    """Money is written as lc_monetary has it (1.234,56 is another amount under en_US): all sessions get the source's."""
    row = await (await connection.execute("SELECT pg_catalog.current_setting('lc_monetary')")).fetchone()
    if row is not None and row[0] == wanted:
        return
    statement = sql.SQL("ALTER DATABASE {} SET lc_monetary = {}")
    await connection.execute(statement.format(sql.Identifier(connection.info.dbname), sql.Literal(wanted)))


async def _drop_public(connection: Connection) -> list[str]:
    try:
        await connection.execute("DROP SCHEMA public")
    except psycopg.errors.InsufficientPrivilege:
        return ["the source has no schema public; this role may not drop the new database's: DROP SCHEMA public;"]
    return []
