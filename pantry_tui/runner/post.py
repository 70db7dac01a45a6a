"""The notices on their way: each receiver by itself, several at once as one, tried again until they are told.

Nothing here holds a job up, and nothing that goes wrong here is a job's failure: it stands in the job's log, in the audit trail
when it is given up, and in what `doctor` and `notify list` say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from pantry_tui.errors import ConfigError, NotificationRefusedError, PantryError, StorageError
from pantry_tui.events import Event, Logged, NotificationFailed
from pantry_tui.models import Notice, Receiver, ReceiverKind, WaitingNotice, utc_now
from pantry_tui.notify.queue import NoticeQueue
from pantry_tui.notify.wording import digest_of
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.delivery import deliver
from pantry_tui.runner.joblog import append_event

BACK_OFF_SECONDS = (30.0, 120.0, 600.0, 1800.0, 3600.0)
REFUSED_BACK_OFF_SECONDS = (
    3600.0,
    6 * 3600.0,
    24 * 3600.0,
)  # somebody may correct it; and accounts are locked by trying
GIVEN_UP_AFTER = timedelta(days=3)
PING_GIVEN_UP_AFTER = timedelta(hours=1)
CLOSE_SECONDS = 8.0  # how long a runner that ends still tries

Deliver = Callable[[Receiver, Notice], Awaitable[None]]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages a person gets, in seconds."""

    gather: float = 10.0  # before one is sent: what comes meanwhile goes with it
    quiet: float = 300.0  # after one was sent


