"""Telling people of alerts: whom, and in which words."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable, Iterable

from pantry_tui.config import Config
from pantry_tui.errors import PantryError
from pantry_tui.escaping import escape
from pantry_tui.models import Alert, AlertType, Notice, Outcome, Receiver
from pantry_tui.monitoring.alert_types import KINDS
from pantry_tui.monitoring.alerts import Message, MessageKind
from pantry_tui.notify.wording import subject
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.post import PostOffice


class ConfiguredLadder:
    """Whom the configuration names for a type of alert, and after how long each is told."""

    def __init__(self, config: Config) -> None:
        self._settings = config.monitoring

    def contacts(self, kind: AlertType) -> int:
        """How many there are."""
        return len(self._settings.contacts_for(kind))

    def seconds(self, kind: AlertType) -> float | None:
        """As configured, else as the type has it."""
        return self._settings.escalation_seconds(kind) or KINDS[kind].escalate_seconds


class AlertTeller:
    """Has those told who are to be."""

    def __init__(self, office: PostOffice, audit: AuditTrail, configuration: Callable[[], Config]) -> None:
        self._office = office
        self._audit = audit
        self._configuration = configuration

    def ladder(self) -> ConfiguredLadder:
        """As it is configured now. Raises `ConfigError`."""
        return ConfiguredLadder(self._configuration())

    def tell(self, messages: Iterable[Message]) -> None:
        """Hands the messages over; who cannot be made out is noted, and nobody else waits for that."""
        host = socket.gethostname()
        for message in messages:
            try:
                receivers = self._receivers(message)
            except PantryError as error:
                self._audit.note("runner", "notification", message.alert.id, error.code, {"failure": error.message})
                continue
            self._office.tell(receivers, alert_notice(message, host=host))

    def _receivers(self, message: Message) -> tuple[Receiver, ...]:
        """The contact whose turn it is; of what is resolved, all who were told.

        Where no contacts are configured, whoever is told of failures; of what a job, or its schedule, tells them itself,
        they hear no second time.
        """
        config, alert = self._configuration(), message.alert
        names = config.monitoring.contacts_for(alert.type)
        failures = config.around_recovery(alert.database or "").on_failure
        if not names:
            return () if _is_told_by_job(message) else failures
        if message.kind is MessageKind.RESOLVED:
            return config.receivers(names[: message.level + 1])
        chosen = config.receivers(names[message.level : message.level + 1])
        if message.kind is MessageKind.ESCALATED or not _is_told_by_job(message):
            return chosen
        return tuple(each for each in chosen if each not in failures)


def _is_told_by_job(message: Message) -> bool:
    return KINDS[message.alert.type].told_by_job and message.kind is not MessageKind.RESOLVED


def alert_notice(message: Message, *, host: str) -> Notice:
    """What is said of an alert, on the machine ``host``."""
    alert, what = message.alert, KINDS[message.alert.type].what
    said = f"{message.kind}: {what}: {alert.subject} ({alert.severity}, {host})"
    facts = [
        ("what", alert.summary),
        ("severity", alert.severity.value),
        ("database", alert.details.get("databases") or alert.database or ""),
        ("machine", host),
        ("since", f"{alert.opened_at:%Y-%m-%d %H:%M} UTC, seen {alert.seen:,} times"),
        ("alert", alert.id),
    ]
    lines = [f"{escape(said)}", ""]
    lines += [f"{name + ':':<12} {escape(value)}" for name, value in facts if value]
    if message.attached:
        lines += ["", "It explains:", *(f"  {escape(each.summary)}" for each in message.attached)]
    if message.kind is not MessageKind.RESOLVED:
        lines += ["", "What to do next:", *(f"  {line}" for line in _next_steps(alert))]
    outcome = Outcome.SUCCEEDED if message.kind is MessageKind.RESOLVED else Outcome.FAILED
    return Notice(outcome=outcome, subject=subject(said), text="\n".join(lines) + "\n")


def _next_steps(alert: Alert) -> list[str]:
    command = shlex.join(alert.remedy.command)
    return [
        escape(alert.remedy.text) + (f": pantry-tui {escape(command)}" if command else ""),
        f"say that you take care of it: pantry-tui monitor ack {alert.id}",
    ]
