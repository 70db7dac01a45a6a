"""What the parts of a client have in common: the way to ask the runner."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pantry_tui.runner.wire import Answer


class Asks(ABC):
    """Somebody who can ask a runner."""

    @abstractmethod
    async def _ask(
        self,
        method: str,
        path: str,
        kind: type[Answer],
        *,
        query: dict[str, str] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """The runner's answer. Raises what it reports."""
