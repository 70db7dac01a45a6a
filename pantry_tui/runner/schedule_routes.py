"""The API's paths for schedules and their runs."""

from __future__ import annotations

import msgspec
from aiohttp import web

from pantry_tui.errors import UsageError
from pantry_tui.models import Schedule, utc_now
from pantry_tui.runner.manners import PEER, RUNNER, answer, number
from pantry_tui.schedule.showing import SHOWN_RUNS, preview

_DEFAULT_RUNS = 100
_MOST_PREVIEWED = 1000

schedule_routes = web.RouteTableDef()
_decoder = msgspec.json.Decoder(Schedule)


@schedule_routes.get("/v1/schedules")
async def _schedules(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].schedules.statuses())


@schedule_routes.post("/v1/schedules")
async def _create(request: web.Request) -> web.Response:
    draft = _decoder.decode(await request.read())
    return answer(await request.app[RUNNER].schedules.create(draft, request[PEER].name), status=201)


@schedule_routes.get("/v1/deleted-schedules")
async def _deleted(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].schedules.deleted())


@schedule_routes.get("/v1/schedules/{schedule}")
async def _schedule(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].schedules.status(request.match_info["schedule"]))


@schedule_routes.put("/v1/schedules/{schedule}")
async def _replace(request: web.Request) -> web.Response:
    draft = _decoder.decode(await request.read())
    desk, reference = request.app[RUNNER].schedules, request.match_info["schedule"]
    return answer(await desk.replace(reference, draft, request[PEER].name))


@schedule_routes.delete("/v1/schedules/{schedule}")
async def _delete(request: web.Request) -> web.Response:
    await request.app[RUNNER].schedules.delete(request.match_info["schedule"], request[PEER].name)
    return answer(None)


@schedule_routes.post("/v1/schedules/{schedule}/{order:enable|disable}")
async def _enable(request: web.Request) -> web.Response:
    enabled = request.match_info["order"] == "enable"
    desk, reference = request.app[RUNNER].schedules, request.match_info["schedule"]
    return answer(await desk.enable(reference, request[PEER].name, enabled=enabled))


@schedule_routes.post("/v1/schedules/{schedule}/execute")
async def _execute(request: web.Request) -> web.Response:
    desk, reference = request.app[RUNNER].schedules, request.match_info["schedule"]
    return answer(await desk.execute(reference, request[PEER].name), status=201)


@schedule_routes.get("/v1/runs")
async def _runs(request: web.Request) -> web.Response:
    limit = number(request, "limit") or _DEFAULT_RUNS
    return answer(request.app[RUNNER].schedules.runs(request.query.get("schedule"), limit))


@schedule_routes.get("/v1/preview")
async def _preview(request: web.Request) -> web.Response:
    query = request.query
    if "cron" not in query:
        raise UsageError("the request has no cron expression", remedy="add ?cron=0+2+*+*+*&timezone=UTC")
    seen = preview(
        query["cron"],
        query.get("timezone", "UTC"),
        seconds=query.get("seconds") == "1",
        count=min(number(request, "count") or SHOWN_RUNS, _MOST_PREVIEWED),
        after=utc_now(),
    )
    return answer(seen)
