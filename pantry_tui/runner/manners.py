"""What every answer of the API has in common: who may ask, how errors look, the version it says."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from pantry_tui.errors import InternalError, NotFoundError, PantryError, RefusedError, RunnerError, UsageError
from pantry_tui.models import Failure
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.peer import Peer, peer_of
from pantry_tui.runner.wire import VERSION_HEADER
from pantry_tui.version import __version__

LARGEST_REQUEST = 4 * 1024 * 1024
STREAM = "text/event-stream"
RUNNER = web.AppKey("runner", Runner)
PEER = web.RequestKey("peer", Peer)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS: tuple[tuple[type[PantryError], int], ...] = (
    (UsageError, 400),
    (NotFoundError, 404),
    (RefusedError, 409),
    (RunnerError, 503),
)


def answer(value: Any, *, status: int = 200) -> web.Response:
    """A JSON answer, indented for the people who use curl."""
    body = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


def number(request: web.Request, name: str) -> int | None:
    """A whole number above 0 of the query; None where it has none. Raises `UsageError`."""
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isdecimal() and 0 < int(text) < 10**9):
        raise UsageError(f"{name}={text[:40]}: not a whole number above 0")
    return int(text)


async def say_version(request: web.Request, response: web.StreamResponse) -> None:
    """Puts this program's version into every answer, streams included."""
    response.headers[VERSION_HEADER] = __version__


@web.middleware
async def _complete(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A client that goes away ends its stream, but not a change that it has begun."""
    if request.path.endswith("/events"):
        return await handler(request)
    return await asyncio.shield(asyncio.ensure_future(handler(request)))


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as a `Failure`."""
    try:
        return await handler(request)
    except PantryError as error:
        return _refusal(error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _refusal(UsageError(f"the request cannot be understood: {error}"))
    except web.HTTPException as error:
        if error.status == 404:
            return _refusal(NotFoundError(f"the API has no {request.method} {request.path[:200]}"))
        return answer(
            Failure.of(UsageError(f"{error.reason}: {request.method} {request.path[:200]}")), status=error.status
        )
    except Exception as error:  # the edge of the API: the client must get an answer, and the runner must live on
        said = f"the runner could not answer: {type(error).__name__}: {error}"
        return _refusal(InternalError(said, detail="".join(traceback.format_exception(error))))


@web.middleware
async def _know(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lets in whom the kernel says to be this user, or root."""
    connection = request.get_extra_info("socket")
    if connection is None:
        raise RunnerError("the client is gone")
    peer = peer_of(_plain_socket(connection), request.headers)
    if not peer.may_use:
        return answer(Failure.of(RefusedError(f"this runner does not work for {peer.name}")), status=403)
    request[PEER] = peer
    return await handler(request)


middlewares = (_complete, _explain, _know)


def _plain_socket(connection: Any) -> socket.socket:
    """asyncio hands out a wrapper with the same methods."""
    found: socket.socket = connection
    return found


def _refusal(error: PantryError) -> web.Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return answer(Failure.of(error), status=status)
