"""What is shown while the terminal is smaller than the screens need."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

MINIMUM_WIDTH = 80
MINIMUM_HEIGHT = 24


class TooSmall(ModalScreen[None]):
    """Names the size needed; the application takes it away once there is room."""

    def compose(self) -> ComposeResult:
        yield Static(id="too-small", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        needed, size = f"{MINIMUM_WIDTH}x{MINIMUM_HEIGHT}", f"{event.size.width}x{event.size.height}"
        words = f"This terminal is {size}.\nPantry needs {needed}.\n\nEnlarge it, or use\npantry-tui backup list"
        self.query_one("#too-small", Static).update(f"{words}\n\nctrl+q leaves. Jobs go on.")
