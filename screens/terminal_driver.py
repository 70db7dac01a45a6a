"""Textual's terminal driver, made to survive what terminals really do: strange bytes, and vanishing."""

from __future__ import annotations

import codecs
import os
import time

from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread

from screens.application import PantryApp


class LastingWriter(WriterThread):
    """Goes on writing into nothing when the terminal is gone.

    Textual 8.2.8 lets this thread die of the error; its queue of 30 then fills up while the application is still
    drawing, and the application waits for room in it for ever instead of ending.
    """

    def run(self) -> None:
        try:
            super().run()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            super().run()


def accept_any_terminal(app: PantryApp) -> None:
    """Makes the driver survive a Latin-1 paste, an X10 mouse report and the end of the terminal.

    Textual 8.2.8 decodes strictly (its issues 6456 and 6668), and reads an ended terminal over and over when SIGHUP
    does not arrive, at 91 % of a core.
    """

    class Decoder(codecs.IncrementalDecoder):
        def __init__(self) -> None:
            super().__init__("replace")
            self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

        def decode(self, data: bytes, final: bool = False) -> str:  # type: ignore[override]
            if not data and not final:
                app.call_later(app.hang_up)
                time.sleep(0.1)
            return self._utf8.decode(data, final)

    linux_driver.getincrementaldecoder = lambda _encoding: Decoder  # type: ignore[attr-defined, assignment]
    linux_driver.WriterThread = LastingWriter  # type: ignore[attr-defined]
