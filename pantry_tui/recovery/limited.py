"""A restore on a server that others manage: what belongs to them is left alone, what the role may not make is told.

Whose schemas are whose is asked of the server, by their owners; no list of names is kept. What the role may perhaps not make
(event triggers, publications, default privileges, triggers and policies on tables of others, keys to them) is tried at the end,
each by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import msgspec
import psycopg

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.errors import DatabaseMissingError
from pantry_tui.models import DatabaseTarget, Model, RestoreRequest
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import maintenance_session, quoted_names, writable_session
from pantry_tui.recovery.requirements import requirements

# Schemas of roles that ours is no member of. `public` is for everybody, whomever it belongs to.
_OTHERS = """
SELECT n.nspname::text FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
    AND NOT pg_catalog.pg_has_role(n.nspowner, 'MEMBER') ORDER BY 1
"""
_OWN_TABLES = """
SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
    AND NOT n.nspname = ANY (%s::pg_catalog.text[])
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 LIMIT 1
"""
_ROLES = "SELECT rolname::text FROM pg_catalog.pg_roles"
_EXTENSIONS = "SELECT extname::text FROM pg_catalog.pg_extension"

_ON_TABLES = frozenset({"TRIGGER", "POLICY"})  # of ours, that may stand on tables of others
_TRIED = frozenset(
    {
        "EVENT TRIGGER",
        "PUBLICATION",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "SUBSCRIPTION",
        "DEFAULT ACL",
        "SECURITY LABEL",
        "FOREIGN DATA WRAPPER",
        "SERVER",
        "USER MAPPING",
    }
)
_ATTACHED = frozenset({"ACL", "COMMENT"})
_TRIED_ON = ("EXTENSION ", "EVENT TRIGGER ", "SCHEMA public", "PUBLICATION ", "SUBSCRIPTION ", "LANGUAGE ")
_REFERENCES = re.compile(r'\bREFERENCES ("(?:[^"]|"")+"|\w+)\.')


Request = TypeVar("Request", bound=RestoreRequest)


class Standing(Model, frozen=True, kw_only=True):
    """How the role stands in the target. ``others``: schemas there that are not its own; ``holds``: a table that is."""

    exists: bool
    others: tuple[str, ...] = ()
    holds: str | None = None
    roles: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


class Limited(Model, frozen=True, kw_only=True):
    """What is restored there. ``entries`` by pg_restore and the workers, ``tried`` at the end."""

    selection: Selection
    entries: tuple[TocEntry, ...]
    tried: tuple[TocEntry, ...]
    warnings: tuple[str, ...]


async def stand(target: DatabaseTarget) -> Standing:
    """Looks at the target; a database that is not there yet holds nothing of anybody. Raises what connecting raises."""
    try:
        connection = await writable_session(target)
    except DatabaseMissingError:
        async with await maintenance_session(target) as elsewhere:
            return Standing(exists=False, roles=await _names(elsewhere, _ROLES))
    async with connection:
        try:
            others = await _names(connection, _OTHERS)
            row = await (await connection.execute(_OWN_TABLES, (list(others),))).fetchone()
            roles, extensions = await _names(connection, _ROLES), await _names(connection, _EXTENSIONS)
        except psycopg.Error as error:
            raise server_error(error, doing="looking at the target database") from error
    return Standing(
        exists=True, others=others, holds=None if row is None else row[0], roles=roles, extensions=extensions
    )


async def _names(connection: Connection, query: str) -> tuple[str, ...]:
    return tuple(name for (name,) in await (await connection.execute(query.encode())).fetchall())


async def fit_to_managed(request: Request, manifest: Manifest) -> tuple[Request, bool]:
    """The request for a server that others manage, and whether tables of ours are there, whose rows are to be exchanged.

    Names are exchanged for no database there: it is the platform's. Raises what connecting raises.
    """
    request = msgspec.structs.replace(request, swap=False)
    standing = await stand(request.target)
    if standing.holds is None:
        return request, False
    exclude = (*request.exclude, *_tables_of_others(manifest, standing))
    return msgspec.structs.replace(request, exclude=exclude), True


def _tables_of_others(manifest: Manifest, standing: Standing) -> tuple[str, ...]:
    """The backup's tables that are left alone, as SQL names them."""
    return tuple(
        ".".join('"' + part.replace('"', '""') + '"' for part in (table.schema, table.name))
        for table in manifest.tables
        if table.schema in standing.others
    )


