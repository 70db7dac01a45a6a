"""The API's paths for what was measured; `GET /metrics` as Prometheus asks for it."""

from __future__ import annotations

from aiohttp import web

from pantry_tui.monitoring.exposition_text import CONTENT_TYPE
from pantry_tui.runner.manners import RUNNER, answer, number
from pantry_tui.runner.metrics_reading import HISTORY_DAYS

metric_routes = web.RouteTableDef()


@metric_routes.get("/metrics")
async def _metrics(request: web.Request) -> web.Response:
    text = await request.app[RUNNER].measuring.text()
    body = text.encode(errors="backslashreplace")
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


@metric_routes.get("/v1/metrics/history")
async def _history(request: web.Request) -> web.Response:
    days, records = number(request, "days") or HISTORY_DAYS, request.query.get("records") == "1"
    return answer(await request.app[RUNNER].measuring.history(days, records=records))


@metric_routes.get("/v1/metrics/stats")
async def _stats(request: web.Request) -> web.Response:
    return answer(await request.app[RUNNER].measuring.stats())
