"""One live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest

from pantry_tui.cli.progress import ProgressPrinter
from pantry_tui.events import Finished, Logged, PhaseStarted, Progress, TableProgress, Warned


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedTerminal(Terminal):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


HALF = Progress(share=0.5, bytes_per_second=100 * 1024 * 1024, seconds_left=75.4)


def test_without_a_terminal_a_line_per_phase_and_every_ten_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    printer = ProgressPrinter(stream, clock=clock)
    printer(PhaseStarted(phase="rows", title="copying rows"))
    printer(HALF)
    clock.now += 9.9
    printer(HALF)
    clock.now += 0.2
    printer(HALF)
    printer(HALF)
    printer(PhaseStarted(phase="publish", title="publishing\x1b[2J"))
    printer(Finished(result={}))
    assert stream.getvalue() == ("copying rows\ncopying rows  50%  100.0 MiB/s  1 min 15 s left\npublishing\\x1b[2J\n")


def test_on_a_terminal_one_line_is_redrawn_four_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    clock, stream = Clock(), Terminal()
    printer = ProgressPrinter(stream, clock=clock)
    printer(PhaseStarted(phase="rows", title="copying rows"))
    for _ in range(100):
        clock.now += 0.01
        printer(HALF)
    written = stream.getvalue()
    assert written.count("\r") == 5  # the phase, and four in that second
    assert "\n" not in written
    printer(Finished(result={}))
    assert stream.getvalue().endswith("\r\x1b[K")


def test_the_live_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    ProgressPrinter(stream)(PhaseStarted(phase="rows", title="copying very many rows of tables"))
    assert stream.getvalue() == "\rcopying very many …\x1b[K"


def test_warnings_stand_above_the_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    printer = ProgressPrinter(stream)
    printer(PhaseStarted(phase="rows", title="copying"))
    printer(Warned(message="collation\x07 differs"))
    assert stream.getvalue().endswith("\r\x1b[Kwarning: collation\\x07 differs\n")


def test_quiet_writes_nothing() -> None:
    stream = Terminal()
    printer = ProgressPrinter(stream, quiet=True)
    for event in (PhaseStarted(phase="a", title="a"), HALF, Warned(message="w"), Finished(result={})):
        printer(event)
    printer.remark("r")
    printer.close()
    assert stream.getvalue() == ""


def test_a_terminal_that_went_away_stops_nothing() -> None:
    printer = ProgressPrinter(ClosedTerminal())
    printer(PhaseStarted(phase="a", title="a"))
    printer(Warned(message="w"))
    printer.close()


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "1 s left"), (9.4, "9 s left"), (75.4, "1 min 15 s left")])
def test_time_left_has_no_false_precision(seconds: float, shown: str) -> None:
    clock, stream = Clock(), io.StringIO()
    printer = ProgressPrinter(stream, clock=clock)
    printer(PhaseStarted(phase="rows", title="copying"))
    clock.now += 11
    printer(Progress(share=0.5, seconds_left=seconds))
    assert stream.getvalue().endswith(f"copying  50%  {shown}\n")


def test_figures_that_are_not_known_are_left_out() -> None:
    clock, stream = Clock(), io.StringIO()
    printer = ProgressPrinter(stream, clock=clock)
    printer(TableProgress(table="t", rows=1, raw_bytes=1, share=0.1))  # no phase yet: nothing to say
    printer(PhaseStarted(phase="rows", title="copying"))
    clock.now += 11
    printer(Logged(message="internal"))
    assert stream.getvalue() == "copying\ncopying  0%\n"
