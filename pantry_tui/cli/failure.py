"""The one edge of the command line: every error becomes a message, a remedy and an exit status."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable
from typing import Any

from pantry_tui.cli import streams
from pantry_tui.cli.text import paint
from pantry_tui.errors import CancelledError, InternalError, PantryError, StorageError
from pantry_tui.escaping import escape

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
TERMINATED = 143  # 128 + SIGTERM
BROKEN_PIPE = 141  # 128 + SIGPIPE
DEBUG_VARIABLE = "PANTRY_DEBUG"
_PREFIX = "pantry-tui:"


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The person at the keyboard, or the system, ended the command; ``status`` is 130 or 143."""

    def __init__(self, message: str, status: int = INTERRUPTED) -> None:
        super().__init__(message)
        self.status = status


def guard(command: Callable[[], int], *, as_json: bool) -> int:
    """Runs ``command`` and returns its exit status, whatever happens in it."""
    try:
        status = command()
        streams.flush()
    except PantryError as error:
        return _report(error, error.exit_status, as_json=as_json)
    except Interrupted as error:
        return _report(CancelledError(str(error)), error.status, as_json=as_json)
    except KeyboardInterrupt:
        return _report(CancelledError("interrupted"), INTERRUPTED, as_json=as_json)
    except streams.NobodyReadsError:
        return BROKEN_PIPE
    except Exception as error:  # the edge: a defect must not end in a traceback at 03:00
        if os.environ.get(DEBUG_VARIABLE) == "1":
            traceback.print_exc()
        return _report(_defect(error), InternalError.exit_status, as_json=as_json)
    return status


def describe(error: PantryError) -> str:
    """The error as people read it: message, remedy on the next line, what the server said indented."""
    lines = _folded(f"{_PREFIX} {escape(error.message)}")
    for line in (error.remedy or "").splitlines():
        lines += _folded(escape(line))
    if error.detail and _detail_helps(error):
        lines += [f"    {escape(line.expandtabs())}" for line in error.detail.strip().splitlines()]
    elif error.detail:
        lines.append(f"{DEBUG_VARIABLE}=1 shows the traceback")
    lines[0] = lines[0].replace(_PREFIX, paint(_PREFIX, "error", sys.stderr), 1)
    return "\n".join(lines) + "\n"


def error_document(error: PantryError, status: int) -> dict[str, Any]:
    """The error as `--json` prints it."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "remedy": error.remedy,
            "detail": error.detail,
            "exit_status": status,
        }
    }


def _folded(line: str) -> list[str]:
    """The line, folded between words where a terminal would cut through them; a file or pipe gets it whole."""
    if not sys.stderr.isatty():
        return [line]
    columns = max(40, shutil.get_terminal_size().columns - 1)
    return textwrap.wrap(line, columns, break_long_words=False, break_on_hyphens=False) or [""]


def _detail_helps(error: PantryError) -> bool:
    """The detail of a defect is a traceback, for the maintainers."""
    return not isinstance(error, InternalError) or os.environ.get(DEBUG_VARIABLE) == "1"


def _report(error: PantryError, status: int, *, as_json: bool) -> int:
    try:
        if as_json:
            from pantry_tui.cli.output import print_document  # here, because `--help` does not need it

            print_document(error_document(error, status))
        streams.flush()
    except (streams.NobodyReadsError, StorageError):
        pass  # the error below is the one to tell
    streams.narrate(describe(error))
    return status


def _defect(error: Exception) -> InternalError:
    """The exception's own text stays out: nobody has checked it for secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "pantry_tui" in frame.filename] or list(frames)
    place = f"{ours[-1].filename.rpartition('/')[2]}:{ours[-1].lineno}" if ours else "unknown place"
    return InternalError(
        f"a defect of this program: {type(error).__name__} in {place}",
        remedy=f"please report it to the maintainers, with the traceback that {DEBUG_VARIABLE}=1 shows"
        " and the output of `pantry-tui doctor`",
    )
