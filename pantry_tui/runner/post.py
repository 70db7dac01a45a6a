"""The notices on their way: each receiver by itself, several at once as one, tried again until they are told.

Nothing here holds a job up, and nothing that goes wrong here is a job's failure: it stands in the job's log, in the audit trail
when it is given up, and in what `doctor` and `notify list` say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from pantry_tui.errors import PantryError, StorageError
from pantry_tui.events import Event, Logged, NotificationFailed
from pantry_tui.models import Notice, Receiver, ReceiverKind, WaitingNotice, utc_now
from pantry_tui.notify.queue import NoticeQueue
from pantry_tui.notify.wording import digest_of
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.delivery import deliver
from pantry_tui.runner.joblog import append_event

BACK_OFF_SECONDS = (30.0, 120.0, 600.0, 1800.0, 3600.0)
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
    ) -> None:
        self._directory = directory
        self._queue = NoticeQueue(directory)
        self._audit = audit
        self._deliver = deliver
        self._pace = pace
        self._now = now
        self._lanes: dict[Receiver, _Lane] = {}  # by all that is known of it: a name may mean others elsewhere
        self._closing = False
        self.listeners: list[Callable[[NotificationFailed], None]] = []  # who hears of what could not be told

    def start(self) -> None:
        """Goes on with what an earlier runner has not told."""
        with suppress(StorageError):
            for waiting in self._queue.waiting():
                self._hand_over(waiting)

    def tell(self, receivers: Iterable[Receiver], notice: Notice, *, job_id: str | None = None) -> None:
        """Has each of them told, some time soon."""
        at = self._now()
        for receiver in receivers:
            waiting = self._queue.new(receiver, notice, at=at, job_id=job_id)
            if receiver.kind is not ReceiverKind.PING:
                waiting = msgspec.structs.replace(waiting, due_at=at + timedelta(seconds=self._pace.gather))
            with suppress(StorageError):  # on a full disk it is told all the same, unless the runner ends first
                self._queue.put(waiting)
            self._hand_over(waiting)

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

    def _hand_over(self, waiting: WaitingNotice) -> None:
        lane = self._lanes.setdefault(waiting.receiver, _Lane())
        lane.waiting.append(waiting)
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._work_off(lane))

    async def _work_off(self, lane: _Lane) -> None:
        while lane.waiting:
            delay = lane.delay(self._now())
            if self._closing and lane.is_waiting_to_retry(self._now()):
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
        lane.quiet_until = self._now() + timedelta(seconds=self._pace.quiet)
        for waiting in batch:
            self._forget(lane, waiting)
            self._log(waiting, Logged(message=f"{waiting.receiver.name} was told ({waiting.receiver.kind})"))

    def _failed(self, lane: _Lane, batch: list[WaitingNotice], error: PantryError) -> None:
        attempts = max(waiting.attempts for waiting in batch) + 1
        seconds = BACK_OFF_SECONDS[min(attempts, len(BACK_OFF_SECONDS)) - 1]
        due_at = self._now() + timedelta(seconds=seconds)
        for waiting in batch:
            tried = msgspec.structs.replace(waiting, attempts=attempts, due_at=due_at, problem=error.message)
            patience = PING_GIVEN_UP_AFTER if waiting.receiver.kind is ReceiverKind.PING else GIVEN_UP_AFTER
            given_up = due_at - waiting.at > patience
            failed = NotificationFailed(
                receiver=waiting.receiver.name, problem=error.message, attempts=attempts, given_up=given_up
            )
            self._log(waiting, failed)
            if given_up:
                self._forget(lane, waiting)
                details = {"job": waiting.job_id, "subject": waiting.notice.subject, "failure": error.message}
                self._audit.note("runner", "notification", waiting.receiver.name, "given up", details)
            else:
                lane.waiting[lane.waiting.index(waiting)] = tried
                with suppress(StorageError):
                    self._queue.put(tried)

    def _forget(self, lane: _Lane, waiting: WaitingNotice) -> None:
        lane.waiting.remove(waiting)
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
        self.quiet_until: datetime | None = None
        self.task: asyncio.Task[None] | None = None
        self.hurry = asyncio.Event()

    @property
    def is_ping(self) -> bool:
        return self.waiting[0].receiver.kind is ReceiverKind.PING

    def batch(self) -> list[WaitingNotice]:
        """What goes at once: pings one after the other, messages together."""
        return self.waiting[:1] if self.is_ping else list(self.waiting)

    def delay(self, now: datetime) -> float:
        """How long to wait; never longer than the longest back-off, whatever clocks do."""
        if self.is_ping:
            due = self.waiting[0].due_at
        elif retried := [waiting.due_at for waiting in self.waiting if waiting.attempts]:
            due = max(retried)
        else:
            due = max(min(waiting.due_at for waiting in self.waiting), self.quiet_until or now)
        return min((due - now).total_seconds(), BACK_OFF_SECONDS[-1])

    def is_waiting_to_retry(self, now: datetime) -> bool:
        """Whether it was tried lately, in vain."""
        return any(waiting.attempts and waiting.due_at > now for waiting in self.waiting)

    async def pause(self, seconds: float) -> None:
        """Waits, until somebody is in a hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.hurry.wait()
