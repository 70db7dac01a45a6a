"""The chain of backups: what somebody removed is missed, what was deleted on purpose is not."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantry_tui.artifact.manifest import PreviousBackup, encode_manifest
from pantry_tui.errors import BackupDamagedError
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.tombstones import Tombstone, read_tombstone, write_tombstone
from tests.unit.repository.samples import NOON, every_changed_byte, local_repository, publish_backup


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")


def publish(local: LocalRepository, hour: int, database: str = "crm") -> str:
    return publish_backup(local, at=NOON + timedelta(hours=hour), database=database, source=database)


def previous(local: LocalRepository, backup_id: str) -> str | None:
    found = local.manifest(backup_id).previous
    return found.id if found else None


def remove(local: LocalRepository, backup_id: str) -> None:
    """What somebody else does."""
    shutil.rmtree(local.directory / backup_id)


def missed(local: LocalRepository) -> list[str]:
    return sorted(problem.split()[1] for problem in local.signature_problems() if " is gone, " in problem)


class TestLinks:
    def test_each_names_the_one_before_of_its_database(self, local: LocalRepository) -> None:
        crm = [publish(local, 0), publish(local, 2), publish(local, 4)]
        shop = [publish(local, 1, "shop"), publish(local, 3, "shop")]
        assert [previous(local, made) for made in crm] == [None, *crm[:2]]
        assert [previous(local, made) for made in shop] == [None, shop[0]]
        assert local.manifest(crm[1]).previous == local.stored_manifest(crm[0]).link
        assert local.signature_problems() == []

    def test_the_one_before_is_the_last_that_was_published(self, local: LocalRepository) -> None:
        """Its id may be later: a backup that took long was begun before it."""
        short, long, next_one = publish(local, 2), publish(local, 1), publish(local, 3)
        assert (previous(local, long), previous(local, next_one)) == (short, long)

    def test_one_that_cannot_be_read_is_passed_over(self, local: LocalRepository) -> None:
        first, damaged = publish(local, 0), publish(local, 1)
        (local.path(damaged) / "manifest.json").write_bytes(b"{")
        assert previous(local, publish(local, 2)) == first

    def test_of_many_at_once_each_follows_another(self, local: LocalRepository) -> None:
        local.prepare()
        publish(local, 0)

        def publish_another(hour: int) -> str | None:
            own = local_repository(local.directory)
            return previous(own, publish(own, hour))

        with ThreadPoolExecutor(4) as threads:
            named = list(threads.map(publish_another, range(1, 13)))
        assert len(set(named)) == 12


class TestMissing:
    def test_a_backup_that_somebody_removed(self, local: LocalRepository) -> None:
        made = [publish(local, hour) for hour in range(3)]
        remove(local, made[1])
        assert local.signature_problems() == [
            f"backup {made[1]} is gone, and this program did not delete it: backup {made[2]} names it as the one before"
        ]

    def test_backups_that_were_deleted_are_not_missed(self, local: LocalRepository) -> None:
        made = [publish(local, hour) for hour in range(5)]
        for backup_id in (made[1], made[3], made[4], made[0]):
            local.delete(backup_id, by="anna", force=True)
        assert local.signature_problems() == []

    def test_one_that_only_a_deleted_one_named(self, local: LocalRepository) -> None:
        made = [publish(local, hour) for hour in range(3)]
        local.delete(made[1], by="anna")
        remove(local, made[0])
        assert local.signature_problems() == [
            (
                f"backup {made[0]} is gone, and this program did not delete it: "
                f"the tombstone of {made[1]} names it as the one before"
            )
        ]

    def test_what_a_stranger_names_is_not_followed(self, local: LocalRepository) -> None:
        """A link becomes part of a tombstone's path: nobody may choose where that leads."""
        made = publish(local, 0)
        for forged in ("../../outside", "20200101T000000Z-never-0000"):
            directory = local.path(made)
            manifest = msgspec.structs.replace(
                local.manifest(made), previous=PreviousBackup(id=forged, sha256="0" * 64)
            )
            (directory / "manifest.json").write_bytes(encode_manifest(manifest))
            (directory / "manifest.json.sig").unlink(missing_ok=True)
            assert local.forget_missing(by="somebody") == []
        assert not (local.directory / "tombstones").exists()
        stone = Tombstone(id="../../x", manifest_sha256=None, previous=None, at=NOON, by="somebody", forced=True)
        with pytest.raises(BackupDamagedError):
            write_tombstone(local.tombstones, stone, local.authority)

    def test_removals_that_are_known_are_forgotten(self, local: LocalRepository) -> None:
        made = [publish(local, hour) for hour in range(4)]
        remove(local, made[1])
        remove(local, made[2])
        assert local.forget_missing(by="anna") == [made[2]], "nobody names the other one any more"
        assert local.signature_problems() == []
        assert local.forget_missing(by="anna") == []
        assert previous(local, publish(local, 4)) == made[3]

    def test_a_manifest_that_was_exchanged(self, local: LocalRepository) -> None:
        """Signed well, by our own key, and still not the one that was published then."""
        made = [publish(local, hour) for hour in range(2)]
        directory, kept = local.path(made[0]), local.manifest(made[0])
        remove(local, made[0])
        staged = local.begin(made[0])
        for file in kept.files:
            (staged.path / file.name).write_bytes(b"x" * file.bytes)
        local.publish(staged, kept)
        assert local.path(made[0]) == directory
        assert local.signature_problems() == [
            f"the manifest of backup {made[0]} is not the one that backup {made[1]} names: it was changed or exchanged"
        ]


