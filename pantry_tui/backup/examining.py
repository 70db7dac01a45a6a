"""What a validation's worker process does: unpack segments of rows and check their text.

Counting holds Python's lock: 500 MB took 2.1 s in two threads and 1.3 s in two processes (2 cores).
"""

from __future__ import annotations

from collections.abc import Callable

from pantry_tui.artifact.structure import SegmentFindings, examine_segment
from pantry_tui.models import Model
from pantry_tui.repository.handed_over import HandedOver


class ExaminedSegment(Model, frozen=True, kw_only=True):
    """What was found in the segment of that number."""

    number: int
    findings: SegmentFindings


def open_session(setup: bytes) -> Callable[[bytes, Callable[[bytes], None]], bytes]:
    """Opens the artifact; for `pantry_tui.postgres.worker`. Each command is a segment's number."""
    return _Session(HandedOver.from_json(setup))


class _Session:
    def __init__(self, backup: HandedOver) -> None:
        self._manifest = backup.manifest()
        self._reader = backup.reader(self._manifest)

    def __call__(self, line: bytes, report: Callable[[bytes], None]) -> bytes:
        number = int(line)
        findings = examine_segment(self._reader, self._manifest, number)
        return ExaminedSegment(number=number, findings=findings).to_json()
