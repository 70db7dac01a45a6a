"""Whether the clock jumped ahead: by it backups would be old that are not.

The wall clock is compared with the time since the machine was started, which goes on while it sleeps and which nobody can
set. A note of both, `DATA_DIR/clock.json`, holds for as long as the machine runs; of a start with a wrong clock it cannot know.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import write_atomically
from pantry_tui.models import Model

NOTE_NAME = "clock.json"
TOLERATED_SECONDS = 3600.0


class Instant(Model, frozen=True, kw_only=True):
    """One moment by both clocks, in seconds; ``boot`` names the start of the machine that the second one counts from."""

    boot: str
    since_boot: float
    wall: float


def read_clocks() -> Instant:
    """This moment."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Instant(boot=boot, since_boot=time.clock_gettime(time.CLOCK_BOOTTIME), wall=time.time())


class ClockWitness:
    """Remembers, in a data directory, when the clock was last believed."""

    def __init__(self, directory: Path, read: Callable[[], Instant] = read_clocks) -> None:
        self._path = directory / NOTE_NAME
        self._read = read

    def jumped_seconds(self) -> float:
        """How far the clock has gone ahead of the time that passed since the last note; 0 where it is tolerable."""
        now, then = self._read(), self._noted()
        if then is None or then.boot != now.boot:
            return 0.0
        ahead = (now.wall - then.wall) - (now.since_boot - then.since_boot)
        return ahead if ahead > TOLERATED_SECONDS else 0.0

    def watch(self) -> None:
        """Takes a note, unless the clock has jumped since the last one."""
        if self.jumped_seconds() == 0:
            self.believe()

    def believe(self) -> None:
        """Takes a note, whatever the clock did: somebody has looked. What cannot be written is as good as no note."""
        with contextlib.suppress(OSError):
            write_atomically(self._path, self._read().to_json())

    def _noted(self) -> Instant | None:
        try:
            return Instant.from_json(self._path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
