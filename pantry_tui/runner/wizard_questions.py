"""What a client can ask of a runner about the recovery wizard."""

from __future__ import annotations

import contextlib

from pantry_tui.errors import NotFoundError
from pantry_tui.models import WizardState
from pantry_tui.runner.asking import Asks


class WizardQuestions(Asks):
    """Of `RunnerClient`, the part that is about the recovery wizard."""

    async def wizard(self) -> WizardState | None:
        """Where the recovery wizard stands; None where no recovery is under way."""
        with contextlib.suppress(NotFoundError):
            return await self._ask("GET", "/v1/wizard", WizardState)
        return None

    async def put_wizard(self, state: WizardState) -> WizardState:
        """Writes down where it stands. Raises `RefusedError` where somebody else has changed it meanwhile."""
        return await self._ask("PUT", "/v1/wizard", WizardState, body=state)

    async def end_wizard(self) -> None:
        """Ends it; its jobs keep their logs and reports. Raises `NotFoundError`."""
        await self._ask("DELETE", "/v1/wizard", type(None))
