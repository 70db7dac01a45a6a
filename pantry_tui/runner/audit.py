"""The audit trail: who did what, when, with which result.

JSON lines in `audit.jsonl`, appended and fsynced one by one. Each line holds the sha256 of the line before it, so that
a changed, removed or inserted line shows in `problems`; a cut at the very end alone cannot show in the file itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.artifact.files import storage_errors, write_all
from pantry_tui.models import AuditEntry, utc_now

RUNNER = "runner"  # who acts, when nobody asked
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
        self._owed: list[AuditEntry] = []

    def append(self, who: str, action: str, subject: str, result: str, details: dict[str, Any] | None = None) -> None:
        """Writes one entry, for what must not happen unrecorded. It must hold nothing secret.

        Raises `StorageError` when it cannot be written.
        """
        with storage_errors(self._path, "writing the audit trail"):
            self._write(*self._owed, _entry(who, action, subject, result, details))
            self._owed = []

    def note(self, who: str, action: str, subject: str, result: str, details: dict[str, Any] | None = None) -> None:
        """Writes one entry, now or, while that fails, together with the next one.

        For what has happened already, and for what makes room on a full disk.
        """
        self._owed.append(_entry(who, action, subject, result, details))
        with contextlib.suppress(OSError):
            self._write(*self._owed)
            self._owed = []

    def _write(self, *entries: AuditEntry) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        previous, self._previous = self._previous, None  # not known again before everything is written
        try:
            text = b""
            if previous is None:
                last, whole = _last_line(descriptor)
                previous = _digest(last) if last else FIRST_PREVIOUS
                text = b"" if whole else b"\n"  # a crash cut the last line: it stays, as a line that shows
            for entry in entries:
                line = _encode(msgspec.structs.replace(entry, previous=previous))
                text += line + b"\n"
                previous = _digest(line)
            write_all(descriptor, text)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._previous = previous


def entries(directory: Path) -> Iterator[AuditEntry]:
    """The readable lines, oldest first."""
    for line in _lines(directory):
        try:
            yield AuditEntry.from_json(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def problems(directory: Path) -> list[str]:
    """What is wrong with the chain, in words with line numbers; empty when nothing is."""
    found: list[str] = []
    expected = FIRST_PREVIOUS
    for number, line in enumerate(_lines(directory), start=1):
        try:
            entry = AuditEntry.from_json(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found.append(f"line {number} is not a readable entry")
        else:
            if entry.previous != expected:
                found.append(f"line {number} does not follow the line before it: one of them was changed or removed")
        expected = _digest(line)
    return found


def _lines(directory: Path) -> Iterator[bytes]:
    path = directory / AUDIT_NAME
    with (
        storage_errors(path, "reading the audit trail"),
        contextlib.suppress(FileNotFoundError),
        path.open("rb") as file,
    ):
        for line in file:
            yield line.rstrip(b"\n")


def _encode(entry: AuditEntry) -> bytes:
    text = entry.to_json().decode()
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _entry(who: str, action: str, subject: str, result: str, details: dict[str, Any] | None) -> AuditEntry:
    return AuditEntry(at=utc_now(), who=who, action=action, object=subject, result=result, details=details or {})


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
