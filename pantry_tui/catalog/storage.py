"""TinyDB's file, crash-safe.

TinyDB's own storage rewrites its file in place: a full disk or a crash leaves half a document. Here a new file is
written, fsynced and renamed over the old one, which stays as `<name>.previous`; the parsed state is kept in memory,
so that a read costs nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from tinydb.storages import Storage

from pantry_tui.artifact.files import (
    fsync_directory,
    open_file_in,
    read_descriptor,
    storage_error,
    storage_errors,
    write_beside,
)
from pantry_tui.errors import BackupDamagedError

Tables = dict[str, dict[str, Any]]

_LARGEST = 1 << 30
_decoder: msgspec.json.Decoder[Tables] = msgspec.json.Decoder(Tables)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


class AtomicStorage(Storage):
    """The tables of one JSON file. ``problems`` says in words what reading it had to put up with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self.problems: list[str] = []
        self._tables: Tables | None = None
        self._current_is_damaged = False
        self._collecting = False
        self._pending = False

    def read(self) -> Tables:
        """The tables; callers may replace a table in what they get."""
        if self._tables is None:
            self._tables = self._load()
        return dict(self._tables)

    def write(self, data: Tables) -> None:
        """Makes ``data`` the content, durably. Raises `StorageError`; the old content stays then."""
        self._tables = data
        if self._collecting:
            self._pending = True
        else:
            self._save()

    @contextmanager
    def one_write(self) -> Iterator[None]:
        """Collects the writes inside into one at the end; none happens when an error ends it."""
        self._collecting, self._pending = True, False
        try:
            yield
        except BaseException:
            self.forget()
            raise
        finally:
            self._collecting = False
        if self._pending:
            self._save()

    def forget(self) -> None:
        """Drops what is in memory: the next read takes what the disk has."""
        self._tables = None

    def _save(self) -> None:
        try:
            with storage_errors(self.path, "writing the catalog"):
                self._replace(msgspec.json.encode(self._tables))
        except BaseException:
            # TinyDB has changed documents in place: what is in memory is no longer what the disk has.
            self.forget()
            raise

    def _replace(self, content: bytes) -> None:
        replacement = write_beside(self.path, content)
        try:
            self._keep_previous()
            replacement.replace(self.path)
        except OSError:
            with suppress(OSError):
                replacement.unlink()
            raise
        fsync_directory(self.path.parent)

    def _keep_previous(self) -> None:
        if self._current_is_damaged:
            with suppress(FileNotFoundError):
                self.path.replace(self.path.with_name(self.path.name + ".damaged"))
            self._current_is_damaged = False
            return
        link = self.path.with_name(f".{self.path.name}.previous.tmp")
        link.unlink(missing_ok=True)
        try:
            # A second name, not a rename: a reader never finds the file missing.
            link.hardlink_to(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self.path.replace(self.previous)
        else:
            link.replace(self.previous)

    def _load(self) -> Tables:
        tables, why = self._attempt(self.path)
        if tables is not None:
            self._current_is_damaged = False
            return tables
        self._current_is_damaged = why is not None
        tables, _ = self._attempt(self.previous)
        if tables is not None:
            self.report(f"{self.path} {why or 'is missing'}: its previous copy was used")
            return tables
        if why:
            self.report(f"{self.path} {why}, and there is no readable previous copy: what it held is lost")
        return {}

    def report(self, problem: str) -> None:
        """Adds a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    @staticmethod
    def _attempt(path: Path) -> tuple[Tables | None, str | None]:
        """The tables in a file, or why they cannot be read: None for both when there is no file."""
        try:
            descriptor = open_file_in(path.parent, path.name)
            try:
                return _decoder.decode(read_descriptor(descriptor, path, limit=_LARGEST)), None
            finally:
                os.close(descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return None, None
        except (msgspec.DecodeError, UnicodeDecodeError, BackupDamagedError) as error:
            return None, f"is damaged ({error})"
        except OSError as error:
            if error.errno != errno.EIO:
                raise storage_error(error, path, "reading the catalog") from error
            return None, "cannot be read (input/output error)"
