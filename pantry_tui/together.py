"""Running several things at once so that the first failure ends all of them and is the one that is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

Answer = TypeVar("Answer")


async def together(awaitables: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """Awaits all and returns their results in order. On a failure or cancellation the others are cancelled and awaited."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
