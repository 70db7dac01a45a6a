"""A real S3 server (moto) in a process of its own, and a proxy before it that counts, cuts and refuses."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import msgspec

from pantry_tui.models import RepositoryTarget, StoreAccess

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTKEY", "AWS_SECRET_ACCESS_KEY": "a-very-secret-key", "AWS_REGION": "us-east-1"}

# Ends when nobody holds its standard input any more, however the tests end.
_SERVER = """
import logging, sys
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


class S3Server:
    """The server, with as many buckets as are asked for."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, *, locked: bool = False) -> str:
        """A new bucket's name."""
        bucket = f"b-{uuid.uuid4().hex[:16]}"
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if locked else {}
        assert self.ask("PUT", f"/{bucket}", headers=headers)[0] == 200
        return bucket

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The answer to a request of nobody, which this server allows."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextlib.contextmanager
def serve_s3() -> Iterator[S3Server]:
    """A server for as long as the context lasts."""
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield S3Server(int(process.stdout.readline()))
    finally:
        process.communicate()


class Seen(NamedTuple):
    """A request that came by."""

    method: str
    path: str  # with its query
    headers: dict[str, str]
    sent: int
    received: int
    status: int


class Fault(msgspec.Struct):
    """What befalls the next requests that it is meant for."""

    act: Callable[[Handler, bytes], None]
    method: str = "PUT"
    of: str = ""  # what their path has in it
    after: int = 0  # so many go through first
    times: int = 1

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is one of them."""
        if method != self.method or self.of not in path or self.times <= 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Proxy:
    """Stands before the server, and passes everything on but what a fault is for."""

    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), Handler)
        self._http.proxy = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def received(self, of: str = "") -> int:
        """How many bytes came back of objects whose path has ``of`` in it."""
        return sum(seen.received for seen in self.seen if seen.method == "GET" and of in seen.path)

    def sent(self, of: str = "") -> int:
        """How many bytes of objects were accepted."""
        return sum(seen.sent for seen in self.seen if seen.method == "PUT" and of in seen.path and seen.status == 200)

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets."""
        with self.lock:
            return next((fault for fault in self.faults if fault.strikes(method, path)), None)

    def close(self) -> None:
        """Ends it."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that end in the middle are what this is for."""


class Handler(BaseHTTPRequestHandler):
    """One request on its way."""

    protocol_version = "HTTP/1.1"

    def _pass(self) -> None:
        proxy = cast("_Server", self.server).proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = proxy.fault_for(self.command, self.path)
        if fault is not None:
            fault.act(self, body)
        else:
            self.pass_on(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815

    def pass_on(self, body: bytes, change: Callable[[bytes], bytes] = bytes, *, ends_early: bool = False) -> None:
        """Asks the server, and answers with what it says, ``change``d, or with the first half of it."""
        proxy = cast("_Server", self.server).proxy
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", proxy.server.port, timeout=60)) as connection:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            found = answer.read()
            headers = dict(answer.getheaders())
            self.answer(answer.status, change(found), headers, len(body), ends_early=ends_early)

    def answer(
        self, status: int, data: bytes, headers: dict[str, str], sent: int = 0, *, ends_early: bool = False
    ) -> None:
        """Answers, and remembers that."""
        proxy = cast("_Server", self.server).proxy
        with proxy.lock:
            seen = Seen(self.command, self.path, dict(self.headers.items()), sent, len(data), status)
            proxy.seen.append(seen)
        self.send_response_only(status)
        length = headers.get("content-length") or headers.get("Content-Length")
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if ends_early else data)
        if ends_early:
            self.cut()

    def cut(self) -> None:
        """Ends the connection by a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the tests look at `Proxy.seen`."""


def refuses(status: int, code: str, message: str = "no") -> Callable[[Handler, bytes], None]:
    """The store answers so."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()

    def act(handler: Handler, body: bytes) -> None:
        handler.answer(status, text, {"Content-Type": "application/xml"})

    return act


def cuts(handler: Handler, body: bytes) -> None:
    """The connection ends before there is an answer."""
    handler.cut()


def cuts_body(handler: Handler, body: bytes) -> None:
    """The answer ends in the middle."""

    handler.pass_on(body, ends_early=True)


def cuts_answer(handler: Handler, body: bytes) -> None:
    """The store has done it, and its answer is lost."""
    connection = handler.connection

    def lose(found: bytes) -> bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        return found

    with contextlib.suppress(OSError, ValueError):
        handler.pass_on(body, lose)
    handler.close_connection = True


def changes_sent(handler: Handler, body: bytes) -> None:
    """One bit of what is sent is turned over on the way."""
    handler.pass_on(bytes([body[0] ^ 1]) + body[1:])


def changes_answer(handler: Handler, body: bytes) -> None:
    """One bit of what is read is turned over on the way."""
    handler.pass_on(body, lambda found: bytes([found[0] ^ 1]) + found[1:])


def target_at(
    endpoint: str, bucket: str, prefix: str = "", *, name: str = "offsite", **more: object
) -> RepositoryTarget:
    """The repository in that bucket."""
    location = f"s3://{bucket}/{prefix}".rstrip("/")
    access = msgspec.structs.replace(StoreAccess(endpoint=endpoint, region="us-east-1"), **more)
    return RepositoryTarget(name=name, location=location, store=access)


def keys_of(server: S3Server, bucket: str) -> list[str]:
    """The names of all objects in a bucket."""
    status, body = server.ask("GET", f"/{urlsplit(bucket).path}?list-type=2&max-keys=1000")
    assert status == 200
    return sorted(part.partition("</Key>")[0] for part in body.decode().split("<Key>")[1:])