class TestTombstones:
    @pytest.fixture
    def made(self, local: LocalRepository) -> list[str]:
        """Three backups, the second of them deleted."""
        made = [publish(local, hour) for hour in range(3)]
        self.link = local.stored_manifest(made[1]).link
        local.delete(made[1], by="anna", force=True)
        return made

    def test_what_one_says(self, local: LocalRepository, made: list[str]) -> None:
        found = read_tombstone(local.tombstones, made[1], local.authority)
        assert (found.id, found.by, found.forced) == (made[1], "anna", True)
        assert found.manifest_sha256 == self.link.sha256
        assert found.previous == local.stored_manifest(made[0]).link
        assert [path.name for path in (local.directory / "tombstones").iterdir()] == [f"{made[1]}.json"]

    def test_every_changed_byte_is_found(self, local: LocalRepository, made: list[str]) -> None:
        for _ in every_changed_byte(local.directory / "tombstones" / f"{made[1]}.json"):
            assert missed(local) == [made[1]]
            assert len(local.signature_problems()) == 2

    def test_one_that_was_removed(self, local: LocalRepository, made: list[str]) -> None:
        (local.directory / "tombstones" / f"{made[1]}.json").unlink()
        assert missed(local) == [made[1]]

    def test_a_strangers_says_nothing(self, local: LocalRepository, made: list[str], tmp_path: Path) -> None:
        remove(local, made[0])
        forged = Tombstone(id=made[0], manifest_sha256=None, previous=None, at=NOON, by="anna", forced=False)
        write_tombstone(local.tombstones, forged, Authority(tmp_path / "stranger"))
        assert missed(local) == [made[0]]

    def test_that_of_another_backup_says_nothing(self, local: LocalRepository, made: list[str]) -> None:
        remove(local, made[0])
        folder = local.directory / "tombstones"
        shutil.copy(folder / f"{made[1]}.json", folder / f"{made[0]}.json")
        assert missed(local) == [made[0]]
        assert any("tombstone of another backup" in problem for problem in local.signature_problems())

    def test_a_backup_that_was_put_back(self, local: LocalRepository, tmp_path: Path) -> None:
        made = [publish(local, hour) for hour in range(2)]
        shutil.copytree(local.path(made[0]), tmp_path / "copy")
        local.delete(made[0], by="anna")
        shutil.copytree(tmp_path / "copy", local.directory / made[0])
        (problem,) = local.signature_problems()
        assert problem.startswith(f"backup {made[0]} is there, although anna deleted it on ")
        local.delete(made[0], by="anna")
        assert local.signature_problems() == []

    def test_one_that_cannot_be_read_leaves_one_too(self, local: LocalRepository) -> None:
        made = [publish(local, hour) for hour in range(3)]
        (local.path(made[1]) / "manifest.json").write_bytes(b"{")
        local.delete(made[1], by="anna", force=True)
        assert local.signature_problems() == []
        assert read_tombstone(local.tombstones, made[1], local.authority).previous is None


def test_every_history_is_told_from_every_theft(tmp_path: Path) -> None:
    """Against a model: whoever is still there, or was deleted properly, misses the one that it names."""
    steps = st.lists(
        st.tuples(st.sampled_from(["publish", "publish", "delete", "steal"]), st.integers(0, 5)), max_size=14
    )

    @settings(max_examples=25, deadline=None)
    @given(steps)
    def check(history: list[tuple[str, int]]) -> None:
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            local = local_repository(Path(place) / "backups")
            local.prepare()
            hours = itertools.count()
            there: list[str] = []
            named: dict[str, PreviousBackup | None] = {}
            deleted: set[str] = set()
            for step, number in history:
                if step == "publish":
                    there.append(publish(local, next(hours), "shop" if number % 2 else "crm"))
                    named[there[-1]] = local.manifest(there[-1]).previous
                elif there:
                    chosen = there.pop(number % len(there))
                    if step == "delete":
                        local.delete(chosen, by="anna", force=True)
                        deleted.add(chosen)
                    else:
                        remove(local, chosen)
            wanted = {link.id for by in (*there, *deleted) if (link := named[by]) is not None}
            assert set(missed(local)) == wanted - {*there} - deleted

    check()
