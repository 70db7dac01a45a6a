"""The application as a person uses it: press keys, read the screen, wait until it says something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.console import Console
from textual.pilot import Pilot
from textual.widgets import Input

from screens.application import PantryApp
from screens.widgets.table import CalmTable

PATIENCE_SECONDS = 20.0


class Driver:
    """A running application, read as text."""

    def __init__(self, app: PantryApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Types text, a space included."""
        names = {" ": "space", "_": "underscore", "-": "minus", "!": "exclamation_mark", "[": "left_square_bracket"}
        await self.press(*(names.get(character, character) for character in text))

    async def fill(self, field: str, text: str) -> None:
        """Replaces what stands in a field."""
        target = self.app.screen.query_one(f"#{field}", Input)
        target.focus()
        target.value = text
        await self.pilot.pause()

    def field(self, name: str) -> str:
        """What stands in a field."""
        return self.app.screen.query_one(f"#{name}", Input).value

    def hint(self, name: str) -> str:
        """What an empty field says."""
        return str(self.app.screen.query_one(f"#{name}", Input).placeholder)

    async def resize(self, width: int, height: int) -> None:
        """The person drags the corner of the window."""
        await self.pilot.resize_terminal(width, height)
        await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        """The screen, line by line."""
        width, height = self.app.size
        console = Console(width=width, height=height, force_terminal=False, color_system=None, legacy_windows=False)
        with console.capture() as captured:
            console.print(self.app.screen._compositor.render_update(full=True))
        return captured.get().splitlines()

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    @property
    def screen_name(self) -> str:
        """The class of the screen in front."""
        return type(self.app.screen).__name__

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the screen's table."""
        table = self.app.screen.query_one(CalmTable)
        return [[cell.plain for cell in table.get_row_at(index)] for index in range(table.row_count)]

    @property
    def notices(self) -> list[str]:
        """What the toasts say."""
        return [notice.message for notice in self.app._notifications]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits, without a fixed time, until the application has got there."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while not condition():
            assert loop.time() < deadline, f"never happened: {what}\n{self.text}"
            await self.pilot.pause(0.01)

    async def sees(self, *words: str) -> None:
        """Waits until the screen shows all of these, wherever."""
        await self.until(lambda: all(word in self.text for word in words), f"the screen says {words}")

    async def on(self, screen: str) -> None:
        """Waits until a screen of that class is in front."""
        await self.until(lambda: self.screen_name == screen, f"{screen} is in front")
        await self.pilot.pause()


@asynccontextmanager
async def driving(app: PantryApp, *, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Driver]:
    """Opens the application on a screen of that size."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield Driver(app, pilot)
