"""What a plan says in words: why this way, what may go wrong, and the command that does it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import chain

from pantry_tui.models import (
    BackupKind,
    DataLoss,
    Dependent,
    Estimate,
    PlannedLocks,
    PlannedRoom,
    PlannedTable,
    PlanRequest,
    RecoveryWay,
    Strategy,
)
from pantry_tui.recovery.database import quoted_names
from pantry_tui.recovery.planning.ground import Ground

_PROGRAM = ("pantry-tui", "recovery", "execute")


def why(ground: Ground) -> str:
    """Why this way and no other."""
    request, name = ground.request, ground.name
    if request.rename_schemas:
        return _why_renamed(ground)
    if request.managed and (ground.exists or ground.way is RecoveryWay.IN_PLACE):
        return _why_managed(ground)
    if ground.way is RecoveryWay.EMPTY_TABLES:
        return f"the backup has rows alone: they go into tables of {name} that are there, and empty"
    if ground.way is RecoveryWay.NEW:
        state = "is there, and empty" if ground.exists else "does not exist yet"
        return f"database {name} {state}: nothing is exchanged, and nothing is lost"
    if ground.way is RecoveryWay.SIDE_BY_SIDE:
        return (
            f"the whole of database {name} is meant, and it has contents: it is exchanged when the restored one beside it "
            "has been compared, not before, and is kept"
        )
    if request.strategy is not Strategy.REPLACE:
        return f"{request.strategy} puts rows into tables of {name} that are there, beside those that stay"
    if request.tables or request.exclude:
        return f"some tables of {name} are meant: all others stay as they are, and so do the sessions"
    if ground.manifest.kind is BackupKind.DATA or not ground.manifest.selection.is_everything:
        return f"the backup holds some of {name} alone: exchanging the database would lose all else"
    return (
        f"role {ground.connection.info.user} may not create databases and rename {name}: only the rows of its tables are "
        "exchanged, where they are, and all else stays as it is. As a role with CREATEDB that owns it, the database would be "
        "restored side by side"
    )


def _why_renamed(ground: Ground) -> str:
    names = ", ".join(f"{old} as {new}" for old, new in ground.request.rename_schemas)
    where = "beside what it has, of which nothing is touched" if ground.exists else "which does not exist yet"
    return f"schema {names}, into database {ground.name}, {where}; the server renames them in a working database before"


def _why_managed(ground: Ground) -> str:
    role = ground.connection.info.user
    if ground.way is RecoveryWay.IN_PLACE:
        return (
            f"others manage the server, and its databases keep their names; tables of role {role} are there: their rows "
            "are exchanged where they are"
        )
    return (
        f"others manage the server; database {ground.name} has no table of role {role} yet: all that this role may make "
        "is made in it, beside the schemas of others"
    )


def risks(
    ground: Ground,
    tables: Sequence[PlannedTable],
    dependents: Sequence[Dependent],
    locks: PlannedLocks,
    room: PlannedRoom,
    loss: DataLoss,
    estimate: Estimate | None,
) -> tuple[str, ...]:
    """What may go wrong, or is given up, in sentences."""
    parts = (
        _of_loss(ground, tables, loss),
        _of_tables(ground, tables),
        _of_dependents(ground, dependents),
        _of_locks(ground, locks),
        _of_room(room),
        _of_time(estimate),
    )
    return tuple(chain.from_iterable(parts))


def _of_loss(ground: Ground, tables: Sequence[PlannedTable], loss: DataLoss) -> Iterator[str]:
    replaces = ground.way is RecoveryWay.SIDE_BY_SIDE or ground.request.strategy is Strategy.REPLACE
    if ground.way in (RecoveryWay.NEW, RecoveryWay.EMPTY_TABLES, RecoveryWay.BESIDE) or not replaces:
        return
    if loss.written_rows:
        rows = _counted(loss.written_rows, "row")
        yield f"{rows} inserted or updated since the backup: they become what they were, or go"
    if loss.rpo_seconds is not None and loss.age_seconds > loss.rpo_seconds:
        yield "the backup is older than the recovery point objective allows"
    if ground.way is RecoveryWay.SIDE_BY_SIDE:
        known = {(table.schema, table.name) for table in tables}
        others = sorted(
            table.qualified_name for key, table in ground.there.items() if table.kind == "r" and key not in known
        )
        if others:
            yield f"tables that the backup does not have are in the kept database only: {quoted_names(others, 5)}"
    if not ground.request.checkpoint:
        yield "nothing is kept that would undo it (--no-checkpoint)"


def _of_tables(ground: Ground, tables: Sequence[PlannedTable]) -> Iterator[str]:
    drifted = [table.qualified_name for table in tables if any(each.handled for each in table.drift)]
    if drifted and ground.way is RecoveryWay.SIDE_BY_SIDE:
        yield f"columns become what they were in the backup, which the application may not expect: {quoted_names(drifted, 5)}"
    unable = [table.qualified_name for table in tables if any(not each.handled for each in table.drift)]
    if unable:
        yield f"columns changed since the backup in ways that are not coped with: {quoted_names(unable, 5)}"
    empty = [table.qualified_name for table in tables if not table.rows_backup and table.rows_now]
    if empty and ground.request.strategy is Strategy.REPLACE and ground.way is not RecoveryWay.NEW:
        yield f"tables that have rows now are empty in the backup: {quoted_names(empty, 5)}"


def _of_dependents(ground: Ground, dependents: Sequence[Dependent]) -> Iterator[str]:
    keys = [each for each in dependents if each.kind == "foreign key"]
    if keys and ground.request.strategy is Strategy.REPLACE:
        offers = " ".join(dict.fromkeys(each.offer for each in keys if each.offer))
        yield (
            "rows of other tables may refer to rows that go; then nothing is done, and they are shown (--dry-run shows them "
            f"before). To take these tables in: {offers}"
        )
    if any(each.kind == "materialized view" for each in dependents):
        yield "materialized views keep what they have until they are refreshed"


def _of_locks(ground: Ground, locks: PlannedLocks) -> Iterator[str]:
    if not locks.holders:
        return
    if ground.way is RecoveryWay.SIDE_BY_SIDE:
        yield f"{_counted(len(locks.holders), 'session')} of the database will be ended, with what is not committed there"
        return
    wait = f"; it gives up after {locks.wait_seconds:g} s" if locks.wait_seconds is not None else ""
    pids = sorted({holder.pid for holder in locks.holders})
    yield f"{_counted(len(pids), 'session')} use these tables now, and the recovery waits for their transactions{wait}"


def _of_room(room: PlannedRoom) -> Iterator[str]:
    if room.free is not None and room.free < room.needed:
        yield "the server's disk may become full: then nothing is kept, and the database is as before"


def _of_time(estimate: Estimate | None) -> Iterator[str]:
    if estimate is None:
        yield "nothing tells how long it will take: a drill would (pantry-tui recovery drill)"
    elif estimate.within_rto is False:
        yield "it takes longer than the recovery time objective allows"
    elif estimate.rto_seconds is not None and estimate.within_rto is None:
        yield "it may take longer than the recovery time objective allows"


def commands(request: PlanRequest, backup_id: str, name: str) -> tuple[str, str | None]:
    """The command that executes what was planned, and the one that rehearses it, for a shell.

    None: roles would stay of a rehearsal that makes them, so that it is refused.
    """
    options = tuple(_options(request, name)) if request.options is None else request.options
    words = (*_PROGRAM, backup_id, *options)
    return shlex.join(words), None if request.create_roles else shlex.join((*words, "--dry-run"))


def _options(request: PlanRequest, name: str) -> Iterator[str]:
    yield from ("--target", request.target.conninfo or name)
    if request.strategy is not Strategy.REPLACE:
        yield from ("-s", str(request.strategy))
    renames = tuple(f"{old}={new}" for old, new in request.rename_schemas)
    for option, values in (("-t", request.tables), ("-x", request.exclude), ("--rename-schema", renames)):
        for value in values:
            yield from (option, value)
    if request.jobs is not None:
        yield from ("--jobs", str(request.jobs))
    if request.batch_size is not None:
        yield from ("--batch-size", str(request.batch_size))
    for flag, given in (
        ("--managed", request.managed),
        ("--create-roles", request.create_roles),
        ("--no-checkpoint", not request.checkpoint),
        ("--no-validate", not request.verify),
        ("--no-analyze", not request.analyze),
    ):
        if given:
            yield flag
    for signer in request.trust:
        yield from ("--trust", signer)
    yield from ("--repository", request.repository.location)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
