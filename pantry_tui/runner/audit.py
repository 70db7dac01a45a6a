"""The audit trail: who did what, when, with which result.

JSON lines in `audit.jsonl`, appended and fsynced one by one. Each line holds the sha256 of the line before it, so that
a changed, removed or inserted line shows; lines that are cut off at the end show by what `audit_witness` noted of it.
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
from pantry_tui.errors import StorageError
from pantry_tui.models import AuditEntry, Model, utc_now
from pantry_tui.runner.audit_witness import WITNESS_NAME, Witness, read_witness, stands_in, write_witness

RUNNER = "runner"  # who acts, when nobody asked
AUDIT_NAME = "audit.jsonl"
FIRST_PREVIOUS = "0" * 64

# JSON escapes C0 itself; these drive a terminal too, or turn the direction of what is read
_CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_EXAMINED, _BROKEN = "audit.examine", "broken"  # an entry of this program that tells of what was before it


class AuditTrail:
    """The trail of one data directory. Only the process that holds the runner's lock appends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / AUDIT_NAME
        self._end: Witness | None = None
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
        with contextlib.suppress(OSError, StorageError):
            self._write(*self._owed)
            self._owed = []

    def _write(self, *entries: AuditEntry) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        end, self._end = self._end, None  # not known again before everything is written
        try:
            text = b""
            if end is None:
                end, damage = self._found_end(descriptor)
                entries = (*damage, *entries)
                text = b"" if _ends_whole(descriptor) else b"\n"  # a crash cut the last line: it stays, and shows
            for entry in entries:
                line = _encode(msgspec.structs.replace(entry, previous=end.sha256))
                text += line + b"\n"
                end = Witness(lines=end.lines + 1, sha256=_digest(line))
            write_all(descriptor, text)
            os.fsync(descriptor)
            end = msgspec.structs.replace(end, bytes=os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
        self._end = end
        with contextlib.suppress(OSError):  # a note that lags behind still vouches for what it knew
            write_witness(self._path.parent, end)

    def _found_end(self, descriptor: int) -> tuple[Witness, list[AuditEntry]]:
        """Where the trail ends that is there, and an entry for what is missing of it, so that it is not forgotten."""
        directory = self._path.parent
        noted = read_witness(directory)
        if noted is not None and stands_in(descriptor, noted):
            return _followed(descriptor, noted), []
        state = examine(directory, noted)
        if noted is None and state.end.lines == 0:
            write_witness(directory, state.end)  # before the first line: a trail without a note is a suspicious one
        missing = [problem.problem for problem in state.problems if problem.line is None]
        details = {"problem": "; ".join(missing)}
        return state.end, [_entry("runner", _EXAMINED, AUDIT_NAME, _BROKEN, details)] if missing else []


class TrailProblem(Model, frozen=True, kw_only=True):
    """Something that is wrong with the trail. ``line``: where, from 1; None: with what is not there any more."""

    line: int | None
    problem: str

    def __str__(self) -> str:
        return self.problem if self.line is None else f"line {self.line} {self.problem}"


class TrailState(Model, frozen=True, kw_only=True):
    """What examining the trail came to: where it ends, and what is wrong with it."""

    end: Witness
    problems: tuple[TrailProblem, ...] = ()


def entries(directory: Path) -> Iterator[AuditEntry]:
    """The readable lines, oldest first."""
    for line in _lines(directory):
        try:
            yield AuditEntry.from_json(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def problems(directory: Path) -> list[str]:
    """What is wrong with the trail, in words with line numbers; empty when nothing is."""
    return [str(problem) for problem in examine(directory, read_witness(directory)).problems]


def examine(directory: Path, *noted: Witness | None) -> TrailState:
    """Goes through the chain, and compares it with what was noted of its end; None: that note is missing.

    Raises `StorageError`.
    """
    found: list[TrailProblem] = []
    expected, number = FIRST_PREVIOUS, 0
    digests: dict[int, str] = {0: FIRST_PREVIOUS}
    wanted = {each.lines for each in noted if each is not None}
    for number, line in enumerate(_lines(directory), start=1):  # how many there were
        found += _problems_of(number, line, expected)
        expected = _digest(line)
        if number in wanted:
            digests[number] = expected
    for each in noted:
        found += _compared(each, digests, number)
    return TrailState(end=Witness(lines=number, sha256=expected), problems=tuple(found))


def _problems_of(number: int, line: bytes, expected: str) -> Iterator[TrailProblem]:
    try:
        entry = AuditEntry.from_json(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield TrailProblem(line=number, problem="is not a readable entry")
        return
    if entry.previous != expected:
        words = "does not follow the line before it: one of them was changed or removed"
        yield TrailProblem(line=number, problem=words)
    if (entry.action, entry.result) == (_EXAMINED, _BROKEN):
        yield TrailProblem(line=number, problem=f"says of what was before it: {entry.details.get('problem')}")


def _compared(noted: Witness | None, digests: dict[int, str], lines: int) -> Iterator[TrailProblem]:
    if noted is None:
        if lines:
            words = f"{WITNESS_NAME} is missing, or cannot be read: lines that were cut off at the end would not show"
            yield TrailProblem(line=None, problem=words)
    elif noted.lines > lines:
        missing = noted.lines - lines
        are = "1 line is" if missing == 1 else f"{missing:,} lines are"
        yield TrailProblem(line=None, problem=f"{are} missing at the end: there were {noted.lines:,}")
    elif digests[noted.lines] != noted.sha256:
        yield TrailProblem(
            line=None, problem=f"line {noted.lines:,} is another one than was noted when it was the last"
        )


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


def _followed(descriptor: int, noted: Witness) -> Witness:
    """The end of the trail: the line that was noted, or what was written after it before a crash."""
    rest = os.pread(descriptor, os.fstat(descriptor).st_size - noted.bytes, noted.bytes)
    end = noted
    for line in rest.removesuffix(b"\n").split(b"\n") if rest else ():
        end = Witness(lines=end.lines + 1, sha256=_digest(line))
    return end


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
