"""What a plan says of recoveries elsewhere: roles that will be made, what others manage, schemas under other names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from pantry_tui.artifact.toc import TocEntry
from pantry_tui.errors import PrivilegeError
from pantry_tui.models import RecoveryWay
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.cron_jobs import STAY_IN_PLACE, cannot_come
from pantry_tui.recovery.database import quoted_names
from pantry_tui.recovery.limited import Limited
from pantry_tui.recovery.planning.ground import Ground
from pantry_tui.recovery.planning.obstacles import Obstacles
from pantry_tui.recovery.planning.tables import Tables
from pantry_tui.recovery.renaming.placing import require_place
from pantry_tui.recovery.renaming.service import require_createdb
from pantry_tui.recovery.requirements import Requirements
from pantry_tui.recovery.role_making import roles_to_make

_LOOKING = "looking at the target server"
_MAY_MAKE_ROLES = "SELECT rolcreaterole OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
_REFERENCES = re.compile(r'\bREFERENCES (?P<schema>"(?:[^"]|"")+"|\w+)\.(?P<table>"(?:[^"]|"")+"|\w+)')


async def plan_roles(ground: Ground, needs: Requirements, obstacles: Obstacles) -> Requirements:
    """Tells which roles will be made, and returns what the server must have by itself."""
    making = roles_to_make(ground.connection, ground.request, ground.repository, ground.manifest)
    missing = [role.name for role in await obstacles.of(making, _LOOKING) or []]
    if not missing:
        return needs
    await obstacles.of(_require_making(ground.connection, missing), _LOOKING)
    obstacles.warn(
        f"roles will be made, without passwords, and stay whatever becomes of the recovery: {quoted_names(missing)}"
    )
    return msgspec.structs.replace(
        needs,
        roles=tuple(name for name in needs.roles if name not in missing),
        owners=tuple(name for name in needs.owners if name not in missing),
    )


async def _require_making(connection: Connection, missing: Sequence[str]) -> None:
    row = await (await connection.execute(_MAY_MAKE_ROLES)).fetchone()
    if row is None or not row[0]:
        raise PrivilegeError(
            f"role {connection.info.user} may not make the roles {quoted_names(missing)}",
            remedy="connect as a role with CREATEROLE, or restore without them (--managed)",
        )


def tell_limits(limited: Limited, obstacles: Obstacles) -> None:
    """What is left alone where others manage the server, and what only the restore itself can try."""
    for warning in limited.warnings:
        obstacles.warn(warning)
    if limited.tried:
        tried = quoted_names([entry.title for entry in limited.tried])
        obstacles.warn(
            f"tried at the end, each by itself, and told where the server refuses it, which shows only then: {tried}"
        )


async def tell_jobs(ground: Ground, obstacles: Obstacles) -> None:
    """What becomes of the jobs of pg_cron."""
    if ground.jobs is None:
        return
    if ground.way is RecoveryWay.IN_PLACE:
        obstacles.warn(STAY_IN_PLACE)
    elif (reason := await obstacles.of(cannot_come(ground.connection, ground.jobs, ground.name), _LOOKING)) is not None:
        obstacles.warn(reason)
    else:
        obstacles.warn(
            f"jobs of pg_cron, {ground.jobs.number:,}, come back switched off, when the database has its name"
        )


async def check_renaming(ground: Ground, obstacles: Obstacles) -> None:
    """Whether the schemas can be made under their new names, and what only the server will tell on the way."""
    names = [new for _, new in ground.request.rename_schemas]
    if ground.exists:
        await obstacles.of(require_place(ground.connection, names), _LOOKING)
    await obstacles.of(require_createdb(ground.connection, ground.name), _LOOKING)
    obstacles.warn(
        "bodies of functions, and settings of theirs, that name an old schema keep naming it: which they are is told when "
        "the server has renamed the schemas, and so is a partition whose parent stands in another schema, which is refused"
    )


def under_new_names(ground: Ground, tables: Tables) -> Tables:
    """The tables that come, as they will be called; beside others these are the tables of the renamed schemas alone."""
    renamed = dict(ground.request.rename_schemas)
    if not renamed:
        return tables

    def called(name: str) -> str:
        found = next((old for old in renamed if name.startswith(f"{old}.")), None)
        return name if found is None else renamed[found] + name.removeprefix(found)

    coming = [each for each in tables.planned if each.schema in renamed or ground.way is RecoveryWay.NEW]
    return tables._replace(
        planned=tuple(
            msgspec.structs.replace(
                each,
                schema=renamed.get(each.schema, each.schema),
                refers_to=tuple(map(called, each.refers_to)),
            )
            for each in coming
        ),
        cycles=tuple(tuple(map(called, cycle)) for cycle in tables.cycles),
    )


def outward_keys(ground: Ground) -> tuple[str, ...]:
    """Foreign keys that will be left out, in words: beside tables in use they would bind these."""
    if ground.way is not RecoveryWay.BESIDE:
        return ()
    return tuple(_outward(ground.toc, dict(ground.request.rename_schemas)))


def _outward(toc: Sequence[TocEntry], renamed: dict[str, str]) -> Iterator[str]:
    for entry in toc:
        found = _REFERENCES.search(entry.statement) if entry.kind == "FK CONSTRAINT" else None
        if found is None or entry.schema not in renamed or (schema := _plain(found["schema"])) in renamed:
            continue
        table, _, key = entry.tag.partition(" ")
        other = f"{schema}.{_plain(found['table'])}"
        yield f"foreign key {key} of {renamed[entry.schema]}.{table} to {other}, which is in use"


def _plain(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token
