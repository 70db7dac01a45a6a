"""Alerts from their opening to their end."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantry_tui.models import Alert, AlertState, AlertType, Remedy, Severity
from pantry_tui.monitoring.alert_types import KINDS
from pantry_tui.monitoring.alerts import (
    REOPEN_WITHIN,
    RESOLVE_AFTER,
    Message,
    MessageKind,
    acknowledged,
    escalated,
    resolved,
    step,
)
from pantry_tui.monitoring.roots import explains
from pantry_tui.monitoring.troubles import Sighting, Trouble

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
WELL = Sighting(open=frozenset())


def trouble(
    kind: AlertType = AlertType.BACKUP_TOO_OLD, database: str = "crm", severity: Severity = Severity.HIGH
) -> Trouble:
    return Trouble(
        type=kind,
        cause=f"{kind}:{database}",
        severity=severity,
        subject=database,
        summary=f"{kind} of {database}",
        remedy=Remedy(text="mend it"),
        database=database,
    )


class Ladder:
    """So many contacts for everything, each an hour after the one before."""

    def __init__(self, contacts: int) -> None:
        self._contacts = contacts

    def contacts(self, kind: AlertType) -> int:
        return self._contacts

    def seconds(self, kind: AlertType) -> float | None:
        return 3600.0


class Watch:
    """What a runner does with alerts: looks, and keeps what comes of it."""

    def __init__(self) -> None:
        self.now = NOON
        self.kept: dict[str, Alert] = {}
        self.messages: list[Message] = []
        self._numbers = itertools.count(1)

    @property
    def alerts(self) -> list[Alert]:
        return list(self.kept.values())

    @property
    def live(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.state is not AlertState.RESOLVED]

    def of(self, kind: AlertType, database: str = "crm") -> Alert:
        [found] = [alert for alert in self.alerts if alert.cause == f"{kind}:{database}"]
        return found

    def look(self, *troubles: Trouble, tells: bool = True, whole: bool = True) -> list[Message]:
        sighting = Sighting(troubles=troubles, open=frozenset() if whole else None)
        made = step(self.alerts, sighting, self.now, lambda trouble: f"a{next(self._numbers)}", tells=tells)
        self.kept |= {alert.id: alert for alert in made.changed}
        self.messages += made.messages
        return list(made.messages)

    def after(self, span: timedelta, *troubles: Trouble) -> list[Message]:
        self.now += span
        return self.look(*troubles)

    def escalate(self, contacts: int = 3) -> list[Message]:
        made = escalated(self.alerts, self.now, Ladder(contacts))
        self.kept |= {alert.id: alert for alert in made.changed}
        return list(made.messages)

    def put(self, alert: Alert) -> None:
        self.kept[alert.id] = alert


def kinds(messages: list[Message]) -> list[MessageKind]:
    return [message.kind for message in messages]


def test_opened_once_and_updated() -> None:
    watch = Watch()
    assert kinds(watch.look(trouble())) == [MessageKind.OPENED]
    for number in range(2, 5):
        later = msgspec.structs.replace(trouble(), summary=f"{number} h old")
        assert watch.after(HALF_HOUR, later) == []
        [alert] = watch.alerts
        assert (alert.seen, alert.seen_at, alert.summary) == (number, watch.now, f"{number} h old")
    assert alert.opened_at == NOON


def test_resolved_by_the_second_good_look() -> None:
    watch = Watch()
    watch.look(trouble())
    assert watch.after(HALF_HOUR) == []
    assert watch.after(timedelta(minutes=5)) == []
    [message] = watch.after(RESOLVE_AFTER)
    assert (message.kind, message.alert.state) == (MessageKind.RESOLVED, AlertState.RESOLVED)
    assert message.alert.resolved_by == ""


def test_what_comes_and_goes_stays_one_open_alert() -> None:
    watch = Watch()
    watch.look(trouble())
    for _ in range(20):
        assert watch.after(HALF_HOUR) == []  # gone for one look
        assert watch.after(HALF_HOUR, trouble()) == []
    assert len(watch.live) == 1


def test_it_is_opened_again_within_a_day_and_anew_after_that() -> None:
    watch = Watch()
    watch.look(trouble())
    watch.after(HALF_HOUR)
    watch.after(HALF_HOUR)
    assert kinds(watch.after(REOPEN_WITHIN, trouble())) == [MessageKind.REOPENED]
    assert len(watch.alerts) == 1
    watch.after(HALF_HOUR)
    watch.after(HALF_HOUR)
    assert kinds(watch.after(REOPEN_WITHIN + HALF_HOUR, trouble())) == [MessageKind.OPENED]
    assert len(watch.alerts) == 2


def test_what_is_no_longer_watched_is_resolved_and_what_cannot_be_judged_is_not() -> None:
    watch = Watch()
    watch.look(trouble())
    unknown = Sighting(open=frozenset({"crm"}))
    for _ in range(3):
        watch.now += HALF_HOUR
        assert step(watch.alerts, unknown, watch.now, lambda trouble: "").changed == ()
    watch.after(HALF_HOUR)
    assert kinds(watch.after(HALF_HOUR)) == [MessageKind.RESOLVED]


def test_an_event_says_nothing_of_others() -> None:
    watch = Watch()
    watch.look(trouble())
    other = trouble(database="billing")
    watch.now += HALF_HOUR
    watch.look(other, whole=False)
    watch.now += HALF_HOUR
    watch.look(other, whole=False)
    assert len(watch.live) == 2
    assert watch.of(AlertType.BACKUP_TOO_OLD).well_since is None


def test_one_root_and_the_rest_attached() -> None:
    watch = Watch()
    server = trouble(AlertType.SERVER_UNREACHABLE)
    failed, old = trouble(AlertType.BACKUP_FAILED), trouble(AlertType.BACKUP_TOO_OLD)
    elsewhere = trouble(AlertType.BACKUP_FAILED, "billing")
    messages = watch.look(failed, old, elsewhere, server)
    assert {message.alert.type for message in messages} == {AlertType.SERVER_UNREACHABLE, AlertType.BACKUP_FAILED}
    [root] = [message for message in messages if message.alert.type is AlertType.SERVER_UNREACHABLE]
    assert {alert.type for alert in root.attached} == {AlertType.BACKUP_FAILED, AlertType.BACKUP_TOO_OLD}
    assert {alert.database for alert in root.attached} == {"crm"}
    watch.after(HALF_HOUR, failed, elsewhere)
    messages = watch.after(HALF_HOUR, failed, elsewhere)
    assert sorted(kinds(messages)) == [MessageKind.OPENED, MessageKind.RESOLVED]  # what is left stands for itself now
    assert watch.of(AlertType.BACKUP_FAILED).root is None


def test_a_root_that_is_explained_itself_hands_on() -> None:
    watch = Watch()
    chain = (AlertType.SCHEDULE_FAILING, AlertType.BACKUP_FAILED, AlertType.SERVER_UNREACHABLE)
    [message] = watch.look(*(trouble(kind) for kind in chain))
    assert message.alert.type is AlertType.SERVER_UNREACHABLE
    assert {alert.root for alert in watch.alerts} == {None, message.alert.id}


def test_nothing_explains_itself() -> None:
    """Or two alerts could each wait for the other to be told."""

    def reached(kind: AlertType, path: tuple[AlertType, ...]) -> None:
        assert kind not in path, path
        for other in KINDS[kind].explains:
            reached(other, (*path, kind))

    for kind in AlertType:
        reached(kind, ())


def test_whose_it_is_decides_what_explains_what() -> None:
    watch = Watch()
    watch.look(
        trouble(AlertType.BACKUP_FAILED),
        msgspec.structs.replace(trouble(AlertType.DISK_SPACE_LOW), database=None),
        msgspec.structs.replace(
            trouble(AlertType.SERVER_UNREACHABLE, "two"), database=None, details={"databases": "billing, shop"}
        ),
    )
    failed, disk = watch.of(AlertType.BACKUP_FAILED), watch.of(AlertType.DISK_SPACE_LOW)
    server = watch.of(AlertType.SERVER_UNREACHABLE, "two")
    assert (explains(disk, failed), explains(server, failed), explains(failed, disk)) == (True, False, False)


def test_escalated_until_somebody_takes_care() -> None:
    watch = Watch()
    watch.look(trouble())
    assert watch.escalate() == []
    levels = []
    for _ in range(5):
        watch.now += timedelta(hours=1)
        levels += [message.level for message in watch.escalate()]
    assert levels == [1, 2]
    [alert] = watch.alerts
    assert alert.escalations == 2


@pytest.mark.parametrize("contacts", [0, 1])
def test_nobody_to_escalate_to(contacts: int) -> None:
    watch = Watch()
    watch.look(trouble())
    watch.now += timedelta(days=1)
    assert watch.escalate(contacts) == []


def test_acknowledged_it_waits_until_it_gets_worse() -> None:
    watch = Watch()
    watch.look(trouble())
    watch.put(acknowledged(watch.alerts[0], "anna", watch.now))
    assert watch.after(timedelta(hours=3), trouble()) == []
    assert watch.escalate() == []
    assert watch.alerts[0].state is AlertState.ACKNOWLEDGED
    [message] = watch.after(HALF_HOUR, trouble(severity=Severity.CRITICAL))
    assert (message.kind, message.alert.state) == (MessageKind.WORSE, AlertState.OPEN)
    watch.now += timedelta(hours=1)
    assert kinds(watch.escalate()) == [MessageKind.ESCALATED]


def test_resolved_by_a_person_and_still_there() -> None:
    watch = Watch()
    watch.look(trouble())
    watch.put(resolved(watch.alerts[0], "anna", watch.now))
    assert kinds(watch.after(HALF_HOUR, trouble())) == [MessageKind.REOPENED]
    assert watch.alerts[0].resolved_by == ""


def test_what_happens_once_is_over_by_itself() -> None:
    watch = Watch()
    assert kinds(watch.look(trouble(AlertType.DATABASE_APPEARED), whole=False)) == [MessageKind.OPENED]
    watch.after(HALF_HOUR)
    watch.after(HALF_HOUR)
    assert len(watch.live) == 1
    assert watch.after(timedelta(days=7)) == []
    assert watch.live == []


def test_what_was_seen_while_nobody_was_to_be_told_is_told_later() -> None:
    watch = Watch()
    assert watch.look(trouble(), tells=False) == []
    watch.now += HALF_HOUR
    assert kinds(watch.look(trouble())) == [MessageKind.OPENED]
    watch.now += HALF_HOUR
    assert watch.look(trouble()) == []


def test_what_nobody_was_told_of_is_resolved_in_silence() -> None:
    watch = Watch()
    watch.look(trouble(), tells=False)
    watch.after(HALF_HOUR)
    assert watch.after(HALF_HOUR) == []
    assert watch.live == []


def test_a_clock_that_is_put_back_resolves_nothing() -> None:
    watch = Watch()
    watch.look(trouble())
    watch.after(HALF_HOUR)
    assert watch.after(timedelta(days=-3)) == []
    assert watch.live[0].well_since == watch.now
    watch.after(RESOLVE_AFTER)
    assert watch.live == []


TROUBLES = st.builds(
    trouble,
    st.sampled_from(
        [
            AlertType.SERVER_UNREACHABLE,
            AlertType.BACKUP_FAILED,
            AlertType.SCHEDULE_FAILING,
            AlertType.BACKUP_TOO_OLD,
            AlertType.BACKUP_CORRUPTED,
            AlertType.CLOCK_MOVED,
        ]
    ),
    st.sampled_from(["crm", "billing"]),
    st.sampled_from(list(Severity)),
)
ACTS: st.SearchStrategy[tuple[str, list[Trouble]]] = st.one_of(
    st.tuples(st.just("look"), st.lists(TROUBLES, max_size=5)),
    st.tuples(st.just("event"), st.lists(TROUBLES, max_size=1)),
    st.tuples(st.just("escalate"), st.just([])),
    st.tuples(st.sampled_from(["acknowledge", "resolve"]), st.just([])),
)


@given(st.lists(st.tuples(st.integers(0, 300), ACTS), max_size=40))
@settings(max_examples=200)
def test_whatever_happens(history: list[tuple[int, tuple[str, list[Trouble]]]]) -> None:
    """Never two open alerts of one cause; each is told once, by itself or by its root; none ends before its time."""
    watch, told = Watch(), dict[str, int]()
    for minutes, (act, troubles) in history:
        watch.now += timedelta(minutes=minutes)
        before = {alert.id: alert for alert in watch.alerts}
        if act in ("look", "event"):
            messages = watch.look(*troubles, whole=act == "look")
        elif act == "escalate":
            messages = watch.escalate()
        else:
            for alert in watch.live[:1]:
                change = acknowledged if act == "acknowledge" else resolved
                watch.put(change(alert, "anna", watch.now))
            messages = watch.look(whole=False)  # what it explained is to stand for itself
        _check(watch, before, messages, told, by_person=act == "resolve")


def _check(
    watch: Watch, before: dict[str, Alert], messages: list[Message], told: dict[str, int], *, by_person: bool
) -> None:
    causes = [alert.cause for alert in watch.live]
    assert len(causes) == len(set(causes))
    live = {alert.id for alert in watch.live}
    for message in messages:
        if message.kind in (MessageKind.OPENED, MessageKind.REOPENED):
            told[message.alert.id] = told.get(message.alert.id, 0) + 1
        assert message.kind is MessageKind.RESOLVED or message.alert.root is None
    for alert in watch.live:
        was = before.get(alert.id)
        is_new = was is None or was.state is AlertState.RESOLVED
        if alert.root is not None:
            assert alert.root in live
        elif is_new:
            mine = [message for message in messages if message.alert.id == alert.id]
            assert len(mine) == 1
    for alert in watch.alerts:
        was = before.get(alert.id)
        ended = alert.state is AlertState.RESOLVED and was is not None and was.state is not AlertState.RESOLVED
        if ended and not by_person and KINDS[alert.type].lasts_seconds is None:
            assert was is not None
            assert was.well_since is not None
            assert watch.now - was.well_since >= RESOLVE_AFTER
