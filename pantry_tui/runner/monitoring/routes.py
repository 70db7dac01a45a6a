"""The API's paths for health, alerts and compliance."""

from __future__ import annotations

import msgspec
from aiohttp import web

from pantry_tui.errors import NotFoundError
from pantry_tui.models import HealthRequest
from pantry_tui.runner.manners import PEER, RUNNER, answer, number

MOST_DAYS = 366
_DEFAULT_DAYS = 14

health_routes = web.RouteTableDef()
_decoder = msgspec.json.Decoder(HealthRequest)


@health_routes.get("/v1/health")
async def _last(request: web.Request) -> web.Response:
    last = request.app[RUNNER].health.last
    if last is None:
        raise NotFoundError("nobody has looked at the health yet", remedy="look now: pantry-tui monitor health")
    return answer(last)


@health_routes.post("/v1/health")
async def _look(request: web.Request) -> web.Response:
    order = _decoder.decode(await request.read()) if request.can_read_body else HealthRequest()
    desk = request.app[RUNNER].health
    if order.thresholds:
        return answer(await desk.judge_by(order.thresholds))
    return answer(await desk.look(notify=order.notify))


@health_routes.get("/v1/alerts")
async def _alerts(request: web.Request) -> web.Response:
    alerts = request.app[RUNNER].health.alerts
    return answer(alerts.alerts(resolved=request.query.get("all") == "1"))


@health_routes.post("/v1/alerts/{alert}/{order:ack|resolve}")
async def _change(request: web.Request) -> web.Response:
    alerts, who = request.app[RUNNER].health.alerts, request[PEER].name
    change = alerts.acknowledge if request.match_info["order"] == "ack" else alerts.resolve
    return answer(change(request.match_info["alert"], who))


@health_routes.get("/v1/compliance")
async def _compliance(request: web.Request) -> web.Response:
    days = min(number(request, "days") or _DEFAULT_DAYS, MOST_DAYS)
    return answer(request.app[RUNNER].health.compliance(days))
