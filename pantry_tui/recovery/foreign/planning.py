"""What restoring a dump that somebody brought would do: what is known of it, and what nobody can know beforehand."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator

import psycopg

from pantry_tui.artifact.foreign.opening import FileKind
from pantry_tui.artifact.foreign.script import Inspected, inspect, script_of
from pantry_tui.events import Listener, PhaseStarted
from pantry_tui.models import ForeignPlan, ForeignPlanRequest, PlannedTable
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.tools import version_text
from pantry_tui.recovery.database import maintenance_session
from pantry_tui.recovery.foreign.progress import ForeignProgress
from pantry_tui.recovery.foreign.reading import Brought, brought, in_thread
from pantry_tui.recovery.foreign.target import Place, look_at_target
from pantry_tui.recovery.planning.obstacles import Obstacles
from pantry_tui.recovery.preflight import check_room

_LOOKING = "looking at the target server"
_ALWAYS_UNKNOWN = (
    "whether it is what it should be: its maker left neither fingerprints nor signature, so there is nothing to compare with",
    "of when its rows are, beyond what they say themselves",
    "what its functions, triggers and rules do when statements run them; the role of the connection bounds it",
    "which roles, extensions and privileges it needs: the first statement that the server refuses ends it, and nothing stays",
    "how long it takes: no measured rate fits, one connection runs statement after statement",
)


async def plan_foreign(request: ForeignPlanRequest, listener: Listener) -> ForeignPlan:
    """Looks at the target and reads the dump to its end, as the restore does before it runs anything; nothing is changed.

    What keeps it from being restored is part of the plan. Raises `NotFoundError` and `UsageError` for what is no dump,
    `UntrustedSignerError`, and what opening an encrypted file raises.
    """
    listener(PhaseStarted(phase="look", title="Looking at the target server"))
    dump, obstacles = brought(request), Obstacles()
    place = await obstacles.of(look_at_target(request.target), _LOOKING)
    for remark in place.remarks if place is not None else ():
        obstacles.warn(remark)
    began = time.monotonic()
    inspected = await _inspected(dump, listener, obstacles)
    seconds = time.monotonic() - began
    version = await _meet(request, inspected, obstacles) if place is not None else None
    return ForeignPlan(
        source=str(dump.place),
        backup_id=dump.backup_id,
        source_kind=dump.file.kind.value,
        target=place.name if place is not None else request.target.name,
        target_exists=place.exists if place is not None else None,
        server_version=version,
        tables=_tables(inspected),
        statements=inspected.statements if inspected is not None else None,
        rows=inspected.lines if inspected is not None else None,
        bytes=inspected.bytes if inspected is not None else None,
        encoding=inspected.encoding if inspected is not None else None,
        source_version=inspected.source_version if inspected is not None else None,
        reading_seconds=round(seconds, 3),
        known=tuple(_known(dump, place, inspected, seconds)),
        unknown=tuple(_unknown(inspected)),
        warnings=tuple(obstacles.warnings),
        refusals=tuple(obstacles.refusals),
        command=_command(request),
    )


async def _inspected(dump: Brought, listener: Listener, obstacles: Obstacles) -> Inspected | None:
    """What the first reading finds; None where it ends at something that is refused."""
    progress, stop = ForeignProgress(listener, dump.file.size), threading.Event()
    progress.phase("inspect")
    script = script_of(dump.file)

    def read() -> Inspected:
        return inspect(script, stop, lambda: progress.read(dump.file.read_bytes))

    inspected = await obstacles.of(in_thread(read, stop), "reading the dump")
    if inspected is not None:
        with obstacles.noted("reading the dump"):
            dump.require(inspected)
    return inspected


async def _meet(request: ForeignPlanRequest, inspected: Inspected | None, obstacles: Obstacles) -> str:
    """The server's version; whether the dump's text would find room there."""
    async with await maintenance_session(request.target) as connection:
        try:
            if inspected is not None and (
                room := await obstacles.of(check_room(connection, inspected.bytes), _LOOKING)
            ):
                obstacles.warn(room)
        except psycopg.Error as error:
            raise server_error(error, doing=_LOOKING) from error
        return version_text(connection.info.server_version)


def _tables(inspected: Inspected | None) -> tuple[PlannedTable, ...]:
    return tuple(
        PlannedTable(schema=each.schema, name=each.name, action="load", rows_backup=each.rows, raw_bytes=each.bytes)
        for each in (inspected.tables if inspected is not None else ())
    )


def _known(dump: Brought, place: Place | None, inspected: Inspected | None, seconds: float) -> Iterator[str]:
    if place is not None:
        state = "is there, empty, and the role's own" if place.exists else "does not exist yet, and will be made"
        yield f"database {place.name} {state}; the role of the connection can do no harm outside of it"
    if inspected is None:
        return
    yield (
        f"complete to the mark that pg_dump writes last: {inspected.statements:,} statements, none of which is of a kind "
        f"that is refused; it was read in {seconds:.1f} s"
    )
    yield f"{inspected.lines:,} rows behind COPY statements, which the server must take one and all"
    if dump.digest is not None:
        yield "it is, byte for byte, the dump that was taken into the repository"
    if dump.file.kind is not FileKind.SCRIPT:
        yield "everything will belong to the role that restores: owners of an archive are left out"
    yield "all of it in one transaction: what fails leaves nothing"


def _unknown(inspected: Inspected | None) -> Iterator[str]:
    if inspected is None:
        yield "what it holds: it could not be read to its end"
    elif inspected.inserts:
        yield f"how many rows {inspected.inserts:,} INSERT statements bring"
    if inspected is not None and inspected.encoding is None:
        yield "in which encoding it is: it is taken for UTF8"
    yield from _ALWAYS_UNKNOWN


def _command(request: ForeignPlanRequest) -> str:
    options = ("--target", request.target.conninfo or request.target.name)
    return shlex.join(
        (
            *("pantry-tui", "recovery", "execute", request.path or request.backup_id or ""),
            *(options if request.options is None else request.options),
        )
    )
