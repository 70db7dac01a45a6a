"""A dead-man's switch: a service that raises the alarm when a ping does not come.

The address itself means success, with `/start` behind it the beginning and with `/fail` a failure, as healthchecks.io has
it. The end of the job's log is sent along.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from pantry_tui.models import Notice, Outcome, Receiver
from pantry_tui.notify.web import post

MOST_BYTES = 10_000
_ENDINGS = {Outcome.STARTED: "/start", Outcome.SUCCEEDED: "", Outcome.FAILED: "/fail"}


def address_for(url: str, outcome: Outcome) -> str:
    """The address to ping, whatever query it has."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + _ENDINGS[outcome]))


def ping(receiver: Receiver, notice: Notice, url: str) -> None:
    """Pings. Raises `NotificationError`, `ConfigError`."""
    body = notice.text.encode()[-MOST_BYTES:]
    post(receiver, address_for(url, notice.outcome), body, content_type="text/plain; charset=utf-8")
