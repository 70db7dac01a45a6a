"""Slack, by an incoming webhook."""

from __future__ import annotations

import msgspec

from pantry_tui.errors import NotificationError
from pantry_tui.models import Notice, Receiver
from pantry_tui.notify.web import post

MOST_CHARACTERS = 30_000  # Slack cuts a text at 40,000
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # all that Slack's text format has


def message_of(notice: Notice) -> bytes:
    """The body of the request. Nothing of names and messages is taken for a link or a mention."""
    text = f"*{notice.subject.translate(_ESCAPES)}*\n{notice.text.translate(_ESCAPES)}"
    return msgspec.json.encode({"text": text[:MOST_CHARACTERS], "unfurl_links": False})


def send_to_slack(receiver: Receiver, notice: Notice, url: str) -> None:
    """Sends it. Raises `NotificationError` unless Slack says that it took it, `ConfigError`."""
    answered = post(receiver, url, message_of(notice), content_type="application/json")
    if answered.strip() != b"ok":
        raise NotificationError(
            f"{receiver.name} could not be told: what answers at the address is no Slack webhook",
            remedy="make a new incoming webhook, and store its address",
        )
