"""A command at a pseudo-terminal: what it shows, and what is typed."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Terminal:
    """One command with a terminal of its own, 60 columns wide."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], place: Path) -> None:
        self._master, slave = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            arguments,
            env={"TERM": "xterm", "COLUMNS": "60", **environment},
            cwd=place,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, words: str) -> str:
        """Reads until these words were shown; returns everything so far."""
        while words not in self.shown:
            piece = self._read()
            assert piece, f"it ended without saying {words!r}:\n{self.shown}"
        return self.shown

    def type(self, text: str) -> None:
        """Types a line."""
        os.write(self._master, text.encode() + b"\n")

    def read_behind(self, seen: int, *words: str) -> str:
        """Reads until all of these words were shown behind the first ``seen`` characters; returns what is behind them."""
        while not all(each in self.shown[seen:] for each in words):
            piece = self._read()
            assert piece, f"it ended without saying {words!r}:\n{self.shown}"
        return self.shown[seen:]

    def answer(self, question: str, text: str) -> None:
        """Waits for a question that was not asked before, and types the answer."""
        seen = len(self.shown)
        while question not in self.shown[seen:]:
            piece = self._read()
            assert piece, f"it ended without asking {question!r}:\n{self.shown}"
        self.type(text)

    def end(self) -> int:
        """Reads the rest and returns the exit status."""
        while self._read():
            continue
        return self.process.wait()

    def close(self) -> None:
        """Lets the terminal go."""
        os.close(self._master)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _read(self) -> str:
        try:
            piece = os.read(self._master, 4096).decode()
        except OSError:  # Linux answers EIO when the other side is closed
            piece = ""
        self.shown += piece
        return piece
