"""Prints a job's events on standard error: one live line on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from pantry_tui.cli.output import duration, size
from pantry_tui.cli.text import cut, paint
from pantry_tui.escaping import escape
from pantry_tui.events import Event, Failed, Finished, PhaseStarted, Progress, Warned

REDRAW_SECONDS = 0.25  # a slow link must not lag behind the work
REPORT_SECONDS = 10.0


class ProgressPrinter:
    """A listener of one job's events.

    On a terminal one line with phase, share, rate and time left is redrawn in place, cut to the terminal's width; else
    a line is written per phase and every ten seconds. ``quiet`` writes nothing. ``clock`` counts seconds.
    """

    def __init__(
        self, stream: TextIO | None = None, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._clock = clock
        self._live = self._stream.isatty() and not quiet
        self._title = ""
        self._progress = Progress(share=0.0)
        self._written_at = float("-inf")
        self._line_shown = False

    def __call__(self, event: Event) -> None:
        """Takes one event."""
        if self._quiet:
            return
        match event:
            case PhaseStarted(title=title):
                self._start_phase(title)
            case Progress():
                self._progress = event
                self._show_when_due()
            case Warned(message=message):
                self._write_line(f"{paint('warning:', 'warning', self._stream)} {escape(message)}")
            case Finished() | Failed():
                self.close()
            case _:
                self._show_when_due()

    def remark(self, message: str) -> None:
        """Writes a line of its own above the live one."""
        if not self._quiet:
            self._write_line(escape(message))

    def close(self) -> None:
        """Clears the live line, so that what follows starts on a clean one."""
        if self._line_shown:
            self._line_shown = False
            self._write("\r\x1b[K")

    def _start_phase(self, title: str) -> None:
        self._title = title
        if self._live:
            self._show()
        else:
            self._write_line(escape(title))

    def _show_when_due(self) -> None:
        due = self._written_at + (REDRAW_SECONDS if self._live else REPORT_SECONDS)
        if self._clock() < due:
            return
        if self._live:
            self._show()
        elif self._title:
            self._write_line(self._status())

    def _show(self) -> None:
        columns = shutil.get_terminal_size().columns
        self._write("\r" + cut(self._status(), columns - 1) + "\x1b[K")
        self._line_shown = True
        self._written_at = self._clock()

    def _write_line(self, line: str) -> None:
        self.close()
        self._write(line + "\n")
        self._written_at = self._clock()

    def _write(self, text: str) -> None:
        """A terminal that went away must not stop the job whose progress it showed."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._quiet = True

    def _status(self) -> str:
        progress = self._progress
        parts = [escape(self._title), f"{progress.share:.0%}"]
        if progress.bytes_per_second:
            parts.append(f"{size(int(progress.bytes_per_second))}/s")
        if progress.seconds_left is not None:
            seconds = max(1, round(progress.seconds_left))
            parts.append(f"{seconds} s left" if seconds < 60 else f"{duration(seconds)} left")
        return "  ".join(part for part in parts if part)
