"""Notices on their way: none lost, none in the way, many as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.errors import ConfigError, NotificationError, NotificationRefusedError, PantryError
from pantry_tui.events import Logged, NotificationFailed
from pantry_tui.models import Notice, Outcome, Receiver, ReceiverKind, utc_now
from pantry_tui.notify.queue import FOLDER, NoticeQueue
from pantry_tui.runner import post
from pantry_tui.runner.audit import AuditTrail, entries
from pantry_tui.runner.joblog import JobLog, read_events
from pantry_tui.runner.post import Pace, PostOffice

OPS = Receiver(name="ops", kind=ReceiverKind.SLACK, url="env:HOOK")
ANNA = Receiver(name="anna", kind=ReceiverKind.SLACK, url="env:OTHER")
PING = Receiver(name="the ping", kind=ReceiverKind.PING, url="env:PING")
AT_ONCE = Pace(gather=0.0, quiet=0.0)


def notice(number: int = 1, outcome: Outcome = Outcome.FAILED) -> Notice:
    return Notice(outcome=outcome, subject=f"[pantry-tui] message {number}", text=f"text {number}\n")


class World:
    """Where the notices go: it takes them, or fails so many times, or holds them."""

    def __init__(self, failures: int = 0) -> None:
        self.got: list[tuple[str, Notice]] = []
        self.tries = 0
        self.tried = asyncio.Event()
        self._news = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self._failures = failures

    async def deliver(self, receiver: Receiver, notice: Notice) -> None:
        self.tries += 1
        self.tried.set()
        self._news.set()
        await self.open.wait()
        if self.tries <= self._failures:
            raise NotificationError(f"{receiver.name} could not be told: no network")
        self.got.append((receiver.name, notice))
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()

    @property
    def subjects(self) -> list[str]:
        return [notice.subject for _, notice in self.got]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    return tmp_path


Open = Callable[..., PostOffice]


@pytest.fixture
def opened(directory: Path) -> Open:
    def open_office(world: World, pace: Pace = AT_ONCE) -> PostOffice:
        return PostOffice(directory, AuditTrail(directory), deliver=world.deliver, pace=pace)

    return open_office


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again without waiting."""
    monkeypatch.setattr(post, "BACK_OFF_SECONDS", (0.0,))


async def test_everybody_is_told_and_nothing_is_kept(opened: Open, directory: Path) -> None:
    world = World()
    office = opened(world)
    log = JobLog(directory, "job-1")
    log.close()
    office.tell([OPS, ANNA], notice(), job_id="job-1")
    assert len(NoticeQueue(directory).waiting()) == 2  # on disk before anything is sent
    await office.close()
    assert sorted(name for name, _ in world.got) == ["anna", "ops"]
    assert NoticeQueue(directory).waiting() == []
    said = [event.message for event in read_events(directory, "job-1") if isinstance(event, Logged)]
    assert sorted(said) == ["anna was told (slack)", "ops was told (slack)"]


async def test_fifty_failures_are_one_message(opened: Open) -> None:
    world = World()
    office = opened(world, Pace(gather=3600.0))
    for number in range(50):
        office.tell([OPS], notice(number))
    await office.close()
    [(_, digest)] = world.got
    assert digest.subject == "[pantry-tui] 50 messages: 50 failed"
    assert all(f"text {number}\n" in digest.text for number in range(50))


async def test_the_same_name_elsewhere_is_somebody_else(opened: Open) -> None:
    """Clients with other configurations share a runner."""
    world = World()
    office = opened(world, Pace(gather=3600.0))
    office.tell([OPS], notice(1))
    office.tell([msgspec.structs.replace(OPS, url="env:ELSEWHERE")], notice(2))
    await office.close()
    assert sorted(world.subjects) == ["[pantry-tui] message 1", "[pantry-tui] message 2"]


async def test_after_one_message_others_wait_and_go_together(opened: Open) -> None:
    world = World()
    office = opened(world, Pace(gather=0.0, quiet=3600.0))
    office.tell([OPS], notice(1))
    await world.tried.wait()
    for number in (2, 3):
        office.tell([OPS], notice(number, Outcome.SUCCEEDED))
    await office.close()
    assert world.subjects == ["[pantry-tui] message 1", "[pantry-tui] 2 messages: 2 succeeded"]


async def test_what_failed_is_told_by_the_next_runner(opened: Open, directory: Path) -> None:
    failing = World(failures=1000)
    office = opened(failing)
    office.tell([OPS], notice(1), job_id=None)
    await failing.tried.wait()
    await office.close()
    assert office.untold == 1
    [waiting] = NoticeQueue(directory).waiting()
    assert (waiting.attempts, waiting.problem) == (1, "ops could not be told: no network")

    later = World()
    office = opened(later)
    office.start()
    await office.close()  # not before its time
    assert later.got == []
    queue = NoticeQueue(directory)
    queue.put(msgspec.structs.replace(waiting, due_at=waiting.at))
    office = opened(later)
    office.start()
    await later.tried.wait()
    await office.close()
    assert later.subjects == ["[pantry-tui] message 1"]
    assert queue.waiting() == []