class PostOffice:
    """Has the receivers told. Everything happens on one event loop, but the sending."""

    def __init__(
        self,
        directory: Path,
        audit: AuditTrail,
        *,
        deliver: Deliver = deliver,
        pace: Pace = Pace(),  # noqa: B008  # frozen
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` dates notices, and is what the next runner goes by; ``clock``, which nobody can set, says when one is due."""
        self._directory = directory
        self._queue = NoticeQueue(directory)
        self._audit = audit
        self._deliver = deliver
        self._pace = pace
        self._now = now
        self._clock = clock
        self._lanes: dict[Receiver, _Lane] = {}  # by all that is known of it: a name may mean others elsewhere
        self._closing = False
        self.listeners: list[Callable[[NotificationFailed], None]] = []  # who hears of what could not be told

    def start(self) -> None:
        """Goes on with what an earlier runner has not told."""
        with suppress(StorageError):
            for waiting in self._queue.waiting():
                self._hand_over(waiting, self._still_to_wait(waiting))

    def tell(self, receivers: Iterable[Receiver], notice: Notice, *, job_id: str | None = None) -> None:
        """Has each of them told, some time soon; every address of a mail by itself, so that none shares another's trouble."""
        at = self._now()
        for receiver in (single for each in receivers for single in _singles(each)):
            waiting = self._queue.new(receiver, notice, at=at, job_id=job_id)
            gather = 0.0 if receiver.kind is ReceiverKind.PING else self._pace.gather
            waiting = msgspec.structs.replace(waiting, due_at=at + timedelta(seconds=gather))
            with suppress(StorageError):  # on a full disk it is told all the same, unless the runner ends first
                self._queue.put(waiting)
            self._hand_over(waiting, gather)

    @property
    def untold(self) -> int:
        """How many messages were tried in vain."""
        return sum(waiting.attempts > 0 for lane in self._lanes.values() for waiting in lane.waiting)

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Tries once more what was not tried yet, for at most so long; the rest waits for the next runner."""
        self._closing = True
        for lane in self._lanes.values():
            lane.hurry.set()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None and not lane.task.done()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _still_to_wait(self, waiting: WaitingNotice) -> float:
        """How long a notice of an earlier runner is to wait yet: of more than it ever had to, a clock is the cause."""
        seconds = (waiting.due_at - self._now()).total_seconds()
        longest = _back_off(waiting.attempts, waiting.refused) if waiting.attempts else self._pace.gather
        return seconds if 0.0 < seconds <= longest else 0.0

    def _hand_over(self, waiting: WaitingNotice, seconds: float) -> None:
        lane = self._lanes.setdefault(waiting.receiver, _Lane())
        lane.waiting.append(waiting)
        lane.due[waiting.id] = self._clock() + seconds
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._work_off(lane))

    async def _work_off(self, lane: _Lane) -> None:
        while lane.waiting:
            delay = lane.delay(self._clock())
            if self._closing and lane.is_waiting_to_retry(self._clock()):
                return
            if delay > 0 and not self._closing:
                await lane.pause(delay)
                continue
            await self._attempt(lane)

    async def _attempt(self, lane: _Lane) -> None:
        batch = lane.batch()
        try:
            await self._deliver(batch[-1].receiver, digest_of([waiting.notice for waiting in batch]))
        except PantryError as error:
            self._failed(lane, batch, error)
            return
        lane.quiet_until = self._clock() + self._pace.quiet
        for waiting in batch:
            self._forget(lane, waiting)
            self._log(waiting, Logged(message=f"{_called(waiting.receiver)} was told ({waiting.receiver.kind})"))

    def _failed(self, lane: _Lane, batch: list[WaitingNotice], error: PantryError) -> None:
        attempts = max(waiting.attempts for waiting in batch) + 1
        refused = isinstance(error, NotificationRefusedError | ConfigError)
        seconds = _back_off(attempts, refused)
        waited = timedelta(seconds=sum(_back_off(number, refused) for number in range(1, attempts + 1)))
        for waiting in batch:
            tried = msgspec.structs.replace(
                waiting,
                attempts=attempts,
                refused=refused,
                due_at=self._now() + timedelta(seconds=seconds),
                problem=error.message,
            )
            given_up = waited > GIVEN_UP_AFTER
            if waiting.receiver.kind is ReceiverKind.PING:  # one that comes late says nothing, and holds up the next
                given_up = refused or waited > PING_GIVEN_UP_AFTER
            failed = NotificationFailed(
                receiver=_called(waiting.receiver), problem=error.message, attempts=attempts, given_up=given_up
            )
            self._log(waiting, failed)
            if given_up:
                self._forget(lane, waiting)
                details = {"job": waiting.job_id, "subject": waiting.notice.subject, "failure": error.message}
                self._audit.note("runner", "notification", _called(waiting.receiver), "given up", details)
            else:
                lane.waiting[lane.waiting.index(waiting)] = tried
                lane.due[waiting.id] = self._clock() + seconds
                with suppress(StorageError):
                    self._queue.put(tried)

    def _forget(self, lane: _Lane, waiting: WaitingNotice) -> None:
        lane.waiting.remove(waiting)
        lane.due.pop(waiting.id, None)
        with suppress(StorageError):  # it is told a second time then
            self._queue.remove(waiting)

    def _log(self, waiting: WaitingNotice, event: Event) -> None:
        if isinstance(event, NotificationFailed):
            for hear in self.listeners:
                hear(event)
        if waiting.job_id is not None:
            append_event(self._directory, waiting.job_id, event)


class _Lane:
    """What one receiver is to be told."""

    def __init__(self) -> None:
        self.waiting: list[WaitingNotice] = []
        self.due: dict[str, float] = {}  # not to be tried before, by id
        self.quiet_until = 0.0
        self.task: asyncio.Task[None] | None = None
        self.hurry = asyncio.Event()

    @property
    def is_ping(self) -> bool:
        return self.waiting[0].receiver.kind is ReceiverKind.PING

    def batch(self) -> list[WaitingNotice]:
        """What goes at once: pings one after the other, messages together."""
        return self.waiting[:1] if self.is_ping else list(self.waiting)

    def delay(self, now: float) -> float:
        """How long to wait."""
        if self.is_ping:
            return self.due[self.waiting[0].id] - now
        if retried := [self.due[waiting.id] for waiting in self.waiting if waiting.attempts]:
            return max(retried) - now
        return max(min(self.due.values()), self.quiet_until) - now

    def is_waiting_to_retry(self, now: float) -> bool:
        """Whether it was tried lately, in vain."""
        return any(waiting.attempts and self.due[waiting.id] > now for waiting in self.waiting)

    async def pause(self, seconds: float) -> None:
        """Waits, until somebody is in a hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.hurry.wait()


def _back_off(attempts: int, refused: bool) -> float:
    """How long to wait after so many attempts, in seconds."""
    steps = REFUSED_BACK_OFF_SECONDS if refused else BACK_OFF_SECONDS
    return steps[min(attempts, len(steps)) - 1]


def _singles(receiver: Receiver) -> list[Receiver]:
    if receiver.kind is not ReceiverKind.EMAIL:
        return [receiver]
    return [msgspec.structs.replace(receiver, to=(address,)) for address in dict.fromkeys(receiver.to)]


def _called(receiver: Receiver) -> str:
    return f"{receiver.name} ({', '.join(receiver.to)})" if receiver.to else receiver.name
