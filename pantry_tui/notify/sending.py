"""Sending one notice: ``python -m pantry_tui.notify.sending``.

It reads one line, an `Order`, from its standard input and writes one, a `Failure` or null, to its standard output. A process of
its own can be ended whatever a server or a library does, and the runner never holds what its references stand for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import msgspec

from pantry_tui.config.references import resolve_reference
from pantry_tui.errors import ConfigError, InternalError, PantryError
from pantry_tui.models import Failure, Model, Notice, Receiver, ReceiverKind


class Order(Model, frozen=True, kw_only=True):
    """What to tell whom."""

    receiver: Receiver
    notice: Notice


def main() -> int:
    """Sends what standard input says; the exit status is 0 whenever the answer is complete."""
    os.umask(0o077)
    order = Order.from_json(sys.stdin.buffer.readline())
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    failure: Failure | None = None
    try:
        send(order.receiver, order.notice, os.environ)
    except PantryError as error:
        failure = Failure.of(error)
    except Exception as error:  # the edge: the runner must hear of it; the text may hold an address that is secret
        failure = Failure.of(
            InternalError(f"{order.receiver.name} could not be told: {type(error).__name__}", remedy="please report it")
        )
    os.write(answers, msgspec.json.encode(failure) + b"\n")
    return 0


def send(receiver: Receiver, notice: Notice, environment: Mapping[str, str]) -> None:
    """Tells one receiver. Raises `NotificationError`, and `ConfigError` for a reference that cannot be resolved."""
    if receiver.kind is ReceiverKind.EMAIL:
        from pantry_tui.notify.mail import send_mail

        password = _resolved(receiver, "password", environment) if receiver.password is not None else None
        send_mail(receiver, notice, password)
        return
    url = _resolved(receiver, "url", environment)
    if receiver.kind is ReceiverKind.SLACK:
        from pantry_tui.notify.slack import send_to_slack

        send_to_slack(receiver, notice, url)
    elif receiver.kind is ReceiverKind.PING:
        from pantry_tui.notify.ping import ping

        ping(receiver, notice, url)
    else:
        from pantry_tui.notify.through_apprise import send_through_apprise

        send_through_apprise(receiver, notice, url)


def _resolved(receiver: Receiver, field: str, environment: Mapping[str, str]) -> str:
    key = f"notifications.{receiver.name}.{field}"
    reference = getattr(receiver, field)
    if reference is None:
        raise ConfigError(f"{key} is missing", remedy="set it to a reference, such as file:/path")
    what = "password" if field == "password" else "address"
    return resolve_reference(reference, environment, key=key, what=what)


if __name__ == "__main__":
    sys.exit(main())
