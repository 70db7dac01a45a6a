"""The API of a runner: HTTP on a Unix socket, under `/v1`.

Bodies and answers are JSON of `pantry_tui.models`; a refusal is a `Failure`; streams are server-sent events with one
event of `pantry_tui.events` per message. So ``curl --unix-socket DATA_DIR/runner.sock http://runner/v1/jobs`` works.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from pantry_tui.artifact.files import storage_errors
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.manners import LARGEST_REQUEST, RUNNER, middlewares, say_version
from pantry_tui.runner.metric_routes import metric_routes
from pantry_tui.runner.monitoring.routes import health_routes
from pantry_tui.runner.routes import routes
from pantry_tui.runner.schedule_routes import schedule_routes
from pantry_tui.runner.wizard_routes import wizard_routes

_CLOSE_SECONDS = 1.0  # for streams to end when the runner does


@contextlib.asynccontextmanager
async def serve(runner: Runner, path: Path) -> AsyncIterator[None]:
    """Answers at the socket until the context is left; the socket's file is gone then. Raises `StorageError`."""
    application = web.Application(middlewares=middlewares, client_max_size=LARGEST_REQUEST)
    application[RUNNER] = runner
    application.add_routes(routes)
    application.add_routes(schedule_routes)
    application.add_routes(wizard_routes)
    application.add_routes(health_routes)
    application.add_routes(metric_routes)
    application.on_response_prepare.append(say_version)
    serving = web.AppRunner(
        application, access_log=None, handle_signals=False, shutdown_timeout=_CLOSE_SECONDS, handler_cancellation=True
    )
    await serving.setup()
    try:
        with storage_errors(path, "making the runner's socket"):
            listener = _bind(path)
        await web.SockSite(serving, listener).start()
        yield
    finally:
        await serving.cleanup()  # closes the socket too
        _remove(path)


def _bind(path: Path) -> socket.socket:
    _remove(path)  # of a runner that was killed; the lock says that none is alive
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # 0600 from its first moment
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