async def test_each_failure_is_to_be_seen(opened: Open, directory: Path, at_once: None) -> None:
    world = World(failures=2)
    office = opened(world)
    heard: list[NotificationFailed] = []
    office.listeners.append(heard.append)
    JobLog(directory, "job-1").close()
    office.tell([OPS], notice(), job_id="job-1")
    await world.until(lambda: bool(world.got))
    await office.close()
    assert [(each.receiver, each.attempts, each.given_up) for each in heard] == [
        ("ops", 1, False),
        ("ops", 2, False),
    ]
    assert office.untold == 0
    assert len(read_events(directory, "job-1")) == 3  # both failures, and that it was told


async def test_one_that_hangs_holds_up_nobody_else(opened: Open, directory: Path) -> None:
    world = World()
    world.open.clear()
    stuck = opened(world)
    stuck.tell([OPS], notice())
    await world.tried.wait()
    stuck.tell([ANNA], notice())
    await world.until(lambda: world.tries == 2)
    await stuck.close(seconds=0.01)
    assert world.got == []
    assert len(NoticeQueue(directory).waiting()) == 2


async def test_it_is_given_up_after_days(
    opened: Open, directory: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "GIVEN_UP_AFTER", -post.GIVEN_UP_AFTER)
    world = World(failures=1)
    office = opened(world)
    office.tell([OPS], notice())
    await world.tried.wait()
    await office.close()
    assert NoticeQueue(directory).waiting() == []
    [entry] = entries(directory)
    assert (entry.object, entry.result) == ("ops", "given up")


MAIL = Receiver(name="ops", kind=ReceiverKind.EMAIL, host="h", sender="a@h", to=("anna@h", "bob@h"))


async def test_addresses_share_no_trouble(directory: Path) -> None:
    got: list[tuple[str, ...]] = []

    async def deliver(receiver: Receiver, notice: Notice) -> None:
        got.append(receiver.to)
        if receiver.to == ("anna@h",):
            raise NotificationRefusedError("no such user")

    office = PostOffice(directory, AuditTrail(directory), deliver=deliver, pace=AT_ONCE)
    office.tell([MAIL], notice())
    await office.close()

    assert sorted(got) == [("anna@h",), ("bob@h",)]
    [waiting] = NoticeQueue(directory).waiting()
    assert (waiting.receiver.to, waiting.attempts, waiting.refused) == (("anna@h",), 1, True)
    assert (waiting.due_at - waiting.at).total_seconds() >= 3600


@pytest.mark.parametrize(("error", "tries"), [(NotificationError("no network"), 76), (ConfigError("no such file"), 5)])
def test_what_is_refused_is_tried_less_often(error: PantryError, tries: int) -> None:
    refused = isinstance(error, ConfigError)
    waited = [sum(post._back_off(number, refused) for number in range(1, last + 1)) for last in (tries - 1, tries)]
    assert waited[0] <= post.GIVEN_UP_AFTER.total_seconds() < waited[1]


async def test_a_clock_that_was_ahead_silences_nobody(directory: Path) -> None:
    world, moments = World(), [utc_now() + timedelta(days=400)]
    office = PostOffice(directory, AuditTrail(directory), deliver=world.deliver, pace=AT_ONCE, now=lambda: moments[-1])
    office.tell([OPS], notice(1))
    await world.until(lambda: len(world.got) == 1)
    moments.append(utc_now())
    office.tell([OPS], notice(2))
    await world.until(lambda: len(world.got) == 2)
    await office.close()


async def test_what_was_put_off_by_a_wrong_clock_is_due(opened: Open, directory: Path) -> None:
    queue = NoticeQueue(directory)
    ahead = utc_now() + timedelta(days=400)
    queue.put(msgspec.structs.replace(queue.new(OPS, notice(1), at=ahead, job_id=None), attempts=1))
    world = World()
    office = opened(world)
    office.start()
    await world.until(lambda: len(world.got) == 1)
    await office.close()


async def test_pings_go_one_by_one_in_their_order(opened: Open) -> None:
    world = World()
    office = opened(world, Pace(gather=3600.0, quiet=3600.0))
    for number, outcome in ((1, Outcome.STARTED), (2, Outcome.SUCCEEDED)):
        office.tell([PING], notice(number, outcome))
    await world.until(lambda: len(world.got) == 2)
    assert [each.outcome for _, each in world.got] == [Outcome.STARTED, Outcome.SUCCEEDED]
    await office.close()


async def test_what_cannot_be_read_is_passed_over(opened: Open, directory: Path) -> None:
    folder = directory / FOLDER
    folder.mkdir()
    (folder / "20261123T020000-000000-abcdef.json").write_bytes(b"\xff")
    (folder / "something else").write_bytes(b"{}")
    office = opened(World())
    office.start()
    await office.close()


async def test_a_full_disk_does_not_keep_anybody_from_being_told(opened: Open, directory: Path) -> None:
    (directory / FOLDER).write_bytes(b"a file stands where the folder belongs")
    world = World()
    office = opened(world)
    office.tell([OPS], notice())
    await office.close()
    assert len(world.got) == 1
