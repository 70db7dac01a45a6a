"""E-mail, by SMTP with TLS that is verified."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from pantry_tui.config.references import redact
from pantry_tui.errors import ConfigError, NotificationError, NotificationRefusedError
from pantry_tui.models import MailSecurity, Notice, Receiver
from pantry_tui.notify.web import LOOPBACK

TIMEOUT_SECONDS = 10.0  # of each answer of the server
_PORTS = {MailSecurity.STARTTLS: 587, MailSecurity.TLS: 465, MailSecurity.NONE: 25}


def mail_of(receiver: Receiver, notice: Notice) -> EmailMessage:
    """The message as it is sent: plain text, in UTF-8."""
    message = EmailMessage()
    message["From"] = receiver.sender
    message["To"] = ", ".join(receiver.to)
    message["Subject"] = notice.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="pantry-tui.invalid")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies
    message.set_content(notice.text)
    return message


def send_mail(receiver: Receiver, notice: Notice, password: str | None) -> None:
    """Sends it to all addresses.

    Raises `NotificationError` when the server did not take it for every one of them, `NotificationRefusedError` where
    trying again is of no use.
    """
    port = receiver.port or _PORTS[receiver.security]
    where = f"the mail server {receiver.host}:{port}"
    _require_protection(receiver, password)
    try:
        with _connected(receiver, port) as server:
            if receiver.user is not None:
                server.login(receiver.user, password or "")
            refused = server.send_message(mail_of(receiver, notice), to_addrs=list(receiver.to))
    except (smtplib.SMTPException, OSError) as raised:
        error = _cause(raised)
        kind = NotificationRefusedError if _is_lasting(error) else NotificationError
        raise kind(
            f"{receiver.name} could not be told by e-mail: {where} {_trouble(error)}",
            remedy=_remedy(error),
            detail=redact(_said(error), [password or ""]) or None,
        ) from None
    if refused:
        raise NotificationError(
            f"{where} refused some of the addresses of {receiver.name}: {', '.join(refused)}",
            remedy=f"correct notifications.{receiver.name}.to",
        )


def _connected(receiver: Receiver, port: int) -> smtplib.SMTP:
    host, context = receiver.host or "", ssl.create_default_context(cafile=receiver.ca_file)
    if receiver.security is MailSecurity.TLS:
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    if receiver.security is MailSecurity.STARTTLS:
        try:
            server.starttls(context=context)
        except BaseException:
            with suppress(OSError):
                server.close()
            raise
    return server


def _require_protection(receiver: Receiver, password: str | None) -> None:
    if password is not None and receiver.security is MailSecurity.NONE and receiver.host not in LOOPBACK:
        raise ConfigError(
            f"notifications.{receiver.name}: the password would go to {receiver.host} for everybody to read",
            remedy='set security to "starttls" or "tls"',
        )


def _cause(error: Exception) -> Exception:
    """What is behind it: smtplib tells of every broken connection alike."""
    behind = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else None
    return behind if isinstance(behind, OSError) else error


def _is_lasting(error: Exception) -> bool:
    """Whether the answer is one for good (RFC 5321, 4.2.1: 5yz)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    return isinstance(error, smtplib.SMTPNotSupportedError)


def _trouble(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return "has a certificate that cannot be verified"
        case smtplib.SMTPNotSupportedError():
            return "does not offer what is configured"
        case smtplib.SMTPAuthenticationError():
            return "refused user or password"
        case smtplib.SMTPRecipientsRefused():
            return "refused every address"
        case smtplib.SMTPResponseException():
            return f"refused the message ({error.smtp_code})"
        case TimeoutError():
            return "does not answer in time"
        case ConnectionRefusedError():
            return "refuses connections"
        case _:
            return "could not be talked to"


def _remedy(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return "name the server as its certificate does, or set ca_file to the authority that signed it"
        case smtplib.SMTPNotSupportedError():
            return 'set security to what the server offers: "starttls" or "tls"'
        case smtplib.SMTPAuthenticationError():
            return "correct user and password"
        case _:
            return "check host, port and security; see what it said"


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return str(error)
