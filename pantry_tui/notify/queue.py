"""Notices that wait to be told: a file each, in `DATA_DIR/notifications`, so that none is lost with the runner."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors, write_atomically
from pantry_tui.models import Notice, Receiver, WaitingNotice

FOLDER = "notifications"

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9]{6}-[0-9a-f]{6}\.json", re.ASCII)


class NoticeQueue:
    """The notices of one data directory. Nothing secret is among them."""

    def __init__(self, data_directory: Path) -> None:
        self._folder = data_directory / FOLDER

    def new(self, receiver: Receiver, notice: Notice, *, at: datetime, job_id: str | None) -> WaitingNotice:
        """A notice that is to be told, not written down yet."""
        return WaitingNotice(id=_new_id(at), receiver=receiver, notice=notice, at=at, due_at=at, job_id=job_id)

    def put(self, waiting: WaitingNotice) -> None:
        """Writes one down as it is now. Raises `StorageError`."""
        path = self._path(waiting)
        with storage_errors(path, "writing down a notification"):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_atomically(path, waiting.to_json())

    def remove(self, waiting: WaitingNotice) -> None:
        """Forgets one. Raises `StorageError`."""
        path = self._path(waiting)
        with storage_errors(path, "removing a notification"):
            path.unlink(missing_ok=True)

    def waiting(self) -> list[WaitingNotice]:
        """All of them, oldest first; what cannot be read is passed over. Raises `StorageError`."""
        found = []
        with storage_errors(self._folder, "reading the notifications"), suppress(FileNotFoundError):
            for path in sorted(self._folder.iterdir()):
                if _NAME.fullmatch(path.name):
                    with suppress(FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
                        found.append(WaitingNotice.from_json(path.read_bytes()))
        return found

    def _path(self, waiting: WaitingNotice) -> Path:
        return self._folder / f"{waiting.id}.json"


def _new_id(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}-{at.microsecond:06}-{secrets.token_hex(3)}"
