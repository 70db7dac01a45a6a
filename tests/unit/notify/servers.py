"""A mail server and a web server on this machine, as real as the ones that people have."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "correct horse"


class Mailbox:
    """What a mail server does with what comes: keeps it, or refuses it."""

    def __init__(self, refused: tuple[str, ...] = (), answer: str = "250 OK") -> None:
        self.messages: list[EmailMessage] = []
        self.users: list[str] = []
        self._refused = refused
        self._answer = answer

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._answer.startswith("250"):
            content = envelope.original_content
            assert content is not None
            self.messages.append(BytesParser(policy=default).parsebytes(content))
        return self._answer

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        user, password = data.login.decode(), data.password.decode()
        if password == PASSWORD:
            self.users.append(user)
        return AuthResult(success=password == PASSWORD, handled=False)


@contextlib.contextmanager
def mail_server(
    mailbox: Mailbox, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, auth: bool = False
) -> Iterator[int]:
    """Serves the mailbox, and gives the port."""
    options: dict[str, Any] = {}
    if auth:
        options = {"authenticator": mailbox.authenticate, "auth_required": True, "auth_require_tls": False}
    if starttls is not None:
        options |= {"tls_context": starttls, "require_starttls": True}
    controller = Controller(mailbox, hostname="127.0.0.1", port=_free_port(), ssl_context=tls, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


class Answer(NamedTuple):
    """What the web server says."""

    status: int = 200
    body: bytes = b"ok"
    location: str | None = None


class Request(NamedTuple):
    """What it was asked."""

    path: str
    body: bytes
    content_type: str


class WebServer:
    """Keeps what is posted to it. While ``held`` is clear it does not answer."""

    def __init__(self, answer: Answer = Answer(), tls: ssl.SSLContext | None = None) -> None:  # noqa: B008
        self.requests: list[Request] = []
        self.answer = answer
        self.held = threading.Event()
        self.held.set()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                web.requests.append(Request(self.path, body, self.headers.get("Content-Type", "")))
                web.held.wait()
                with contextlib.suppress(OSError):  # who asked may have gone
                    self.send_response(web.answer.status)
                    if web.answer.location is not None:
                        self.send_header("Location", web.answer.location)
                    self.send_header("Content-Length", str(len(web.answer.body)))
                    self.end_headers()
                    self.wfile.write(web.answer.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def certificate(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """An authority's certificate that nobody trusts by default, which is the server's too, and the server's side of TLS."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = directory / "server.pem", directory / "server.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
