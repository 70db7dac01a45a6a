"""The limit of bytes a second, by a clock that goes on only while somebody sleeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.backup.pacing import Allowance


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.floats(1.0, 1e9), st.lists(st.integers(0, 1 << 20), min_size=1, max_size=50))
def test_no_more_than_the_limit_and_no_less(rate: float, pieces: list[int]) -> None:
    clock = Clock()
    allowance = Allowance(rate, clock=clock, sleep=clock.sleep)
    for piece in pieces:
        allowance.spend(piece)
    seconds, total = clock.now - 100.0, sum(pieces)
    assert abs(seconds - max(total / rate - 1.0, 0.0)) <= 1e-6 * max(seconds, 1.0)


def test_a_pause_saves_up_one_second_and_no_more() -> None:
    clock = Clock()
    allowance = Allowance(1000.0, clock=clock, sleep=clock.sleep)
    allowance.spend(1000)
    clock.sleep(3600.0)
    before = clock.now
    allowance.spend(3000)
    assert clock.now - before == 2.0


def test_without_a_limit_nobody_waits() -> None:
    clock = Clock()
    Allowance(None, clock=clock, sleep=clock.sleep).spend(1 << 40)
    assert clock.now == 100.0
