"""What becomes of runs whose time came while nobody was there to start them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pantry_tui.models import MissedRuns, RunState

IN_TIME = timedelta(seconds=60)  # a run that starts so soon after its moment is none too late


class Verdict(NamedTuple):
    """What is to become of the run that was due at a moment. ``why`` is for people; empty for one in time."""

    due_at: datetime
    state: RunState
    why: str = ""

    @property
    def starts(self) -> bool:
        """Whether it runs now."""
        return self.state in (RunState.STARTED, RunState.LATE)


def judge(
    due: Sequence[datetime], now: datetime, policy: MissedRuns, *, youngest_seconds: float, cause: str
) -> list[Verdict]:
    """Decides about runs that are due at ``now``, in order: at most the last one starts.

    ``youngest_seconds``: how late a run may be under `MissedRuns.IF_YOUNGER`. ``cause``: why nobody was there, in words.
    """
    if not due:
        return []
    *earlier, last = due
    age = now - last
    if age <= IN_TIME:
        return [*_passed_over(earlier, last, policy, cause), Verdict(last, RunState.STARTED)]
    limit = timedelta(seconds=youngest_seconds)
    if policy is MissedRuns.SKIP:
        why = f"{cause}; this schedule skips what it misses"
        return [Verdict(each, RunState.SKIPPED, why) for each in due]
    if policy is MissedRuns.IF_YOUNGER and age > limit:
        why = f"{cause}; it was {_words(age)} late, and may be {_words(limit)}"
        return [Verdict(each, RunState.MISSED, why) for each in due]
    late = Verdict(last, RunState.LATE, f"{cause}; it was started {_words(age)} late")
    return [*_passed_over(earlier, last, policy, cause), late]


def _passed_over(earlier: Sequence[datetime], last: datetime, policy: MissedRuns, cause: str) -> list[Verdict]:
    if policy is MissedRuns.SKIP:
        return [Verdict(each, RunState.SKIPPED, f"{cause}; this schedule skips what it misses") for each in earlier]
    why = f"{cause}; the run of {last:%Y-%m-%d %H:%M:%S} UTC stands for it"
    return [Verdict(each, RunState.CAUGHT_UP, why) for each in earlier]


def _words(span: timedelta) -> str:
    """A span in its two largest units: `3 d 4 h`, `2 h 5 min`, `90 s`."""
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    for unit, length, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= length:
            rest = seconds % length // part
            return f"{seconds // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"
