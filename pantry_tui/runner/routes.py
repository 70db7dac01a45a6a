"""The API's paths."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from pantry_tui.errors import PantryError, UsageError
from pantry_tui.events import Event, encode_event
from pantry_tui.models import RepositoryTarget, Unlocking
from pantry_tui.runner.joblog import describe
from pantry_tui.runner.manners import PEER, RUNNER, STREAM, answer, number
from pantry_tui.runner.request import decode_mark, decode_request, decode_retention, decode_unlocking
from pantry_tui.runner.wire import queried_repository

_DEFAULT_JOBS = 100

Result = TypeVar("Result")

routes = web.RouteTableDef()


@routes.get("/v1/status")
async def _status(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].status())


@routes.post("/v1/stop")
async def _stop(request: web.Request) -> web.Response:
    when = request.query.get("when", "now")
    if when not in ("now", "idle"):
        raise UsageError(f"when={when}: a runner stops now, or when it is idle")
    runner = request.app[RUNNER]
    runner.stop(request[PEER].name, when_idle=when == "idle")
    return answer(runner.status(), status=202)


@routes.get("/v1/jobs")
async def _jobs(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].board.jobs(number(request, "limit") or _DEFAULT_JOBS))


@routes.post("/v1/jobs")
async def _submit(request: web.Request) -> web.Response:
    order, peer = decode_request(await request.read()), request[PEER]
    order = msgspec.structs.replace(order, started_by=peer.starter(order.started_by))
    return answer(await request.app[RUNNER].executor.submit(order, peer.name), status=201)


@routes.get("/v1/jobs/{job}")
async def _job(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].board.job(request.match_info["job"]))


@routes.get("/v1/jobs/{job}/log")
async def _log(request: web.Request) -> web.Response:
    events = request.app[RUNNER].board.log(request.match_info["job"])
    return answer([line for event in events if (line := describe(event)) is not None])


@routes.post("/v1/jobs/{job}/cancel")
async def _cancel(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].executor.cancel(request.match_info["job"], request[PEER].name), status=202)


@routes.get("/v1/jobs/{job}/events")
async def _job_events(request: web.Request) -> web.StreamResponse:
    board = request.app[RUNNER].board
    job = board.job(request.match_info["job"])  # an unknown one is an answer, not an empty stream
    return await _stream(request, board.events(job.id))


@routes.get("/v1/events")
async def _changes(request: web.Request) -> web.StreamResponse:
    return await _stream(request, request.app[RUNNER].board.changes())


@routes.get("/v1/backups")
async def _backups(request: web.Request) -> web.Response:
    library = request.app[RUNNER].library
    found = await library.backups(_repository(request), request.query.get("database"), number(request, "limit"))
    return answer(found)


@routes.get("/v1/backups/{backup}")
async def _backup(request: web.Request) -> web.Response:
    return answer(await request.app[RUNNER].library.backup(_repository(request), request.match_info["backup"]))


@routes.get("/v1/backups/{backup}/rows")
@routes.post("/v1/backups/{backup}/rows")  # with what opens an encrypted backup, which belongs into no address
async def _rows(request: web.Request) -> web.Response:
    library, repository, table = request.app[RUNNER].library, _repository(request), request.query.get("table")
    if table is None:
        raise UsageError("the request does not name its table", remedy="add &table=schema.name")
    skip = number(request, "skip") or 0
    backup_id = request.match_info["backup"]
    keys = decode_unlocking(await request.read()) if request.can_read_body else Unlocking()
    limit = number(request, "limit")
    return answer(await library.peek(repository, backup_id, table, limit=limit, skip=skip, unlocking=keys))


@routes.get("/v1/backups/{backup}/diff")
async def _diff(request: web.Request) -> web.Response:
    library, repository, other = request.app[RUNNER].library, _repository(request), request.query.get("other")
    if other is None:
        raise UsageError(
            "the request does not name the other backup",
            remedy="add &other=ID; a comparison with the database itself is a job",
        )
    return answer(await library.diff(repository, request.match_info["backup"], other))


@routes.delete("/v1/backups/{backup}")
async def _delete(request: web.Request) -> web.Response:
    runner, repository = request.app[RUNNER], _repository(request)
    force = request.query.get("force") == "1"
    backup_id = await runner.library.resolve(repository, request.match_info["backup"])
    runner.executor.require_unused(repository, backup_id)
    details = {"repository": repository.location, "force": force}
    work = runner.library.delete(repository, backup_id, by=request[PEER].name, force=force)
    return answer(await _noted(request, "backup.delete", backup_id, details, work))


@routes.post("/v1/backups/{backup}/mark")
async def _mark(request: web.Request) -> web.Response:
    runner, repository = request.app[RUNNER], _repository(request)
    order = decode_mark(await request.read())
    backup_id = await runner.library.resolve(repository, request.match_info["backup"])
    details = {"repository": repository.location, **order.to_builtins()}
    work = runner.library.mark(repository, backup_id, order, by=request[PEER].name)
    return answer(await _noted(request, "backup.mark", backup_id, details, work))


@routes.post("/v1/retention/preview")
async def _preview_retention(request: web.Request) -> web.Response:
    order = decode_retention(await request.read())
    return answer(await request.app[RUNNER].retention.preview(_repository(request), order.policies))


@routes.post("/v1/retention/apply")
async def _apply_retention(request: web.Request) -> web.Response:
    order, who = decode_retention(await request.read()), request[PEER].name
    request.app[RUNNER].schedules.require_all_known()
    return answer(await request.app[RUNNER].retention.apply(_repository(request), order.policies, who=who))


@routes.post("/v1/catalog/check")
async def _check(request: web.Request) -> web.Response:
    return answer(await request.app[RUNNER].library.check(await _repositories(request)))


@routes.post("/v1/catalog/rebuild")
async def _rebuild(request: web.Request) -> web.Response:
    runner, repositories = request.app[RUNNER], await _repositories(request)
    force = request.query.get("force") == "1"
    made = await runner.library.rebuild(repositories, by=request[PEER].name, force=force)
    back = runner.schedules.bring_back(await runner.library.lost_schedules(repositories), request[PEER].name)
    made = msgspec.structs.replace(made, schedules=tuple(schedule.name for schedule in back))
    details = {"repositories": [repository.location for repository in repositories], "force": force}
    runner.audit.note(request[PEER].name, "catalog.rebuild", "catalog", "done", {**details, **made.to_builtins()})
    return answer(made)


async def _noted(
    request: web.Request, action: str, backup_id: str, details: dict[str, Any], work: Awaitable[Result]
) -> Result:
    """Awaits ``work``, which the audit trail tells of before and after."""
    audit, who = request.app[RUNNER].audit, request[PEER].name
    audit.note(who, action, backup_id, "accepted", details)
    try:
        result = await work
    except PantryError as error:
        audit.note(who, action, backup_id, error.code, {"failure": error.message})
        raise
    audit.note(who, action, backup_id, "done", details)
    return result


async def _stream(request: web.Request, events: AsyncGenerator[Event, None]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": STREAM, "Cache-Control": "no-store"})
    await response.prepare(request)
    async with contextlib.aclosing(events):
        async for event in events:
            await response.write(b"data: " + encode_event(event) + b"\n\n")
    return response


async def _repositories(request: web.Request) -> list[RepositoryTarget]:
    return msgspec.json.decode(await request.read(), type=list[RepositoryTarget])


def _repository(request: web.Request) -> RepositoryTarget:
    try:
        return queried_repository(request.query)
    except KeyError as error:
        raise UsageError(
            f"the request does not name its repository: {error.args[0]} is missing",
            remedy="add ?repository=NAME&location=/its/directory",
        ) from error
