"""The recipients file is changed line by line, and everything else in it stays."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from stat import S_IMODE

import pytest

from pantry_tui.artifact.age import X25519Identity, parse_recipients
from pantry_tui.artifact.recipients_file import meant_recipient, with_added, with_retired, write_recipients_file
from pantry_tui.errors import NotFoundError, RefusedError, StorageError, UsageError

TODAY = date(2026, 11, 23)
OFFICE, SAFE, NEW = (X25519Identity.generate().recipient for _ in range(3))
TEXT = f"# the office, room 12\r\n{OFFICE}\r\n\n# the safe\n  {SAFE}  \n# end"


def test_one_is_added_at_the_end() -> None:
    assert with_added(TEXT, NEW, TODAY) == f"{TEXT}\n# added 2026-11-23\n{NEW}\n"
    first = with_added("", NEW, TODAY)
    assert first.startswith("# To whom backups are encrypted")
    assert parse_recipients(first, key="r") == (NEW,)


def test_none_is_added_twice() -> None:
    with pytest.raises(RefusedError, match="is a recipient already"):
        with_added(TEXT, SAFE, TODAY)


def test_a_retired_one_stays_as_a_comment() -> None:
    changed = with_retired(TEXT, SAFE, TODAY)
    assert changed == TEXT.replace(f"  {SAFE}  \n", f"# retired 2026-11-23: {SAFE}  \n")
    assert parse_recipients(changed, key="r") == (OFFICE,)
    assert parse_recipients(with_added(changed, SAFE, TODAY), key="r") == (OFFICE, SAFE)


def test_a_recipient_is_meant_by_its_beginning() -> None:
    among = (OFFICE, SAFE, NEW)
    assert meant_recipient(SAFE.text, among) == SAFE
    assert meant_recipient(f" {SAFE.text[:20]}", among) == SAFE
    for beginning in (SAFE.text[:11], "age1", "", SAFE.text + "q"):
        with pytest.raises(NotFoundError):
            meant_recipient(beginning, among)


def test_a_beginning_of_two_is_refused() -> None:
    # a prefix that two recipients share is not found by trying: the same one twice stands for them
    with pytest.raises(UsageError, match="begins several"):
        meant_recipient(SAFE.text[:20], (SAFE, SAFE))


def test_mode_and_owner_stay(tmp_path: Path) -> None:
    file = tmp_path / "recipients.txt"
    file.write_text("old")
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)
    write_recipients_file(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "recipients.txt"]


def test_a_new_file_is_private(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "recipients.txt"
    write_recipients_file(file, "new")
    assert S_IMODE(file.stat().st_mode) == 0o600


def test_what_cannot_be_written_leaves_the_old(tmp_path: Path) -> None:
    file = tmp_path / "recipients.txt"
    file.mkdir()
    with pytest.raises(StorageError, match="writing the recipients"):
        write_recipients_file(file, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["recipients.txt"]
