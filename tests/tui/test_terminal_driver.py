"""What stands between the terminal and Textual."""

from __future__ import annotations

import os
import pty
from unittest.mock import Mock

import pytest
from textual.drivers import linux_driver
from textual.drivers._writer_thread import MAX_QUEUED_WRITES

from screens.application import PantryApp
from screens.terminal_driver import LastingWriter, accept_any_terminal


def test_the_end_of_input_ends_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_driver, "getincrementaldecoder", None)
    monkeypatch.setattr(linux_driver, "WriterThread", None)
    app = Mock(spec=PantryApp)
    accept_any_terminal(app)
    decode = linux_driver.getincrementaldecoder("utf-8")().decode  # type: ignore[attr-defined]

    assert decode(b"caf\xe9 ", final=False) == "caf\ufffd "
    assert decode("é".encode()[:1], final=False) == ""
    assert decode("é".encode()[1:], final=False) == "é"
    app.call_later.assert_not_called()
    assert decode(b"", final=True) == ""
    app.call_later.assert_not_called()
    assert decode(b"", final=False) == ""
    app.call_later.assert_called_once_with(app.hang_up)


def test_a_writer_whose_terminal_is_gone_keeps_taking_what_is_drawn() -> None:
    master, slave = pty.openpty()
    with open(slave, "w") as terminal:  # noqa: PTH123 - a file descriptor is no path
        writer = LastingWriter(terminal)
        writer.start()
        os.close(master)
        for _ in range(10 * MAX_QUEUED_WRITES):
            writer.write("drawn\n" * 100)
        writer.stop()

    assert not writer.is_alive()
