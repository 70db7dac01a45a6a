"""Work in a thread that ends soon after nobody wants it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

Answer = TypeVar("Answer")


async def in_stoppable_thread(work: Callable[[], Answer], stop: Event) -> Answer:
    """Does ``work``, which looks at ``stop`` now and then. Cancelled, it sets that, and returns when the thread has ended."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        raise
