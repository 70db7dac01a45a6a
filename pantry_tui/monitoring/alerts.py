"""Alerts from their opening to their end: a pure function of what is open, what was seen, and the time.

One alert for one cause. It is opened when its trouble is seen, updated while that lasts, and resolved when two looks, ten
minutes apart or more, have found the trouble gone; within a day it is opened again rather than anew. What another alert
explains is attached to that one, and nobody is told of it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from pantry_tui.models import Alert, AlertState, AlertType
from pantry_tui.monitoring.alert_types import KINDS
from pantry_tui.monitoring.roots import with_roots
from pantry_tui.monitoring.troubles import Sighting, Trouble

RESOLVE_AFTER = timedelta(minutes=10)
REOPEN_WITHIN = timedelta(hours=24)


class MessageKind(StrEnum):
    """Why people are told."""

    OPENED = "opened"
    REOPENED = "opened again"
    WORSE = "worse"
    ESCALATED = "not acknowledged"
    RESOLVED = "resolved"


class Message(NamedTuple):
    """What people are told of one alert. ``level``: the contact it goes to; of a resolved one it goes up to that one."""

    kind: MessageKind
    alert: Alert
    level: int = 0
    attached: tuple[Alert, ...] = ()


class Step(NamedTuple):
    """What changes, and who is told."""

    changed: tuple[Alert, ...] = ()
    messages: tuple[Message, ...] = ()


class Ladder(Protocol):
    """How many contacts there are for a type, and after how many seconds the next one is told."""

    def contacts(self, kind: AlertType) -> int:
        """How many."""

    def seconds(self, kind: AlertType) -> float | None:
        """After how long; None: never."""


def step(
    alerts: Sequence[Alert],
    sighting: Sighting,
    now: datetime,
    new_id: Callable[[Trouble], str],
    *,
    tells: bool = True,
) -> Step:
    """What becomes of ``alerts`` (all that are kept) by one look.

    Without ``tells`` nobody is told now; of what is still wrong the next look that does will tell.
    """
    before = {alert.id: alert for alert in alerts}
    after = dict(before)
    kinds: dict[str, MessageKind] = {}
    live = {alert.cause: alert for alert in alerts if alert.state is not AlertState.RESOLVED}
    for trouble in _once_each(sighting.troubles):
        alert, kind = _seen(trouble, live.get(trouble.cause), alerts, now, new_id)
        after[alert.id] = alert
        if kind is not None:
            kinds[alert.id] = kind
    for alert in live.values():
        settled = _settled(after[alert.id], sighting, now)
        after[alert.id] = settled
        if settled.state is AlertState.RESOLVED and settled.told_at is not None and not _is_momentary(settled):
            kinds[alert.id] = MessageKind.RESOLVED
    after = with_roots(after)
    messages = _messages(after, kinds) if tells else []
    told = {message.alert.id for message in messages if message.kind is not MessageKind.RESOLVED}
    final = {key: _told(alert, now) if key in told else alert for key, alert in after.items()}
    changed = tuple(alert for key, alert in final.items() if before.get(key) != alert)
    return Step(changed, tuple(message._replace(alert=final[message.alert.id]) for message in messages))


def escalated(alerts: Iterable[Alert], now: datetime, ladder: Ladder) -> Step:
    """Has the next contact told of alerts that nobody has acknowledged for so long."""
    changed, messages = [], []
    for alert in alerts:
        due = escalation_due(alert, ladder)
        if due is not None and due <= now:
            raised = msgspec.structs.replace(alert, escalations=alert.escalations + 1, escalated_at=now)
            changed.append(raised)
            messages.append(Message(MessageKind.ESCALATED, raised, raised.escalations))
    return Step(tuple(changed), tuple(messages))


def escalation_due(alert: Alert, ladder: Ladder) -> datetime | None:
    """When the next contact is to be told of an alert; None: never, as things are."""
    waits = alert.state is AlertState.OPEN and alert.root is None and alert.well_since is None
    last, seconds = alert.escalated_at or alert.told_at, ladder.seconds(alert.type)
    if not waits or last is None or seconds is None or alert.escalations + 1 >= ladder.contacts(alert.type):
        return None
    return last + timedelta(seconds=seconds)


def acknowledged(alert: Alert, who: str, now: datetime) -> Alert:
    """The alert when somebody takes care of it: nobody else is told, until it gets worse."""
    return msgspec.structs.replace(alert, state=AlertState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=who)


def resolved(alert: Alert, who: str, now: datetime) -> Alert:
    """The alert when somebody says that it is over; it is opened again where the next look sees it."""
    return msgspec.structs.replace(alert, state=AlertState.RESOLVED, resolved_at=now, resolved_by=who, root=None)


def _once_each(troubles: Iterable[Trouble]) -> list[Trouble]:
    """One trouble for each cause, the worst."""
    found: dict[str, Trouble] = {}
    for trouble in troubles:
        known = found.get(trouble.cause)
        if known is None or known.severity.rank < trouble.severity.rank:
            found[trouble.cause] = trouble
    return list(found.values())


def _seen(
    trouble: Trouble,
    live: Alert | None,
    alerts: Iterable[Alert],
    now: datetime,
    new_id: Callable[[Trouble], str],
) -> tuple[Alert, MessageKind | None]:
    """The alert of a trouble that is seen now, and why people are to be told of it."""
    if live is not None:
        is_worse = trouble.severity.rank > live.severity.rank
        alert = _updated(live, trouble, now)
        return (_opened_again(alert) if is_worse else alert), MessageKind.WORSE if is_worse else None
    ended = [alert for alert in alerts if alert.cause == trouble.cause and alert.resolved_at is not None]
    last = max(ended, key=lambda alert: (alert.resolved_at or now, alert.id), default=None)
    if last is not None and last.resolved_at is not None and now - last.resolved_at <= REOPEN_WITHIN:
        again = _opened_again(_updated(last, trouble, now))
        return msgspec.structs.replace(again, told_at=None), MessageKind.REOPENED
    return _opened(trouble, now, new_id(trouble)), MessageKind.OPENED


def _opened(trouble: Trouble, now: datetime, alert_id: str) -> Alert:
    return Alert(
        id=alert_id,
        type=trouble.type,
        severity=trouble.severity,
        cause=trouble.cause,
        subject=trouble.subject,
        database=trouble.database,
        summary=trouble.summary,
        remedy=trouble.remedy,
        opened_at=now,
        seen_at=now,
        details=trouble.details,
    )


def _updated(alert: Alert, trouble: Trouble, now: datetime) -> Alert:
    return msgspec.structs.replace(
        alert,
        severity=trouble.severity,
        subject=trouble.subject,
        database=trouble.database,
        summary=trouble.summary,
        remedy=trouble.remedy,
        details=trouble.details,
        seen_at=now,
        seen=alert.seen + 1,
        well_since=None,
    )


def _opened_again(alert: Alert) -> Alert:
    return msgspec.structs.replace(
        alert,
        state=AlertState.OPEN,
        acknowledged_at=None,
        acknowledged_by="",
        resolved_at=None,
        resolved_by="",
        escalations=0,
        escalated_at=None,
    )


def _is_momentary(alert: Alert) -> bool:
    return KINDS[alert.type].lasts_seconds is not None


def _settled(alert: Alert, sighting: Sighting, now: datetime) -> Alert:
    """The alert by what the look says of its end."""
    lasts = KINDS[alert.type].lasts_seconds
    if lasts is not None and (now - alert.seen_at).total_seconds() >= lasts:
        return resolved(alert, "", now)
    if _is_momentary(alert) and alert.cause.partition(":")[2] not in sighting.judged:
        return alert  # nothing is there to be looked at
    if not sighting.is_well(alert.cause):
        return alert
    if alert.well_since is None or alert.well_since > now:  # a clock that was put back proves nothing
        return msgspec.structs.replace(alert, well_since=now)
    return resolved(alert, "", now) if now - alert.well_since >= RESOLVE_AFTER else alert


def _messages(after: Mapping[str, Alert], kinds: Mapping[str, MessageKind]) -> list[Message]:
    """Who is told what: of an alert that has a root nobody, and of one that lost it before anybody was told, now.

    What is going well again is news to nobody who has not heard of it.
    """
    found = []
    for key, alert in after.items():
        kind = kinds.get(key)
        if alert.state is AlertState.RESOLVED:
            if kind is MessageKind.RESOLVED:
                found.append(Message(kind, alert, alert.escalations))
        elif alert.root is None and (kind is not None or (alert.told_at is None and alert.well_since is None)):
            attached = tuple(each for each in after.values() if each.root == key)
            found.append(Message(kind or MessageKind.OPENED, alert, 0, attached))
    return found


def _told(alert: Alert, now: datetime) -> Alert:
    return msgspec.structs.replace(alert, told_at=now)
