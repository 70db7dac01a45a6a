"""The one edge of the command line: every error becomes a message, a remedy and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from pantry_tui.cli.text import escape, paint
from pantry_tui.errors import InternalError, PantryError

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE
DEBUG_VARIABLE = "PANTRY_DEBUG"


def guard(command: Callable[[], int], *, as_json: bool) -> int:
    """Runs ``command`` and returns its exit status, whatever happens in it."""
    try:
        status = command()
        sys.stdout.flush()
    except PantryError as error:
        return _report(error, as_json=as_json)
    except KeyboardInterrupt:
        _to_stderr("pantry-tui: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        return _nobody_reads()
    except Exception as error:  # the edge: a defect must not end in a traceback at 03:00
        if os.environ.get(DEBUG_VARIABLE) == "1":
            traceback.print_exc()
        return _report(_defect(error), as_json=as_json)
    return status


def describe(error: PantryError) -> str:
    """The error as people read it: message, remedy on the next line, what the server said indented."""
    lines = [f"{paint('pantry-tui:', 'error', sys.stderr)} {escape(error.message)}"]
    if error.remedy:
        lines += [escape(line) for line in error.remedy.splitlines()]
    if error.detail:
        lines += [f"    {escape(line)}" for line in error.detail.strip().splitlines()]
    return "\n".join(lines) + "\n"


def error_document(error: PantryError) -> dict[str, Any]:
    """The error as `--json` prints it."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "remedy": error.remedy,
            "detail": error.detail,
            "exit_status": error.exit_status,
        }
    }


def _report(error: PantryError, *, as_json: bool) -> int:
    try:
        if as_json:
            from pantry_tui.cli.output import print_document

            print_document(error_document(error))
            sys.stdout.flush()
    except BrokenPipeError:
        _nobody_reads()
    _to_stderr(describe(error))
    return error.exit_status


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


def _nobody_reads() -> int:
    """The reader of our output went away (`| head`): end without a word, also from the interpreter's last flush."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return BROKEN_PIPE


def _to_stderr(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):  # closed as well: there is nobody left to tell
        return
