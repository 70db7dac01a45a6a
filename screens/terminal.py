"""What the terminal can show, found out before Textual is imported.

Textual reads its own environment variables at import, writes to stderr even where that is no terminal, and sends
truecolor to TERM=dumb; so all of that is decided here.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pantry_tui.errors import TerminalError

_REMEDY = "use the command line instead: pantry-tui backup list, pantry-tui backup create -n NAME, pantry-tui --help"

# Terminals that draw little beyond ASCII, whatever the locale promises.
_PLAIN_TERMS = ("linux", "vt", "ansi", "cons25", "sun")

# Escape keys wait only a moment for the rest of a sequence; animations and 60 frames a second cost bytes on slow links.
_DEFAULTS = {"TEXTUAL_FPS": "15", "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0", "ESCDELAY": "60"}


@dataclass(frozen=True, kw_only=True)
class TerminalTraits:
    """How the application draws: plain means ASCII only, few_colours the terminal's own sixteen."""

    plain: bool = False
    few_colours: bool = False


def require_terminal(environment: Mapping[str, str]) -> None:
    """Raises `TerminalError` with the command to use where no full-screen application can run."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise TerminalError("there is no terminal here: standard input or standard error is redirected", remedy=_REMEDY)
    term = environment.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        raise TerminalError(f"the terminal cannot position text (TERM={term or 'is not set'})", remedy=_REMEDY)


def traits_of(environment: Mapping[str, str], encoding: str | None = None) -> TerminalTraits:
    """What TERM, NO_COLOR and the locale allow."""
    term = environment.get("TERM", "")
    name = (encoding or locale.getpreferredencoding(False)).lower().replace("-", "")
    plain = name != "utf8" or term.startswith(_PLAIN_TERMS)
    sixteen = "256" not in term and "truecolor" not in environment.get("COLORTERM", "") and "kitty" not in term
    return TerminalTraits(plain=plain, few_colours="NO_COLOR" in environment or sixteen)


def prepare_environment() -> None:
    """Sets what Textual reads when it is imported; what the user set stays.

    But for a size that somebody exported: the terminal knows its own, also after it was resized.
    """
    for key, value in _DEFAULTS.items():
        os.environ.setdefault(key, value)
    for key in ("COLUMNS", "LINES"):
        os.environ.pop(key, None)
