"""The seconds of each phase, by the events of a restore."""

from __future__ import annotations

from pantry_tui.events import Event, Logged, PhaseStarted, Warned
from pantry_tui.recovery.phases import PhaseClock


def test_each_phase_ends_where_the_next_begins() -> None:
    heard: list[Event] = []
    times = iter([10.0, 11.5, 12.0, 14.0])
    clock = PhaseClock(heard.append, lambda: next(times))
    events: list[Event] = [PhaseStarted(phase=name, title=name) for name in ("check", "rows", "check")]
    for event in (events[0], Logged(message="x"), *events[1:]):
        clock(event)
    assert (clock.has_begun("rows"), clock.has_begun("verify")) == (True, False)
    clock.stop()
    assert clock.seconds == {"check": 3.5, "rows": 0.5}
    assert clock.seconds == {"check": 3.5, "rows": 0.5}
    assert [type(event) for event in heard] == [PhaseStarted, Logged, PhaseStarted, PhaseStarted]


def test_without_a_phase() -> None:
    heard: list[Event] = []
    clock = PhaseClock(heard.append)
    clock.warn("careful")
    clock.stop()
    assert clock.seconds == {}
    assert [event.message for event in heard if isinstance(event, Warned)] == ["careful"]
