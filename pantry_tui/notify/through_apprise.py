"""Every service that apprise knows."""

from __future__ import annotations

import logging

from pantry_tui.errors import ConfigError, NotificationError
from pantry_tui.models import Notice, Outcome, Receiver

_TYPES = {Outcome.STARTED: "info", Outcome.SUCCEEDED: "success", Outcome.FAILED: "failure"}


def send_through_apprise(receiver: Receiver, notice: Notice, url: str) -> None:
    """Sends it. Raises `NotificationError` when the service did not take it, `ConfigError` for an unknown address.

    Apprise says why in its log only, addresses included; it is silenced.
    """
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    logging.getLogger("apprise").propagate = False
    import apprise

    service = apprise.Apprise()
    if not service.add(url):
        raise ConfigError(
            f"notifications.{receiver.name}.url: what the reference stands for is no address that apprise knows",
            remedy="store one as https://github.com/caronc/apprise/wiki lists them",
        )
    taken = service.notify(
        title=notice.subject, body=notice.text, notify_type=apprise.NotifyType(_TYPES[notice.outcome])
    )
    if not taken:
        raise NotificationError(
            f"{receiver.name} could not be told: the service did not take the message",
            remedy="check the address; `apprise -vv ADDRESS` says more",
        )
