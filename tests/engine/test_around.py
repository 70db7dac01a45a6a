"""What is done around jobs, by the command line: hooks, messages, pings; and that none of it costs a backup."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.command_line import CommandLine
from tests.engine.runner.processes import eventually
from tests.servers import TestServer
from tests.unit.notify.servers import Answer, Mailbox, WebServer, mail_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


def configured(cli: CommandLine, text: str) -> None:
    """From now on commands read a configuration file too."""
    path = cli.home / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    cli.environment["PANTRY_CONFIG"] = str(path)


def hook(cli: CommandLine, name: str, text: str) -> str:
    path = cli.home / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def log_of_last_job(cli: CommandLine) -> str:
    return cli.succeed("job", "log", cli.json("job", "list", "-l", "1")[0]["id"]).out


def told(cli: CommandLine, web: WebServer, more: str = "") -> None:
    cli.environment |= {"HOOK": f"http://127.0.0.1:{web.port}/hook", "PING": f"http://127.0.0.1:{web.port}/ping"}
    text = '[notifications.chat]\nkind = "slack"\nurl = "env:HOOK"\n'
    configured(cli, f'{text}[notify]\non_success = ["chat"]\non_failure = ["chat"]\n{more}')


class TestHooks:
    def test_before_and_after_a_backup_and_a_recovery(self, server: TestServer, cli: CommandLine) -> None:
        note = cli.home / "notes"
        say = hook(cli, "say", f'echo "$1 $PANTRY_MOMENT $PANTRY_OUTCOME" >> {note}; echo "heard $PANTRY_BACKUP"')
        commands = [f'{moment}_{what} = ["{say}", "{what}"]' for what in ("backup", "recovery") for moment in MOMENTS]
        configured(cli, "[hooks]\n" + "\n".join(commands) + "\n")
        made = cli.json("backup", "create", "-n", "daily")["id"]
        assert f"after: heard {made}" in log_of_last_job(cli)
        target = server.drop_after_test("with hooks")
        cli.succeed("recovery", "execute", made, "--target", target.name, "--yes")
        cli.succeed("recovery", "plan", made, "-t", "public.notes")
        cli.succeed("backup", "validate", made)
        assert note.read_text().splitlines() == [
            "backup before ",
            "backup after succeeded",
            "recovery before ",
            "recovery after succeeded",
        ]

    def test_one_that_fails_before_stops_the_backup_and_the_other_is_run(self, cli: CommandLine) -> None:
        note = cli.home / "notes"
        before, after = hook(cli, "before", "echo why; exit 1"), hook(cli, "after", f"echo $PANTRY_OUTCOME > {note}")
        configured(cli, f'[hooks]\nbefore_backup = ["{before}"]\nafter_backup = ["{after}"]\n')
        refused = cli.run("backup", "create", "-n", "daily")
        assert (refused.status, "ended with status 1" in refused.err) == (55, True)
        assert cli.json("backup", "list") == []
        assert "before: why" in log_of_last_job(cli)
        assert note.read_text() == "failed\n"
        configured(cli, f'[hooks]\nbefore_backup = ["{before}"]\non_failure = "continue"\n')
        cli.succeed("backup", "create", "-n", "daily")
        assert cli.json("job", "list")[0]["warnings"] == 1

    def test_one_that_fails_afterwards_leaves_the_backup(self, cli: CommandLine) -> None:
        after = hook(cli, "after", "exit 7")
        configured(cli, f'[hooks]\nafter_backup = ["{after}"]\n')
        failed = cli.run("backup", "create", "-n", "daily")
        assert (failed.status, "is done, but what was to follow failed" in failed.err) == (55, True)
        [made] = cli.json("backup", "list")
        assert cli.json("job", "list")[0]["backup_id"] == made["id"]
        assert cli.json("backup", "validate", made["id"])["valid"]

    def test_cancelling_while_one_runs(self, cli: CommandLine) -> None:
        note = cli.home / "notes"
        before, after = hook(cli, "before", f"echo x > {note}; sleep 600"), hook(cli, "after", f"echo after >> {note}")
        configured(cli, f'[hooks]\nbefore_backup = ["{before}"]\nafter_backup = ["{after}"]\n')
        job = cli.succeed("backup", "create", "-n", "daily", "--no-wait").out.strip()
        eventually(note.exists, "the beginning of the hook")
        cli.succeed("job", "cancel", job)
        assert cli.run("job", "wait", job).status == 54
        assert note.read_text() == "x\nafter\n"

    def test_what_stopped_an_application_is_followed_by_what_starts_it_whatever_dies(self, cli: CommandLine) -> None:
        note = cli.home / "notes"
        before, after = hook(cli, "before", f"echo x > {note}; sleep 600"), hook(cli, "after", f"echo after >> {note}")
        configured(cli, f'[hooks]\nbefore_backup = ["{before}"]\nafter_backup = ["{after}"]\n')
        cli.succeed("backup", "create", "-n", "daily", "--no-wait")
        eventually(note.exists, "the beginning of the hook")
        os.kill(cli.json("runner", "status")["pid"], signal.SIGKILL)
        cli.succeed("runner", "start")
        eventually(lambda: "after" in note.read_text(), "the hook after the job that was cut off")
        assert "interrupted" in str(cli.json("job", "list")[0]["failure"])

    def test_it_is_run_again_where_another_runner_dies_and_its_failure_is_told(
        self, cli: CommandLine, web: WebServer
    ) -> None:
        note = cli.home / "notes"
        before = hook(cli, "before", f"echo x > {note}; sleep 600")
        after = hook(
            cli, "after", f"echo after >> {note}; test $(grep -c after {note}) -ge 2 && exit 3; exec sleep 600"
        )
        told(cli, web, f'[hooks]\nbefore_backup = ["{before}"]\nafter_backup = ["{after}"]\n')
        cli.succeed("backup", "create", "-n", "daily", "--no-wait")
        eventually(note.exists, "the beginning of the hook")
        os.kill(cli.json("runner", "status")["pid"], signal.SIGKILL)
        cli.succeed("runner", "start")
        eventually(lambda: note.read_text().count("after") == 1, "the hook after the job that was cut off")
        os.kill(cli.json("runner", "status")["pid"], signal.SIGKILL)
        cli.succeed("runner", "start")
        eventually(lambda: note.read_text().count("after") == 2, "the hook once more")
        cli.succeed("runner", "stop")
        said = "".join(request.body.decode() for request in web.requests)
        assert "which was cut off, failed" in said


MOMENTS = ("before", "after")


class TestMessages:
    def test_of_success_and_of_failure(self, cli: CommandLine, web: WebServer) -> None:
        told(cli, web)
        made = cli.json("backup", "create", "-n", "daily")["id"]
        assert cli.run("backup", "create", "-n", "daily", "-d", "no_such_database").status == 13
        good, bad = (request.body.decode() for request in web.requests)
        assert made in good
        assert "failed" in bad
        assert "What to do next" in bad
        assert cli.json("notify", "list") == []
        assert "chat was told (slack)" in log_of_last_job(cli)

    def test_one_that_cannot_be_told_costs_no_backup_and_shows(self, cli: CommandLine, web: WebServer) -> None:
        told(cli, web)
        web.answer = Answer(status=503, body=b"closed for today")
        made = cli.json("backup", "create", "-n", "daily")
        assert made["rows"] == 1000
        assert "warning: chat was not told (attempt 1, to be tried again)" in log_of_last_job(cli)
        [waiting] = cli.json("notify", "list")
        assert (waiting["receiver"]["name"], waiting["attempts"]) == ("chat", 1)
        assert "answered 503" in cli.succeed("notify", "list").out
        findings = cli.run("doctor", "--json").json()["findings"]
        [found] = [finding for finding in findings if finding["check"] == "notifications"]
        assert (found["status"], "answered 503" in found["message"]) == ("warning", True)

    def test_pings_at_the_beginning_and_the_end(self, cli: CommandLine, web: WebServer) -> None:
        cli.environment["PING"] = f"http://127.0.0.1:{web.port}/uuid"
        configured(cli, '[notify]\nping = "env:PING"\n')
        cli.succeed("backup", "create", "-n", "daily")
        cli.run("backup", "create", "-n", "daily", "-d", "no_such_database")
        assert [request.path for request in web.requests] == ["/uuid/start", "/uuid", "/uuid/start", "/uuid/fail"]
        assert "finished" in web.requests[1].body.decode()
        assert "no_such_database" in web.requests[3].body.decode()

    def test_by_mail_as_a_test(self, cli: CommandLine) -> None:
        mailbox = Mailbox()
        with mail_server(mailbox) as port:
            text = '[notifications.ops]\nkind = "email"\nhost = "127.0.0.1"\nsecurity = "none"\n'
            configured(cli, f'{text}port = {port}\nsender = "pantry@example.com"\nto = ["ops@example.com"]\n')
            assert cli.json("notify", "test", "ops") == {"to": "ops", "kind": "email", "told": True}
        [message] = mailbox.messages
        assert message["Subject"].startswith("[pantry-tui] a test from ")
        assert cli.run("notify", "test", "ops").status == 45
        assert cli.run("notify", "test", "nobody").status == 4

    def test_no_secret_is_written_down(self, cli: CommandLine, web: WebServer) -> None:
        web.answer = Answer(status=500)
        told(cli, web, 'ping = "env:PING"\n')
        cli.environment["HOOK"] += "/CANARY-4711"
        cli.environment["PING"] += "/CANARY-4711"
        cli.succeed("backup", "create", "-n", "daily")
        assert len(cli.json("notify", "list")) > 0
        for place in (cli.data, cli.repository):
            for file in (path for path in Path(place).rglob("*") if path.is_file()):
                assert b"CANARY-4711" not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[notify]\non_failure = ["ops"]\n', "notify.on_failure names 'ops', which is not configured"),
        ('[databases.crm]\non_success = ["ops"]\n', "databases.crm.on_success names 'ops'"),
        ('[notify]\nping = "https://hc.example/uuid"\n', "notify.ping must be a reference to the address"),
        ('[notifications.a]\nkind = "slack"\n', "notifications.a.url is missing"),
        ('[notifications.a]\nkind = "ping"\nurl = "env:A"\n', "notifications.a.kind must be one of"),
        ('[notifications.a]\nkind = "slack"\nurl = "https://hooks.example/secret"\n', "must be a reference"),
        ('[notifications.a]\nkind = "slack"\nurl = "env:NO_SUCH"\n', "environment variable NO_SUCH is not set"),
        (
            '[notifications.a]\nkind = "email"\nhost = "h"\nsender = "a@b"\nto = ["a@b\\r\\nBcc: c@d"]\n',
            "is no e-mail address",
        ),
        ('[notifications.a]\nkind = "email"\nhost = "h"\nto = ["a@b"]\n', "notifications.a.sender is missing"),
        ('[hooks]\nbefore_backup = ["stop"]\n', "hooks.before_backup must begin with an absolute path"),
        ('[databases.crm.hooks]\nbefore = ["/stop"]\n', "unknown key 'before' in [databases.crm.hooks]"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_told(cli: CommandLine, text: str, words: str) -> None:
    configured(cli, text)
    refused = cli.run("config", "check")
    assert (refused.status, words in refused.out + refused.err) == (3, True), refused.err
    assert "hooks.example/secret" not in refused.err
    assert "hc.example" not in refused.err
