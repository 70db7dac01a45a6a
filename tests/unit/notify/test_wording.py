"""What is said of a job: what, when, how long, what next; in lines that steer no terminal and no header."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from pantry_tui.models import Failure, Job, JobState, Notice, Outcome
from pantry_tui.notify.wording import LONGEST_DIGEST, LONGEST_SUBJECT, digest_of, notice_of

BEGUN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DONE = Job(
    id="20261123T020000Z-abc123",
    kind="backup",
    title="backup of crm into local",
    database="crm",
    state=JobState.SUCCEEDED,
    queued_at=BEGUN,
    started_at=BEGUN,
    finished_at=BEGUN + timedelta(minutes=3, seconds=5),
    started_by="anna@db1",
    backup_id="20261123T020000Z-daily-7f3a",
    result={"tables": 12, "rows": 1_700_000, "bytes": 128_000_000},
)
FAILED = msgspec.structs.replace(
    DONE,
    state=JobState.TIMED_OUT,
    backup_id=None,
    result=None,
    failure=Failure(code="timed_out", message="it took too long", remedy="give it more time", detail="secret detail"),
)


def test_a_success_tells_what_when_and_how_long() -> None:
    notice = notice_of(DONE, host="db1")
    assert (notice.outcome, notice.subject) == (
        Outcome.SUCCEEDED,
        "[pantry-tui] backup of crm into local: succeeded (db1)",
    )
    for words in ("2026-11-23 02:00:00 UTC to 2026-11-23 02:03:05 UTC", "3 min", "1,700,000", "daily-7f3a", "drill"):
        assert words in notice.text


def test_a_failure_tells_why_and_what_to_do_next() -> None:
    notice = notice_of(FAILED, host="db1")
    assert (notice.outcome, notice.subject) == (
        Outcome.FAILED,
        "[pantry-tui] backup of crm into local: timed out (db1)",
    )
    lines = notice.text.splitlines()
    assert lines[lines.index("What to do next:") + 1 :] == [
        "  give it more time",
        "  see what was done: pantry-tui job log 20261123T020000Z-abc123",
        "  look for what else is wrong: pantry-tui doctor",
    ]
    assert "it took too long" in notice.text
    assert "secret detail" not in notice.text


def test_hostile_names_stay_in_their_line() -> None:
    title = "backup of a\r\nBcc: everybody@example.com\x1b[2J" + "x" * 5000
    notice = notice_of(msgspec.structs.replace(FAILED, title=title), host="db1")
    assert notice.subject.isprintable()
    assert len(notice.subject) <= LONGEST_SUBJECT
    assert all(line.isprintable() for line in notice.text.splitlines())
    assert not any(line.startswith("Bcc") for line in notice.text.splitlines())


def test_many_are_counted_and_cut() -> None:
    notices = [Notice(outcome=Outcome.FAILED, subject=f"[pantry-tui] {n}", text="x" * 2000) for n in range(99)]
    digest = digest_of([*notices, Notice(outcome=Outcome.SUCCEEDED, subject="[pantry-tui] good", text="")])
    assert digest.outcome is Outcome.FAILED
    assert digest.subject == "[pantry-tui] 100 messages: 99 failed, 1 succeeded"
    assert len(digest.text) < LONGEST_DIGEST + 100
    assert digest.text.rstrip().endswith("more")
    assert "* good" in digest.text
