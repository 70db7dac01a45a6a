"""One notice to one receiver: by real servers on this machine, well-behaved or not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pantry_tui.errors import ConfigError, NotificationError, NotificationRefusedError
from pantry_tui.models import MailSecurity, Notice, Outcome, Receiver, ReceiverKind
from pantry_tui.notify import mail, web
from pantry_tui.notify.sending import send
from pantry_tui.runner.delivery import deliver
from tests.unit.notify.servers import PASSWORD, Answer, Mailbox, WebServer, certificate, mail_server

NOTICE = Notice(outcome=Outcome.FAILED, subject="[pantry-tui] backup of crm: failed", text="why: <disk> & more é\n")
SECRET = {"HOOK": "http://127.0.0.1:1/very-secret"}


def by_mail(port: int, **more: object) -> Receiver:
    plain = Receiver(
        name="ops",
        kind=ReceiverKind.EMAIL,
        host="127.0.0.1",
        port=port,
        security=MailSecurity.NONE,
        sender="pantry@example.com",
        to=("ops@example.com", "anna@example.com"),
    )
    return msgspec.structs.replace(plain, **more)


@pytest.fixture
def start_web(request: pytest.FixtureRequest) -> Callable[..., WebServer]:
    def start(**options: object) -> WebServer:
        server = WebServer(**options)  # type: ignore[arg-type]
        request.addfinalizer(server.close)
        return server

    return start


def to_address(kind: ReceiverKind, url: str, **more: object) -> tuple[Receiver, dict[str, str]]:
    receiver = Receiver(name="chat", kind=kind, url="env:HOOK")
    return msgspec.structs.replace(receiver, **more), {"HOOK": url}


class TestMail:
    def test_it_arrives_as_it_was_meant(self) -> None:
        mailbox = Mailbox()
        with mail_server(mailbox) as port:
            send(by_mail(port), NOTICE, {})
        [message] = mailbox.messages
        assert (message["Subject"], message["To"]) == (NOTICE.subject, "ops@example.com, anna@example.com")
        assert message["Auto-Submitted"] == "auto-generated"
        assert message.get_content().replace("\r\n", "\n") == NOTICE.text

    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the test server's own
    @pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
    def test_protected_and_with_a_password(self, security: MailSecurity, tmp_path: Path) -> None:
        authority, context = certificate(tmp_path)
        mailbox = Mailbox()
        tls = {"tls": context} if security is MailSecurity.TLS else {"starttls": context}
        with mail_server(mailbox, auth=True, **tls) as port:
            trusting = by_mail(
                port, security=security, ca_file=str(authority), user="pantry", password="env:MAIL_PASSWORD"
            )
            send(trusting, NOTICE, {"MAIL_PASSWORD": PASSWORD})
            assert (len(mailbox.messages), mailbox.users) == (1, ["pantry"])
            with pytest.raises(NotificationRefusedError, match="refused user or password") as refused:
                send(trusting, NOTICE, {"MAIL_PASSWORD": "wrong secret"})
            assert "wrong secret" not in f"{refused.value} {refused.value.detail} {refused.value.remedy}"
            with pytest.raises(NotificationError, match="certificate that cannot be verified"):
                send(msgspec.structs.replace(trusting, ca_file=None), NOTICE, {"MAIL_PASSWORD": PASSWORD})
        assert len(mailbox.messages) == 1

    def test_a_server_without_tls_is_not_believed_to_have_it(self) -> None:
        mailbox = Mailbox()
        with mail_server(mailbox) as port, pytest.raises(NotificationError, match="does not offer"):
            send(by_mail(port, security=MailSecurity.STARTTLS), NOTICE, {})
        assert mailbox.messages == []

    def test_a_password_is_never_sent_in_the_clear(self) -> None:
        elsewhere = by_mail(25, host="mail.example.com", user="pantry", password="env:MAIL_PASSWORD")
        with pytest.raises(ConfigError, match="for everybody to read"):
            send(elsewhere, NOTICE, {"MAIL_PASSWORD": PASSWORD})

    def test_one_address_that_is_refused_is_told(self) -> None:
        mailbox = Mailbox(refused=("anna@example.com",))
        with (
            mail_server(mailbox) as port,
            pytest.raises(NotificationError, match=r"addresses of ops: anna@example\.com"),
        ):
            send(by_mail(port), NOTICE, {})

    def test_a_message_that_is_refused(self) -> None:
        refusing = mail_server(Mailbox(answer="554 spam"))
        with refusing as port, pytest.raises(NotificationRefusedError, match=r"refused the message \(554\)") as refused:
            send(by_mail(port), NOTICE, {})
        assert refused.value.detail == "spam"

    def test_nobody_is_there(self) -> None:
        with pytest.raises(NotificationError, match="refuses connections"):
            send(by_mail(1), NOTICE, {})

    def test_a_server_that_says_nothing(self, silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
        with pytest.raises(NotificationError, match="does not answer in time"):
            send(by_mail(silent), NOTICE, {})


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


class TestWeb:
    def test_slack(self, start_web: Callable[..., WebServer]) -> None:
        server = start_web()
        receiver, environment = to_address(ReceiverKind.SLACK, f"http://127.0.0.1:{server.port}/services/T/B/x")
        send(receiver, NOTICE, environment)
        [request] = server.requests
        assert (request.path, request.content_type) == ("/services/T/B/x", "application/json")
        text = msgspec.json.decode(request.body)["text"]
        assert text == "*[pantry-tui] backup of crm: failed*\nwhy: &lt;disk&gt; &amp; more é\n"

    @pytest.mark.parametrize(
        ("outcome", "path"),
        [(Outcome.STARTED, "/uuid/start?x=1"), (Outcome.SUCCEEDED, "/uuid?x=1"), (Outcome.FAILED, "/uuid/fail?x=1")],
    )
    def test_pings(self, outcome: Outcome, path: str, start_web: Callable[..., WebServer]) -> None:
        server = start_web()
        receiver, environment = to_address(ReceiverKind.PING, f"http://127.0.0.1:{server.port}/uuid?x=1")
        send(receiver, msgspec.structs.replace(NOTICE, outcome=outcome), environment)
        assert [(request.path, request.body.decode()) for request in server.requests] == [(path, NOTICE.text)]

    @pytest.mark.filterwarnings(
        "ignore:'imghdr' is deprecated:DeprecationWarning"
    )  # imported by apprise's dependencies
    def test_apprise(self, start_web: Callable[..., WebServer]) -> None:
        server = start_web()
        receiver, environment = to_address(ReceiverKind.APPRISE, f"json://127.0.0.1:{server.port}/in")
        send(receiver, NOTICE, environment)
        sent = msgspec.json.decode(server.requests[0].body)
        assert (sent["title"], sent["type"]) == (NOTICE.subject, "failure")
        server.answer = Answer(status=500)
        with pytest.raises(NotificationError, match="did not take the message"):
            send(receiver, NOTICE, environment)
        with pytest.raises(ConfigError, match="no address that apprise knows"):
            send(receiver, NOTICE, {"HOOK": "nonsense://x"})

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Answer(status=404, body=b"no_service"), "answered 404"),
            (Answer(status=302, location="http://127.0.0.1:1/elsewhere"), "answered 302"),
            (Answer(status=200, body=b"<html>"), "no Slack webhook"),
        ],
    )
    def test_what_slack_did_not_take(self, answer: Answer, words: str, start_web: Callable[..., WebServer]) -> None:
        server = start_web(answer=answer)
        url = f"http://127.0.0.1:{server.port}/very-secret"
        receiver, environment = to_address(ReceiverKind.SLACK, url)
        with pytest.raises(NotificationError, match=words) as refused:
            send(receiver, NOTICE, environment)
        assert "very-secret" not in f"{refused.value} {refused.value.detail} {refused.value.remedy}"
        assert len(server.requests) == 1

    def test_certificates_are_verified(self, start_web: Callable[..., WebServer], tmp_path: Path) -> None:
        authority, context = certificate(tmp_path)
        server = start_web(tls=context)
        receiver, environment = to_address(ReceiverKind.SLACK, f"https://127.0.0.1:{server.port}/x")
        with pytest.raises(NotificationError, match="certificate that cannot be verified"):
            send(receiver, NOTICE, environment)
        assert server.requests == []
        send(msgspec.structs.replace(receiver, ca_file=str(authority)), NOTICE, environment)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("url", ["http://hooks.example.com/x", "ftp://x/y", "hooks", "https://a b/", "https://[x"])
    def test_addresses_that_others_could_read_are_refused(self, url: str) -> None:
        receiver, environment = to_address(ReceiverKind.SLACK, url)
        with pytest.raises(ConfigError, match="no https:// address") as refused:
            send(receiver, NOTICE, environment)
        assert url not in str(refused.value)

    def test_a_server_that_says_nothing(self, silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.2)
        receiver, environment = to_address(ReceiverKind.SLACK, f"http://127.0.0.1:{silent}/x")
        with pytest.raises(NotificationError, match="does not answer in time"):
            send(receiver, NOTICE, environment)

    def test_nobody_is_there(self) -> None:
        receiver, environment = to_address(ReceiverKind.SLACK, "http://127.0.0.1:1/x")
        with pytest.raises(NotificationError, match="refuses connections"):
            send(receiver, NOTICE, environment)


class TestProcess:
    async def test_it_is_sent(self, start_web: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch) -> None:
        server = start_web()
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.port}/x")
        receiver, _ = to_address(ReceiverKind.SLACK, "")
        await deliver(receiver, NOTICE)
        assert len(server.requests) == 1

    async def test_its_failure_is_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HOOK", raising=False)
        receiver, _ = to_address(ReceiverKind.SLACK, "")
        with pytest.raises(ConfigError, match="environment variable HOOK is not set"):
            await deliver(receiver, NOTICE)

    async def test_one_that_hangs_is_ended(
        self, start_web: Callable[..., WebServer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = start_web()
        server.held.clear()
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.port}/x")
        receiver, _ = to_address(ReceiverKind.SLACK, "")
        with pytest.raises(NotificationError, match="within 1 s"):
            await deliver(receiver, NOTICE, seconds=1.0)
