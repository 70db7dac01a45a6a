"""How far the restore of a foreign dump is: by the bytes of its file that have been read."""

from __future__ import annotations

import time

from pantry_tui.events import Listener, Logged, PhaseStarted, Progress, Warned

REPORT_SECONDS = 0.25
PHASES = {
    "inspect": (0.0, 0.15, "Looking through the dump; nothing of it is run"),
    "create": (0.15, 0.17, "Creating the database"),
    "run": (0.17, 0.98, "Running the statements of the dump, as one transaction"),
    "finish": (0.98, 1.0, "Giving the database its name"),
}


class ForeignProgress:
    """Turns bytes read into events, at most a few times a second. Any thread may report."""

    def __init__(self, listener: Listener, size: int) -> None:
        self._listener = listener
        self._size = max(1, size)
        self._bounds = (0.0, 0.0)
        self._began = time.monotonic()
        self._next = 0.0

    def phase(self, name: str) -> None:
        """A phase of `PHASES` begins."""
        first, last, title = PHASES[name]
        self._bounds = (first, last)
        self._listener(PhaseStarted(phase=name, title=title))
        self._listener(Progress(share=first))

    def read(self, stored_bytes: int) -> None:
        """So many bytes of the file are read, in this phase."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + REPORT_SECONDS
        first, last = self._bounds
        share = first + (last - first) * min(1.0, stored_bytes / self._size)
        elapsed = now - self._began
        left = elapsed / share - elapsed if share > 0.2 else None
        self._listener(Progress(share=share, raw_bytes=stored_bytes, seconds_left=left))

    def log(self, message: str) -> None:
        """A line for the job's log."""
        self._listener(Logged(message=message))

    def warn(self, message: str) -> None:
        """A person should know."""
        self._listener(Warned(message=message))

    def finished(self, rows: int) -> None:
        """Everything is done."""
        self._listener(Progress(share=1.0, rows=rows))
