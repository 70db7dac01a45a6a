"""The API's paths for the recovery wizard's state."""

from __future__ import annotations

import msgspec
from aiohttp import web

from pantry_tui.models import WizardState
from pantry_tui.runner.manners import PEER, RUNNER, answer

wizard_routes = web.RouteTableDef()
_decoder = msgspec.json.Decoder(WizardState)


@wizard_routes.get("/v1/wizard")
async def _state(request: web.Request) -> web.Response:
    return answer(request.app[RUNNER].wizard.state)


@wizard_routes.put("/v1/wizard")
async def _put(request: web.Request) -> web.Response:
    state = _decoder.decode(await request.read())
    return answer(request.app[RUNNER].wizard.put(state, request[PEER].name))


@wizard_routes.delete("/v1/wizard")
async def _end(request: web.Request) -> web.Response:
    request.app[RUNNER].wizard.end(request[PEER].name)
    return answer(None)
