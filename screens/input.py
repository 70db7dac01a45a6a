"""Input as terminals really send it: bytes that are not UTF-8, and an end when the terminal is gone."""

from __future__ import annotations

import codecs
import time

from textual.drivers import linux_driver

from screens.application import PantryApp


def accept_any_input(app: PantryApp) -> None:
    """Makes the terminal driver survive a Latin-1 paste or an X10 mouse report, and end the application at end of file.

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
