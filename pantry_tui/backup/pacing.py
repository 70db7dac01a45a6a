"""How fast rows are read, where that is limited: a token bucket for each worker, with an equal share of the limit."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """So many bytes a second, and after a pause those of one second at once; None: as many as come.

    The worker that sleeps does not read, so that its connection fills, and the server waits.
    """

    def __init__(
        self,
        bytes_per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._left = bytes_per_second or 0.0
        self._at = clock()

    def spend(self, number: int) -> None:
        """Returns when that many bytes are paid for."""
        if self._rate is None:
            return
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self._rate, self._rate) - number
        self._at = now
        if self._left < 0:
            self._sleep(-self._left / self._rate)
