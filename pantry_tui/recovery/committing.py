"""The commit of a recovery: from there on what was wanted is done, and whoever cancels comes too late.

A COMMIT cannot be called back, and its answer can get lost: then the server is asked, over another connection, what became
of the transaction (`pg_xact_status`). So nobody is told that nothing happened where something did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg

from pantry_tui.errors import ConnectionLostError, InternalError, PantryError
from pantry_tui.postgres.snapshot import Connection

PATIENCE_SECONDS = 15.0  # for a server that crashed and comes back
PAUSE_SECONDS = 0.25

UNKNOWN = (
    "the connection was lost while the recovery was being committed, and the server does not say what became of it"
)

T = TypeVar("T")


class Ended(NamedTuple, Generic[T]):
    """What work returned, and whether somebody tried to cancel it."""

    result: T
    too_late: bool


async def to_the_end(work: Coroutine[Any, Any, T]) -> Ended[T]:
    """Does the work, and waits for its end whoever cancels. Raises what the work raises."""
    running = asyncio.ensure_future(work)
    too_late = False
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise
            take_back_cancellation()
            too_late = True
    return Ended(running.result(), too_late)


def take_back_cancellation() -> None:
    """The task that runs was cancelled, and goes on: what it does cannot be stopped any more."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


async def commit(connection: Connection, reconnect: Callable[[], Awaitable[Connection]]) -> bool:
    """Commits the transaction; returns whether somebody tried to cancel it meanwhile, and came too late.

    ``reconnect`` opens another connection to the server. Raises `psycopg.Error`: it is not committed; `ConnectionLostError`:
    the server cannot be asked whether it is.
    """
    row = await (await connection.execute("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text")).fetchone()
    return (await to_the_end(_commit(connection, row[0] if row is not None else "", reconnect))).too_late


async def _commit(connection: Connection, transaction: str, reconnect: Callable[[], Awaitable[Connection]]) -> None:
    try:
        cursor = await connection.execute("COMMIT")
    except psycopg.Error:
        if not connection.closed or not await _is_committed(transaction, reconnect):
            raise
        return
    if cursor.statusmessage != "COMMIT":
        raise InternalError(f"a transaction was to be committed, and the server answered {cursor.statusmessage}")


async def _is_committed(transaction: str, reconnect: Callable[[], Awaitable[Connection]]) -> bool:
    """What the server says, as soon as it does. Raises `ConnectionLostError`."""
    until = time.monotonic() + PATIENCE_SECONDS
    said = "it does not know that transaction any more"
    while time.monotonic() < until:
        try:
            async with await reconnect() as other:
                query = "SELECT pg_catalog.pg_xact_status(%s::pg_catalog.xid8)"
                row = await (await other.execute(query, (transaction,))).fetchone()
        except (PantryError, psycopg.Error) as error:
            said = str(error)
        else:
            state = row[0] if row is not None else None
            if state in ("committed", "aborted"):
                return bool(state == "committed")
            said = f"it says of transaction {transaction}: {state}"
        await asyncio.sleep(PAUSE_SECONDS)
    raise ConnectionLostError(
        UNKNOWN,
        remedy="it is done or not, never half done: `pantry-tui recovery list` shows what can be undone when it answers again",
        detail=said,
    )
