"""Changing the list of recipients: adding one, retiring one, without touching anything else in the file."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from pantry_tui.artifact.age import PublicKey, parse_recipients
from pantry_tui.artifact.files import fsync_directory, storage_errors, write_beside
from pantry_tui.errors import NotFoundError, RefusedError, UsageError

SHORTEST_BEGINNING = 12  # of a recipient that is meant: `age1` and 8 letters
_BEGINNING = """\
# To whom backups are encrypted: one age recipient a line. Lines that begin with # say nothing.
# `pantry-tui key rotate --add … --retire …` changes this file.
"""


def with_added(text: str, recipient: PublicKey, on: date) -> str:
    """The file's text with one more recipient at its end. Raises `RefusedError` when it is there already."""
    if recipient in parse_recipients(text, key="the recipients file"):
        raise RefusedError(f"{recipient} is a recipient already", remedy="Nothing needs to be added.")
    text = text or _BEGINNING
    separator = "" if text.endswith("\n") else "\n"
    return f"{text}{separator}# added {on.isoformat()}\n{recipient}\n"


def with_retired(text: str, recipient: PublicKey, on: date) -> str:
    """The text with that recipient's line made a comment, which says since when. Everything else stays as it is."""
    lines = text.splitlines(keepends=True)
    return "".join(
        f"# retired {on.isoformat()}: {line.lstrip()}" if line.strip() == recipient.text else line for line in lines
    )


def meant_recipient(beginning: str, among: tuple[PublicKey, ...]) -> PublicKey:
    """The recipient that is written out, or whose beginning is. Raises `NotFoundError`, `UsageError` for several."""
    beginning = beginning.strip()
    exact = [recipient for recipient in among if recipient.text == beginning]
    found = exact or [
        recipient
        for recipient in among
        if len(beginning) >= SHORTEST_BEGINNING and recipient.text.startswith(beginning)
    ]
    if len(found) > 1:
        raise UsageError(f"{beginning} begins several recipients", remedy="Give more of it.")
    if not found:
        raise NotFoundError(
            f"{beginning!r} is none of the recipients", remedy="`pantry-tui key show` lists them; copy one whole."
        )
    return found[0]


def write_recipients_file(path: Path, text: str) -> None:
    """Replaces the file at once, with the mode and owner that it had; a new one is readable for its owner.

    Raises `StorageError`; the old content stays then.
    """
    with storage_errors(path, "writing the recipients"):
        path = path.resolve()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = write_beside(path, text.encode())
        try:
            if path.exists():
                before = path.stat()
                os.chown(temporary, before.st_uid, before.st_gid)
                temporary.chmod(before.st_mode & 0o7777)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        fsync_directory(path.parent)
