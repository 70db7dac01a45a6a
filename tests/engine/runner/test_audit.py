"""The audit trail: whole, in a chain, harmless to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pantry_tui.errors import StorageError
from pantry_tui.runner.audit import AUDIT_NAME, AuditTrail, entries, problems
from pantry_tui.runner.peer import Peer, own_headers


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """The file of a trail with five entries."""
    audit = AuditTrail(tmp_path)
    for number in range(5):
        audit.append("alice", "backup.delete", f"backup-{number}", "done", {"force": False})
    return tmp_path / AUDIT_NAME


def test_entries_are_read_back(trail: Path) -> None:
    found = list(entries(trail.parent))

    assert [entry.object for entry in found] == [f"backup-{number}" for number in range(5)]
    assert problems(trail.parent) == []


def test_there_is_nothing_wrong_with_no_trail(tmp_path: Path) -> None:
    assert (list(entries(tmp_path)), problems(tmp_path)) == ([], [])


@pytest.mark.parametrize(
    ("harm", "place"),
    [
        (lambda lines: [*lines[:1], lines[1].replace(b"alice", b"mallory"), *lines[2:]], "line 3"),
        (lambda lines: lines[:2] + lines[3:], "line 3"),
        (lambda lines: lines[1:], "line 1"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 2"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 4"),
        (lambda lines: [*lines[:3], b"{}", *lines[4:]], "line 4"),
    ],
    ids=["changed", "removed", "beginning removed", "swapped", "doubled", "destroyed"],
)
def test_a_changed_trail_shows(trail: Path, harm: Callable[[list[bytes]], list[bytes]], place: str) -> None:
    trail.write_bytes(b"\n".join(harm(trail.read_bytes().splitlines())) + b"\n")

    assert problems(trail.parent)[0].startswith(place)


def test_the_chain_goes_on_with_the_next_process(trail: Path) -> None:
    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")

    assert [entry.who for entry in entries(trail.parent)][-1] == "bob"
    assert problems(trail.parent) == []


@pytest.mark.parametrize("cut", [1, 30])
def test_a_line_cut_by_a_crash_stays_and_shows(trail: Path, cut: int) -> None:
    trail.write_bytes(trail.read_bytes()[:-cut])

    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")

    assert [entry.who for entry in entries(trail.parent)][-1] == "bob"
    assert problems(trail.parent) == ([] if cut == 1 else ["line 5 is not a readable entry"])


def test_a_last_line_longer_than_any_buffer(tmp_path: Path) -> None:
    AuditTrail(tmp_path).append("alice", "job.submit", "x" * 300_000, "accepted")
    AuditTrail(tmp_path).append("alice", "job.submit", "y", "accepted")

    assert problems(tmp_path) == []


def test_names_cannot_drive_a_terminal(tmp_path: Path) -> None:
    name = "crm\x1b[2J\n\x9b31m\u202e\u2028"
    AuditTrail(tmp_path).append("alice", "job.submit", name, "accepted", {"title": name})

    text = (tmp_path / AUDIT_NAME).read_text()
    assert text.count("\n") == 1
    assert text.rstrip("\n").isprintable()
    assert json.loads(text)["object"] == name


def test_a_trail_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / AUDIT_NAME).mkdir()

    with pytest.raises(StorageError, match=r"audit\.jsonl"):
        AuditTrail(tmp_path).append("alice", "job.submit", "x", "accepted")


def test_what_could_not_be_written_is_written_with_the_next(tmp_path: Path) -> None:
    audit = AuditTrail(tmp_path)
    audit.append("alice", "runner.start", "runner", "started")
    trail = tmp_path / AUDIT_NAME
    saved = trail.rename(tmp_path / "saved")
    trail.mkdir()
    audit.note("alice", "backup.delete", "backup-1", "done")
    trail.rmdir()
    saved.rename(trail)

    audit.note("alice", "runner.end", "runner", "ended")

    assert [entry.action for entry in entries(tmp_path)] == ["runner.start", "backup.delete", "runner.end"]
    assert problems(tmp_path) == []


def test_a_client_says_the_way_it_came() -> None:
    headers = own_headers({"SUDO_USER": "al\x1bice", "SSH_CLIENT": "192.0.2.7 50022 22"})

    peer = Peer(pid=1, uid=0, sudo_user=headers["X-Pantry-Sudo-User"], ssh_client=headers["X-Pantry-SSH-Client"])

    assert peer.name == "root (sudo by alice, ssh from 192.0.2.7)"
    assert peer.may_use
    assert not Peer(pid=1, uid=4_000_000).may_use
