"""The audit trail: who did what, when, with which result.

JSON lines in `audit.jsonl`, appended and fsynced one by one. Each line holds the sha256 of the line before it, so that
a changed, removed or inserted line shows in `problems`; a cut at the very end alone cannot show in the file itself.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.errors import StorageError
from pantry_tui.models import AuditEntry, utc_now

AUDIT_NAME = "audit.jsonl"
FIRST_PREVIOUS = "0" * 64

# JSON escapes C0 itself; these drive a terminal too, or turn the direction of what is read
_CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_TAIL_BYTES = 64 * 1024


class AuditTrail:
    """The trail of one data directory. Only the process that holds the runner's lock appends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / AUDIT_NAME
        self._previous: str | None = None

    def append(
        self, who: str, action: str, subject: str, result: str, details: dict[str, Any] | None = None
    ) -> AuditEntry:
        """Writes one line. It must hold nothing secret. Raises `StorageError` when it cannot be written."""
        try:
            return self._append(who, action, subject, result, details or {})
        except OSError as error:
            raise StorageError(
                f"the audit trail {self._path} cannot be written: {error.strerror}",
                remedy="make room or repair the directory; nothing is done that cannot be recorded",
            ) from error

    def _append(self, who: str, action: str, subject: str, result: str, details: dict[str, Any]) -> AuditEntry:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            mended = b""
            if self._previous is None:
                last, whole = _last_line(descriptor)
                self._previous = _digest(last) if last else FIRST_PREVIOUS
                mended = b"" if whole else b"\n"  # a crash cut the last line: it stays, as a line that shows
            entry = AuditEntry(
                at=utc_now(),
                who=who,
                action=action,
                object=subject,
                result=result,
                details=details,
                previous=self._previous,
            )
            line = _encode(entry)
            _write_whole(descriptor, mended + line + b"\n")
            os.fsync(descriptor)
            self._previous = _digest(line)
            return entry
        except OSError:
            self._previous = None  # what the file ends with is unknown now
            raise
        finally:
            os.close(descriptor)


def entries(directory: Path) -> Iterator[AuditEntry]:
    """The readable lines, oldest first."""
    for line in _lines(directory):
        try:
            yield AuditEntry.from_json(line)
        except msgspec.DecodeError:
            continue


def problems(directory: Path) -> list[str]:
    """What is wrong with the chain, in words with line numbers; empty when nothing is."""
    found: list[str] = []
    expected = FIRST_PREVIOUS
    for number, line in enumerate(_lines(directory), start=1):
        try:
            entry = AuditEntry.from_json(line)
        except msgspec.DecodeError:
            found.append(f"line {number} is not a readable entry")
        else:
            if entry.previous != expected:
                found.append(f"line {number} does not follow the line before it: one of them was changed or removed")
        expected = _digest(line)
    return found


def _lines(directory: Path) -> Iterator[bytes]:
    path = directory / AUDIT_NAME
    try:
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"the audit trail {path} cannot be read: {error.strerror}") from error


def _encode(entry: AuditEntry) -> bytes:
    text = entry.to_json().decode()
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _write_whole(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _last_line(descriptor: int) -> tuple[bytes, bool]:
    """The last line without its end, and whether it has one."""
    size = os.fstat(descriptor).st_size
    length = min(size, _TAIL_BYTES)
    while True:
        tail = os.pread(descriptor, length, size - length)
        whole = tail.endswith(b"\n") or not tail
        lines = tail.removesuffix(b"\n").split(b"\n")
        if len(lines) > 1 or length == size:
            return lines[-1], whole
        length = min(size, length * 4)
