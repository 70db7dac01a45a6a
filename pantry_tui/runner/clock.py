"""How far the clock may be ahead: by one that is, backups would be old that are not.

The wall clock is compared with the time since the machine was started, which goes on while it sleeps and which nobody can
set, and from one start to the next with the last note of both, `DATA_DIR/clock.json`. What a machine was switched off for
cannot be told from a clock that was set ahead: both are a doubt, and old backups are kept for so much longer. The doubt
ends when the kernel says that the clock is synchronized, when the clock goes back, when a person has looked, and for a
policy when the machine has run so long since that no age that counts for it goes back to before.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from pantry_tui.artifact.files import write_atomically
from pantry_tui.models import Model, RetentionPolicy

NOTE_NAME = "clock.json"
DRIFT_SECONDS = 60.0  # between two looks: clocks that are slewed
TOLERATED_SECONDS = 3600.0
DAY_SECONDS = 86400.0
_UNSYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 512  # more than any struct timex has


class Instant(Model, frozen=True, kw_only=True):
    """One moment by both clocks, in seconds; ``boot`` names the start of the machine that the second one counts from.

    ``ahead``: how far the wall clock has gone ahead of the other since it was last believed; negative where behind.
    ``steady``: how long the machine has run since that last grew.
    """

    boot: str
    since_boot: float
    wall: float
    synchronized: bool = False
    ahead: float = 0.0
    steady: float = 0.0


class Doubt(NamedTuple):
    """How far the clock may be ahead, and how long it has been as it is."""

    seconds: float
    steady: float

    @property
    def excess(self) -> float:
        """Seconds, where they are too many to be tolerated; else 0."""
        return self.seconds if self.seconds > TOLERATED_SECONDS else 0.0

    def patient(self, policy: RetentionPolicy) -> RetentionPolicy:
        """The policy, keeping by days for so much longer that nothing goes that is not old for certain."""
        kept = policy.kept_time
        if not self.excess or kept is None or self.steady >= kept.total_seconds():
            return policy
        return msgspec.structs.replace(policy, days=kept.days + math.ceil(self.seconds / DAY_SECONDS))


def read_clocks() -> Instant:
    """This moment."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Instant(boot=boot, since_boot=since_boot, wall=time.time(), synchronized=_is_synchronized())


def _is_synchronized() -> bool:
    """Whether the kernel says so, as time daemons tell it and setting the clock by hand revokes (adjtimex(2))."""
    nothing_to_change = ctypes.create_string_buffer(_TIMEX_BYTES)
    state: int = ctypes.CDLL(None).adjtimex(nothing_to_change)
    return 0 <= state < _UNSYNCHRONIZED


class ClockWitness:
    """Remembers, in a data directory, what the clocks said."""

    def __init__(self, directory: Path, read: Callable[[], Instant] = read_clocks) -> None:
        self._path = directory / NOTE_NAME
        self._read = read

    def look(self) -> Doubt:
        """How far the clock may be ahead now, which is written down; what cannot be written is as good as no note."""
        now, then = self._read(), self._noted()
        if then is not None and not now.synchronized:
            now = _since(then, now)
        self._note(now)
        return Doubt(max(now.ahead, 0.0), now.steady)

    def believe(self) -> None:
        """Ends every doubt: somebody has looked."""
        self._note(self._read())

    def _note(self, instant: Instant) -> None:
        with contextlib.suppress(OSError):
            write_atomically(self._path, instant.to_json())

    def _noted(self) -> Instant | None:
        try:
            return Instant.from_json(self._path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None


def _since(then: Instant, now: Instant) -> Instant:
    """This moment with what the last note says of the time before."""
    passed = now.since_boot - then.since_boot if now.boot == then.boot else 0.0
    moved = (now.wall - then.wall) - passed
    if abs(moved) <= DRIFT_SECONDS:
        moved = 0.0
    steady = 0.0 if moved > 0 else then.steady + passed
    return msgspec.structs.replace(now, ahead=then.ahead + moved, steady=steady)
