"""`[notifications.NAME]`, whom to tell and by what; `[notify]`, when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from pantry_tui.config.references import check_reference
from pantry_tui.errors import ConfigError, NotFoundError
from pantry_tui.models import MailSecurity, Model, Receiver, ReceiverKind

_Text = Annotated[str, Meta(min_length=1, description="a text that is not empty")]
_File = Annotated[str, Meta(min_length=1, description="a file: an absolute path, or one below ~/")]
_Reference = Annotated[
    str, Meta(description="a reference: env:NAME, file:/path, command:/path arguments or credential:NAME")
]
_Address = Annotated[str, Meta(min_length=3, max_length=254, description="an e-mail address")]
_Names = Annotated[tuple[str, ...], Meta(description='a list of names of [notifications.NAME]: ["ops"]')]

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_KINDS = tuple(kind for kind in ReceiverKind if kind is not ReceiverKind.PING)  # a ping is set by `ping`
_OF_MAIL = ("host", "sender", "to")


class NotificationSettings(Model, frozen=True, kw_only=True):
    """One `[notifications.NAME]`. ``url`` and ``password`` are references, never what is secret itself."""

    kind: Annotated[ReceiverKind, Meta(description='"email", "slack" or "apprise"')]
    url: _Reference | None = None
    host: _Text | None = None
    port: Annotated[int, Meta(ge=1, le=65535, description="a port number from 1 to 65535")] | None = None
    security: Annotated[MailSecurity, Meta(description='"starttls", "tls" or "none"')] = MailSecurity.STARTTLS
    sender: _Address | None = None
    to: Annotated[tuple[_Address, ...], Meta(description='a list of e-mail addresses: ["ops@example.com"]')] = ()
    user: _Text | None = None
    password: _Reference | None = None
    ca_file: _File | None = None


class NotifySettings(Model, frozen=True, kw_only=True):
    """Who is told of every job that ended, and what address is pinged around each backup."""

    on_success: _Names = ()
    on_failure: _Names = ()
    ping: _Reference | None = None


def check_notification(name: str, settings: NotificationSettings, *, file: str) -> None:
    """Raises `ConfigError` for what is missing, contradicts itself, or is no reference."""
    prefix = f"{file}: notifications.{name}"
    if settings.kind not in _KINDS:
        raise ConfigError(
            f"{prefix}.kind must be one of: {', '.join(_KINDS)}", remedy="a ping is set by `ping` in [notify]"
        )
    if settings.kind is not ReceiverKind.EMAIL:
        if settings.url is None:
            raise ConfigError(f"{prefix}.url is missing", remedy="set it to a reference, such as file:/path")
        check_reference(settings.url, key=f"{prefix}.url", what="address")
        return
    for field in _OF_MAIL:
        if not getattr(settings, field):
            raise ConfigError(f"{prefix}.{field} is missing", remedy="an e-mail needs host, sender and to")
    for address in (settings.sender or "", *settings.to):
        if _ADDRESS.fullmatch(address) is None or not address.isprintable():
            raise ConfigError(f"{prefix}: {address!r} is no e-mail address", remedy="write it as name@example.com")
    if settings.password is not None:
        check_reference(settings.password, key=f"{prefix}.password")


def check_names(names: Iterable[str], known: Mapping[str, object], *, key: str, file: str) -> None:
    """Raises `ConfigError` for a name that no `[notifications.NAME]` has."""
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{file}: {key} names {name!r}, which is not configured", remedy=f"add [notifications.{name}]"
            )


def receiver_of(name: str, known: Mapping[str, NotificationSettings]) -> Receiver:
    """The receiver of that name. Raises `NotFoundError`."""
    if name not in known:
        raise NotFoundError(
            f"nobody is configured as {name!r}",
            remedy=f"configured: {', '.join(known)}" if known else f"add [notifications.{name}] to the configuration",
        )
    settings = known[name]
    return Receiver(name=name, **{field: getattr(settings, field) for field in settings.__struct_fields__})


def ping_of(reference: str, *, what: str) -> Receiver:
    """The dead-man's switch at the address that ``reference`` stands for."""
    return Receiver(name=f"the ping of {what}", kind=ReceiverKind.PING, url=reference)


def with_expanded(settings: NotificationSettings, ca_file: str | None) -> NotificationSettings:
    """The settings with the path of the authorities' file as it is on this machine."""
    return msgspec.structs.replace(settings, ca_file=ca_file)
