"""The audit trail: whole, in a chain, harmless to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.errors import StorageError
from pantry_tui.models import AuditEntry, utc_now
from pantry_tui.runner.audit import AUDIT_NAME, AuditTrail, entries, examine, problems
from pantry_tui.runner.audit_choice import AuditChoice
from pantry_tui.runner.audit_witness import WITNESS_NAME, read_witness, spelled_witness
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
    noted = (trail.parent / WITNESS_NAME).read_bytes()
    AuditTrail(trail.parent).append("alice", "backup.delete", "backup-5", "done")
    trail.write_bytes(trail.read_bytes()[:-cut])
    (trail.parent / WITNESS_NAME).write_bytes(noted)  # which is written after the line

    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")

    assert [entry.who for entry in entries(trail.parent)][-1] == "bob"
    assert problems(trail.parent) == ([] if cut == 1 else ["line 6 is not a readable entry"])


@pytest.mark.parametrize(("kept", "missing"), [(4, "1 line is"), (2, "3 lines are"), (0, "5 lines are")])
def test_lines_cut_off_at_the_end_show_and_are_not_forgotten(trail: Path, kept: int, missing: str) -> None:
    trail.write_bytes(b"".join(trail.read_bytes().splitlines(keepends=True)[:kept]))
    assert problems(trail.parent) == [f"{missing} missing at the end: there were 5"]

    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")

    found = problems(trail.parent)
    assert found == [f"line {kept + 1} says of what was before it: {missing} missing at the end: there were 5"]
    assert [entry.action for entry in entries(trail.parent)][kept:] == ["audit.examine", "runner.start"]


def test_a_last_line_of_somebody_else_shows(trail: Path) -> None:
    other = AuditTrail(trail.parent / "other")
    (trail.parent / "other").mkdir()
    for number in range(5):
        other.append("mallory", "backup.delete", f"backup-{number}", "done")
    trail.write_bytes((trail.parent / "other" / AUDIT_NAME).read_bytes())

    assert problems(trail.parent) == ["line 5 is another one than was noted when it was the last"]


def test_a_trail_without_the_note_of_its_end_is_told_of(trail: Path) -> None:
    (trail.parent / WITNESS_NAME).unlink()
    assert "audit.head is missing" in problems(trail.parent)[0]

    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")

    assert [problem[:7] for problem in problems(trail.parent)] == ["line 6 "]


def test_an_end_that_was_kept_elsewhere_proves_what_was_before_it(trail: Path) -> None:
    kept = examine(trail.parent).end
    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")
    assert examine(trail.parent, spelled_witness(str(kept))).problems == ()

    (trail.parent / WITNESS_NAME).unlink()
    trail.unlink()
    forger = AuditTrail(trail.parent)
    for number in range(6):
        forger.append("mallory", "backup.delete", f"backup-{number}", "done")

    assert problems(trail.parent) == []  # whoever may write here can make a trail that is whole
    assert [problem.line for problem in examine(trail.parent, kept).problems] == [None]


def test_the_end_is_found_without_going_through_the_trail(trail: Path) -> None:
    damaged = trail.read_bytes().replace(b"backup-1", b"backup-X")
    trail.write_bytes(damaged)

    AuditTrail(trail.parent).append("bob", "runner.start", "runner", "started")

    assert [problem[:7] for problem in problems(trail.parent)] == ["line 3 "]


@pytest.mark.parametrize("text", ["", "5", "5:", "-1:" + "0" * 64, "5:" + "0" * 63, "5:" + "G" * 64])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number and hash"):
        spelled_witness(text)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"lines":-1,"sha256":"0"}'])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / WITNESS_NAME).write_bytes(content)

    assert read_witness(tmp_path) is None


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
    headers = own_headers({"SUDO_USER": "al\x1bice)\n", "SSH_CLIENT": "192.0.2.7 50022 22"})

    peer = Peer(pid=1, uid=0, sudo_user=headers["X-Pantry-Sudo-User"], ssh_client=headers["X-Pantry-SSH-Client"])

    assert peer.name == "root (says: sudo by alice, ssh from 192.0.2.7)"
    assert peer.user == "root"
    assert peer.may_use
    assert not Peer(pid=1, uid=4_000_000).may_use


@pytest.mark.parametrize(
    ("claim", "started_by"),
    [
        ("root@db1", "root@db1"),
        ("root@db1 (sudo by alice)", "root@db1 (sudo by alice)"),
        ("alice@db1", "root (says: sudo by alice)"),
        ("rooted@db1", "root (says: sudo by alice)"),
        ("root@db1\x1b[2J", "root (says: sudo by alice)"),
        ("", "root (says: sudo by alice)"),
    ],
)
def test_a_claim_is_never_taken_for_the_user(claim: str, started_by: str) -> None:
    assert Peer(pid=1, uid=0, sudo_user="alice").starter(claim) == started_by


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (AuditChoice(), True),
        (AuditChoice(who="root", action="backup.*", object="crm"), True),
        (AuditChoice(who="alice"), True),  # who says to be that
        (AuditChoice(who="bob"), False),
        (AuditChoice(action="delete"), True),
        (AuditChoice(action="delete*"), False),
        (AuditChoice(object="backup-1"), True),
        (AuditChoice(object="BACKUP-1"), False),
        (AuditChoice(object="*into local"), True),
        (AuditChoice(since=utc_now() - timedelta(hours=1)), True),
        (AuditChoice(since=utc_now() + timedelta(hours=1)), False),
    ],
)
def test_entries_are_chosen(choice: AuditChoice, taken: bool) -> None:
    entry = AuditEntry(
        at=utc_now(),
        who="root (says: sudo by alice)",
        action="backup.delete",
        object="backup-1",
        result="done",
        details={"title": "backup of crm into local", "force": True},
    )

    assert entry.user == "root"
    assert choice.takes(entry) is taken
