"""A POST to an address that is secret: verified, in time, and never passed on to another one."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from pantry_tui.config.references import redact
from pantry_tui.errors import ConfigError, NotificationError, NotificationRefusedError
from pantry_tui.models import Receiver
from pantry_tui.version import __version__

TIMEOUT_SECONDS = 10.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_ANSWERED = 2000
_PASSING = (408, 425, 429)  # too slow, too early, too often


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follows nowhere: the message would go where nobody has said."""


def require_address(receiver: Receiver, url: str) -> None:
    """Checks that nobody on the way can read the address. Raises `ConfigError`, without repeating it."""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme == "http" and parts.hostname in LOOPBACK
        fits = bool(parts.hostname) and (parts.scheme == "https" or is_plain) and url.isprintable() and " " not in url
    except ValueError:
        fits = False
    if not fits:
        raise ConfigError(
            f"notifications.{receiver.name}.url: what the reference stands for is no https:// address",
            remedy="store the whole address, beginning with https://; plain http:// serves only to this machine",
        )


def post(receiver: Receiver, url: str, body: bytes, *, content_type: str) -> bytes:
    """The beginning of the answer to the POST. Raises `NotificationError`, which does not tell the address, `ConfigError`.

    Where the answer says that trying again is of no use it is a `NotificationRefusedError`.
    """
    require_address(receiver, url)
    headers = {"Content-Type": content_type, "User-Agent": f"pantry-tui/{__version__}"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  # checked above
    context = ssl.create_default_context(cafile=receiver.ca_file)
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))
    host = urlsplit(url).hostname
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            answered: bytes = response.read(_MOST_ANSWERED)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(_MOST_ANSWERED).decode(errors="replace").strip()
        kind = NotificationError if error.code in _PASSING or error.code >= 500 else NotificationRefusedError
        raise kind(
            f"{receiver.name} could not be told: {host} answered {error.code}",
            remedy="is the address still valid? see what it said",
            detail=redact(said, [url]) or None,
        ) from None
    except (OSError, HTTPException) as error:
        raise NotificationError(
            f"{receiver.name} could not be told: {host} {_trouble(error)}",
            remedy="check the network, the address and the server's certificate",
            detail=redact(str(error), [url]) or None,
        ) from None
    return answered


def _trouble(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    match reason:
        case ssl.SSLCertVerificationError():
            return "has a certificate that cannot be verified"
        case TimeoutError():
            return "does not answer in time"
        case ConnectionRefusedError():
            return "refuses connections"
        case _:
            return "could not be reached, or gave no answer that makes sense"
