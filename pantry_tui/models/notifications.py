"""Telling people, and machines that watch: whom, by what, and what waits to be told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pantry_tui.models.base import Model


class ReceiverKind(StrEnum):
    """By what somebody is told."""

    EMAIL = "email"
    SLACK = "slack"  # an incoming webhook
    APPRISE = "apprise"  # any service that apprise knows
    PING = "ping"  # a dead-man's switch, which misses what does not come


class MailSecurity(StrEnum):
    """How the way to a mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"  # refused with a password, but to this machine


class Receiver(Model, frozen=True, kw_only=True):
    """Whom to tell. ``url`` and ``password`` are references: nothing secret is kept or sent around with a request."""

    name: str
    kind: ReceiverKind
    url: str | None = None
    host: str | None = None
    port: int | None = None  # None: 587, 465 with `MailSecurity.TLS`, 25 without any
    security: MailSecurity = MailSecurity.STARTTLS
    sender: str | None = None
    to: tuple[str, ...] = ()
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None  # whom to trust instead of the system's authorities


class Outcome(StrEnum):
    """What a notice tells of."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Notice(Model, frozen=True, kw_only=True):
    """What is told. Holds nothing secret; ``subject`` is one line."""

    outcome: Outcome
    subject: str
    text: str


class WaitingNotice(Model, frozen=True, kw_only=True):
    """A notice on its way to one receiver."""

    id: str
    receiver: Receiver
    notice: Notice
    at: datetime
    due_at: datetime  # not to be tried before
    job_id: str | None = None
    attempts: int = 0
    refused: bool = False  # by what will refuse it again, as long as nobody changes anything
    problem: str | None = None  # why the last attempt failed
