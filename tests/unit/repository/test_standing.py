"""What the rules are told of a repository: what can be read and believed, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.errors import RefusedError
from pantry_tui.models import MarkRequest, RetentionPolicy, ScopedPolicy, utc_now
from pantry_tui.repository.local import LocalRepository, ProofRecord
from pantry_tui.repository.retention import BackupFacts, decide
from pantry_tui.repository.standing import facts_of
from tests.unit.repository.samples import NOON, local_repository, publish_backup


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")


def facts(local: LocalRepository) -> dict[str, BackupFacts]:
    return {one.id: one for one in facts_of(local)[0]}


def test_records_tell_of_pins_proofs_and_damage(local: LocalRepository) -> None:
    pinned, proven, damaged = (publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in range(3))
    local.mark(pinned, MarkRequest(pinned=True), by="anna")
    local.add_record(proven, ProofRecord(kind="restore", at=utc_now(), ok=True))
    local.add_record(damaged, ProofRecord(kind="validation", at=utc_now(), ok=False))
    found = facts(local)
    assert (found[pinned].pinned, found[pinned].proven, found[pinned].good) == (True, False, True)
    assert (found[proven].pinned, found[proven].proven, found[proven].good) == (False, True, True)
    assert not found[damaged].good
    assert (found[pinned].database, found[pinned].source, found[pinned].at) == ("crm", "crm_production", NOON)


def test_a_file_of_another_size_is_damage(local: LocalRepository) -> None:
    made = publish_backup(local)
    file = next(path for path in (local.directory / made).iterdir() if path.name.endswith(".gz"))
    file.write_bytes(file.read_bytes()[:-1])
    assert not facts(local)[made].good


def test_what_cannot_be_read_or_believed_is_told_and_stays(local: LocalRepository, tmp_path: Path) -> None:
    good, cut = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
    (local.directory / cut / "manifest.json").write_bytes(b"{")
    stranger = LocalRepository(local.target, tmp_path / "another installation")
    foreign = publish_backup(stranger, at=NOON + timedelta(hours=2))
    found, unread = facts_of(local)
    assert [one.id for one in found] == [good]
    assert len(unread) == 2
    assert any(cut in words for words in unread)
    assert any(foreign in words for words in unread)


def test_an_empty_place_has_no_facts(local: LocalRepository) -> None:
    assert facts_of(local) == ([], [])


def drilled(local: LocalRepository, backup_id: str, *, ok: bool, hour: int = 0) -> None:
    local.add_record(backup_id, ProofRecord(kind="drill", at=NOON + timedelta(hours=hour), ok=ok))


def test_what_a_drill_could_not_restore_pushes_nothing_out(local: LocalRepository) -> None:
    old, new = publish_backup(local), publish_backup(local, at=NOON + timedelta(days=60))
    drilled(local, new, ok=False)
    policies = [ScopedPolicy(policy=RetentionPolicy(count=1))]

    verdicts = {verdict.backup_id: verdict for verdict in decide(facts_of(local)[0], policies, utc_now())}

    assert verdicts[old].kept
    assert verdicts[new].reasons == ("shown by a drill not to restore, and not older than all that are kept",)
    with pytest.raises(RefusedError, match="last valid backup"):
        local.delete(old, by="anna")
    local.delete(new, by="anna")


def test_a_later_drill_that_succeeds_makes_it_count_again(local: LocalRepository) -> None:
    old, new = publish_backup(local), publish_backup(local, at=NOON + timedelta(days=60))
    drilled(local, new, ok=False)
    drilled(local, new, ok=True, hour=1)

    assert facts(local)[new].good
    local.delete(old, by="anna")


def test_the_only_backup_stays_although_it_does_not_restore(local: LocalRepository) -> None:
    made = publish_backup(local)
    drilled(local, made, ok=False)

    with pytest.raises(RefusedError, match="last valid backup"):
        local.delete(made, by="anna")
