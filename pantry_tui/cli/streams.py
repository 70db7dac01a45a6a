"""Writing to standard output, where a reader may go away and a disk may be full."""

from __future__ import annotations

import errno
import os
import sys

from pantry_tui.errors import DiskFullError, StorageError


class NobodyReadsError(Exception):
    """The reader of our output went away: `| head`, or a closed terminal."""


def write_line(line: str) -> None:
    """Writes one line of a result. Raises `NobodyReadsError`, `StorageError`."""
    try:
        sys.stdout.write(line + "\n")
    except OSError as error:
        raise _explained(error) from error


def write_bytes(data: bytes | bytearray | memoryview) -> None:
    """Writes a part of a result that is no text. Raises `NobodyReadsError`, `StorageError`."""
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise _explained(error) from error


def flush() -> None:
    """Makes sure that what was written has arrived. Raises `NobodyReadsError`, `StorageError`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _explained(error) from error


def narrate(text: str) -> None:
    """Writes to standard error; nobody there is no reason to fail."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def _explained(error: OSError) -> Exception:
    """What a failed write means. The buffer is emptied into nowhere, or the interpreter's last flush fails again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    if error.errno in (errno.EPIPE, errno.EIO):
        return NobodyReadsError()
    kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
    return kind(
        f"the result cannot be written to standard output: {error.strerror}",
        remedy="the command itself has done its work; print the result again, to another place",
    )