def limit(manifest: Manifest, selection: Selection, toc: Sequence[TocEntry], standing: Standing) -> Limited:
    """What of a selection is restored."""
    others = frozenset(standing.others)
    left: list[TocEntry] = []
    tried: list[TocEntry] = []
    kept: list[TocEntry] = []
    for entry in toc:
        if _is_of_others(entry, others):
            (tried if entry.kind in _ON_TABLES else left).append(entry)
        elif _is_there(entry, standing):
            continue
        elif _is_tried(entry, others, standing.roles):
            tried.append(entry)
        else:
            kept.append(entry)
    tables = tuple(index for index in selection.tables if manifest.tables[index].schema not in others)
    return Limited(
        selection=Selection(
            tables=tables, entries=tuple(entry.id for entry in kept), left_out=selection.left_out, is_whole=False
        ),
        entries=tuple(kept),
        tried=tuple(tried),
        warnings=tuple(_warnings(manifest, left, selection, tables)),
    )


def limit_rehearsal(manifest: Manifest, selection: Selection, toc: Sequence[TocEntry], standing: Standing) -> Limited:
    """What of a selection a dry run restores, in a database of its own: there it has the schemas of others from the backup."""
    alone = msgspec.structs.replace(standing, exists=False, others=(), holds=None, extensions=())
    rehearsed, real = limit(manifest, selection, toc, alone), limit(manifest, selection, toc, standing)
    warnings = list(rehearsed.warnings)
    if standing.others:
        warnings.append(
            "this was done in a database of its own, with the backup's copies of what others have in the target: "
            f"{quoted_names(standing.others)}. There these are theirs, and what the backup has in them is left alone"
        )
    if tried := [entry.title for entry in real.tried]:
        warnings.append(f"whether the target's server lets this role make them shows only there: {quoted_names(tried)}")
    return msgspec.structs.replace(rehearsed, warnings=tuple(warnings))


def _is_of_others(entry: TocEntry, others: Collection[str]) -> bool:
    return entry.schema in others or any(
        entry.tag == name if entry.kind == "SCHEMA" else entry.tag == f"SCHEMA {name}" and entry.kind in _ATTACHED
        for name in others
    )


def _is_there(entry: TocEntry, standing: Standing) -> bool:
    """Whether it is an extension that the database has, or a comment on one."""
    name = entry.tag.removeprefix("EXTENSION ") if entry.kind == "COMMENT" else entry.tag
    return name in standing.extensions and (entry.kind == "EXTENSION" or entry.tag != name)


def _is_tried(entry: TocEntry, others: Collection[str], roles: Collection[str]) -> bool:
    if entry.kind in _TRIED or (entry.kind in _ATTACHED and entry.tag.startswith(_TRIED_ON)):
        return True
    if entry.kind == "ACL" and "SET SESSION AUTHORIZATION" in entry.statement:
        return True
    if entry.kind in ("ACL", "POLICY"):
        return not set(requirements([entry._replace(owner="")]).roles) <= set(roles)
    if entry.kind == "FK CONSTRAINT":
        found = _REFERENCES.search(entry.statement)
        return found is not None and found[1].strip('"').replace('""', '"') in others
    return False


def _warnings(manifest: Manifest, left: Sequence[TocEntry], selection: Selection, tables: Sequence[int]) -> list[str]:
    schemas = sorted({entry.schema or entry.tag.removeprefix("SCHEMA ") for entry in left})
    if not schemas:
        return []
    count = len(selection.tables) - len(tables)
    warnings = [
        f"schemas that belong to others are left alone, with {count:,} tables of the backup: {quoted_names(schemas)}"
    ]
    jobs = [index for index in selection.tables if manifest.tables[index].qualified_name == "cron.job"]
    if jobs or any(entry.kind == "TABLE DATA" and (entry.schema, entry.tag) == ("cron", "job") for entry in left):
        warnings.append("jobs of pg_cron are not restored: schedule those that are wanted anew, when all is well")
    return warnings


async def try_entries(target: DatabaseTarget, entries: Sequence[TocEntry], warn: Callable[[str], None]) -> None:
    """Makes each of these by itself; one that cannot be made is told by name, with the server's reason.

    Raises `ServerError` and its kin when the server cannot be reached.
    """
    async with await writable_session(target) as connection:
        for entry in entries:
            try:
                async with connection.transaction():
                    await connection.execute(entry.statement.encode())
            except (psycopg.errors.DuplicateObject, psycopg.errors.DuplicateTable):
                continue  # the platform's own, or of an earlier restore
            except psycopg.Error as error:
                if connection.closed:
                    raise server_error(error, doing=f"making {entry.title}") from error
                warn(f"left out, as the server refused it: {entry.title} ({error.diag.message_primary or error})")
