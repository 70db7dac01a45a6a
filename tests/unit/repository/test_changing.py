"""Marks and deletions, also several at once."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.artifact.files import create_exclusive
from pantry_tui.errors import (
    BackupDamagedError,
    NotFoundError,
    RefusedError,
    StorageError,
    UsageError,
)
from pantry_tui.models import MarkRequest
from pantry_tui.repository import staging
from pantry_tui.repository.local import LocalRepository, ProofRecord, new_backup_id
from pantry_tui.repository.staging import remove_backup_directory
from tests.unit.repository.samples import NOON, local_repository, publish_backup


class TestMarks:
    def mark(
        self, local: LocalRepository, made: str, *, pinned: bool | None = None, label: str | None = None
    ) -> tuple[bool, str]:
        marked = local.mark(made, MarkRequest(pinned=pinned, label=label), by="somebody")
        assert marked == local.summary(made)
        return marked.pinned, marked.label

    def test_the_newest_mark_counts(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        assert (local.summary(made).pinned, local.summary(made).label) == (False, "")
        assert self.mark(local, made, pinned=True) == (True, "")
        assert self.mark(local, made, label="before 2.4") == (True, "before 2.4")
        assert self.mark(local, made, pinned=False, label="after 2.4") == (False, "after 2.4")
        assert self.mark(local, made, label="") == (False, "")
        assert self.mark(local, made) == (False, "")
        assert local.problems(made) == []
        assert local.oddities(made) == []

    def test_nothing_that_was_written_is_written_again(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        self.mark(local, made, pinned=True)
        before = {path.name: path.read_bytes() for path in local.path(made).iterdir()}
        self.mark(local, made, pinned=False)
        after = {path.name: path.read_bytes() for path in local.path(made).iterdir()}
        assert before.items() < after.items()

    def test_a_pinned_backup_is_not_deleted(self, local: LocalRepository) -> None:
        publish_backup(local)
        made = publish_backup(local, at=NOON + timedelta(hours=1))
        self.mark(local, made, pinned=True)
        with pytest.raises(RefusedError, match="is pinned, by somebody on ") as caught:
            local.delete(made, by="anna")
        assert f"unpin {made}" in str(caught.value.remedy)
        self.mark(local, made, pinned=False)
        local.delete(made, by="anna")
        assert made not in local.ids()

    @pytest.mark.parametrize("label", ["x" * 201, "two\nlines", "\x1b[2J", "\x9b", "\u2028"])
    def test_what_a_label_cannot_be(self, local: LocalRepository, label: str) -> None:
        made = publish_backup(local)
        with pytest.raises(UsageError, match="the label of a backup"):
            self.mark(local, made, pinned=True, label=label)
        assert local.records(made) == ()

    def test_an_unreadable_mark_marks_nothing(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        self.mark(local, made, pinned=True)
        (local.path(made) / "pin-29990101T000000Z-0000.json").write_bytes(b'{"kind":"pin"}')
        assert local.summary(made).pinned
        assert len(local.oddities(made)) == 1

    def test_what_cannot_be_read_is_not_marked(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.path(made) / "manifest.json").write_bytes(b"{")
        with pytest.raises(BackupDamagedError):
            self.mark(local, made, pinned=True)
        assert local.records(made) == ()


class TestDeleting:
    def test_the_last_valid_backup_of_a_database_stays(self, local: LocalRepository) -> None:
        crm = publish_backup(local)
        publish_backup(local, database="shop", source="shop")
        publish_backup(local, database="crm", source="crm_test")
        with pytest.raises(RefusedError, match=f"{crm} is the last valid backup of the database crm") as caught:
            local.delete(crm, by="anna")
        assert "--force" in str(caught.value.remedy)
        assert local.problems(crm) == []
        local.delete(crm, by="anna", force=True)
        assert crm not in local.ids()
        assert not (local.directory / crm).exists()

    def test_one_of_two_goes(self, local: LocalRepository) -> None:
        first, second = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        local.delete(second, by="anna")
        assert local.ids() == [first]
        with pytest.raises(RefusedError):
            local.delete(first, by="anna")

    @pytest.mark.parametrize("fault", ["invalid", "manifest", "missing", "short"])
    def test_a_bad_backup_replaces_nothing_and_may_go(self, local: LocalRepository, fault: str) -> None:
        good, bad = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        if fault == "invalid":
            local.add_record(bad, ProofRecord(kind="validation", at=NOON, ok=False))
        elif fault == "manifest":
            (local.path(bad) / "manifest.json").write_bytes(b"{")
        elif fault == "missing":
            (local.path(bad) / "crm.sql.gz").unlink()
        else:
            os.truncate(local.path(bad) / "crm.sql.gz", 3)
        with pytest.raises(RefusedError, match="last valid backup"):
            local.delete(good, by="anna")
        if fault == "manifest":
            with pytest.raises(RefusedError, match="cannot be read"):
                local.delete(bad, by="anna")
        local.delete(bad, by="anna", force=fault == "manifest")
        assert local.ids() == [good]

    def test_what_it_did_not_make_is_not_deleted(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.path(made) / "mine").mkdir()
        with pytest.raises(RefusedError, match="mine"):
            local.delete(made, by="anna", force=True)
        assert local.ids() == [made]

    def test_links_inside_go_and_not_what_they_point_to(self, local: LocalRepository, tmp_path: Path) -> None:
        made = publish_backup(local)
        (tmp_path / "kept").write_bytes(b"")
        (local.path(made) / "link").symlink_to(tmp_path / "kept")
        local.delete(made, by="anna", force=True)
        assert (tmp_path / "kept").exists()

    def test_an_unknown_id(self, local: LocalRepository) -> None:
        local.prepare()
        with pytest.raises(NotFoundError):
            local.delete(new_backup_id("daily", NOON), by="anna", force=True)


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    """Starts the work in another thread and gives it time to get in between, if it can."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=0.3)
    return thread


class TestAtOnce:
    def test_two_deletions_do_not_each_leave_the_last_backup_to_the_other(
        self, local: LocalRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        refused: list[RefusedError] = []
        threads: list[threading.Thread] = []

        def delete_second() -> None:
            try:
                local_repository(local.directory).delete(second, by="anna")
            except RefusedError as error:
                refused.append(error)

        def remove(path: Path) -> None:
            if not threads:
                threads.append(meanwhile(delete_second))
            remove_backup_directory(path)

        monkeypatch.setattr("pantry_tui.repository.deletion.remove_backup_directory", remove)
        local.delete(first, by="anna")
        threads[0].join()
        assert local.ids() == [second]
        assert len(refused) == 1

    def test_nobody_cleans_up_what_has_just_begun(
        self, local: LocalRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[threading.Thread] = []
        cleaned: list[str] = []

        def create(path: Path) -> int:
            threads.append(meanwhile(lambda: cleaned.extend(local.clean_leftovers())))
            return create_exclusive(path)

        monkeypatch.setattr("pantry_tui.repository.staging.create_exclusive", create)
        staged = local.begin(new_backup_id("daily", NOON))
        threads[0].join()
        assert cleaned == []
        assert staged.path.is_dir()
        local.discard(staged)


def test_nobody_waits_for_a_lock_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "LOCK_SECONDS", 0.05)
    local = local_repository(tmp_path / "backups")
    publish_backup(local)
    with (local.directory / staging.LOCK_NAME).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match=r"another process has kept the repository's lock"):
            local.clean_leftovers()
    assert local.clean_leftovers() == []
