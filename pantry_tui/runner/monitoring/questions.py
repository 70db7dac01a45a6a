"""What a client can ask of a runner about health, alerts and compliance."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from pantry_tui.errors import NotFoundError
from pantry_tui.models import Alert, DayCompliance, Health, HealthRequest
from pantry_tui.runner.asking import Asks
from pantry_tui.runner.wire import path_part


class MonitoringQuestions(Asks):
    """Of `RunnerClient`, the part that is about monitoring."""

    async def health(self) -> Health | None:
        """The health as it was found the last time; None where nobody has looked yet."""
        with contextlib.suppress(NotFoundError):
            return await self._ask("GET", "/v1/health", Health)
        return None

    async def check_health(
        self, *, notify: bool | None = None, thresholds: Mapping[str, float] | None = None
    ) -> Health:
        """Looks at everything now. ``notify``: tell people of alerts; None: as the runner does by itself.

        Judged by ``thresholds`` of one's own, alerts stay as they are. Raises `ConfigError`, `RunnerError` where nothing
        can be looked at.
        """
        order = HealthRequest(notify=notify, thresholds=dict(thresholds or {}))
        return await self._ask("POST", "/v1/health", Health, body=order)

    async def alerts(self, *, resolved: bool = False) -> list[Alert]:
        """The alerts that are open, the worst first; with ``resolved`` all, those opened last first."""
        return await self._ask("GET", "/v1/alerts", list[Alert], query={"all": "1" if resolved else "0"})

    async def acknowledge_alert(self, reference: str) -> Alert:
        """Says that somebody takes care of it: nobody else is told. Raises `NotFoundError`, `RefusedError`."""
        return await self._ask("POST", f"/v1/alerts/{path_part(reference)}/ack", Alert)

    async def resolve_alert(self, reference: str) -> Alert:
        """Says that it is over; the next look opens it again where it is not. Raises as `acknowledge_alert` does."""
        return await self._ask("POST", f"/v1/alerts/{path_part(reference)}/resolve", Alert)

    async def compliance(self, *, days: int = 14) -> list[DayCompliance]:
        """What became of each schedule's runs on each of the last so many days."""
        return await self._ask("GET", "/v1/compliance", list[DayCompliance], query={"days": str(days)})
