"""References to secrets: each kind, each way it fails, and never the secret in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.config.references import redact, resolve_reference
from pantry_tui.errors import ConfigError


def resolve(reference: str, **environment: str) -> str:
    return resolve_reference(reference, environment, key="databases.crm.password")


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return path


def test_from_the_environment() -> None:
    assert resolve("env:CRM", CRM="s3 cret ") == "s3 cret "


def test_from_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    file.chmod(0o600)
    assert resolve(f"file:{file}") == "s3cret"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text("canary")
    file.chmod(mode)
    with pytest.raises(ConfigError, match="others can read") as caught:
        resolve(f"file:{file}")
    assert caught.value.remedy == f"If it holds nothing but this secret, run: chmod 600 {file}"


def test_from_systemd(tmp_path: Path) -> None:
    (tmp_path / "crm").write_text("s3cret")
    assert resolve("credential:crm", CREDENTIALS_DIRECTORY=str(tmp_path)) == "s3cret"


def test_from_a_command_without_a_shell(tmp_path: Path) -> None:
    program = script(tmp_path / "vault", 'printf "%s|%s\\n" "$1" "$PGPASSWORD"')
    assert resolve(f"command:{program} 'a;b $HOME'", PATH="/usr/bin:/bin", PGPASSWORD="x") == "a;b $HOME|"


def test_a_failing_command_says_why(tmp_path: Path) -> None:
    program = script(tmp_path / "vault", "echo sealed >&2; echo canary; exit 3")
    with pytest.raises(ConfigError, match="failed with status 3") as caught:
        resolve(f"command:{program}")
    assert caught.value.detail == "sealed"


def test_a_command_that_others_can_write_is_refused(tmp_path: Path) -> None:
    program = script(tmp_path / "vault", "echo x")
    program.chmod(0o722)
    with pytest.raises(ConfigError, match="can be written by others"):
        resolve(f"command:{program}")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("canary", "must be a reference"),
        ("canary:x", "must be a reference"),
        ("env:", "must be a reference"),
        ("env:ABSENT", "the environment variable ABSENT is not set"),
        ("env:EMPTY", "gives no usable password"),
        ("file:relative", "needs an absolute path"),
        ("file:/nonexistent/secret", "cannot read"),
        ("command:vault", "needs an absolute path"),
        ("command:/nonexistent/vault", "cannot run"),
        ("command:/bin/echo 'x", "cannot be read"),
        ("credential:../x", "without slashes"),
        ("credential:x", "CREDENTIALS_DIRECTORY is not set"),
    ],
)
def test_what_goes_wrong_is_said_without_the_secret(reference: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        resolve(reference, EMPTY="")
    assert caught.value.message.startswith("databases.crm.password")
    assert "canary" not in f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgresql://u:canary@h/x now", "at postgresql://u:***@h/x now"),
        ("postgres://u@h/x", "postgres://u@h/x"),
        ("host=h password=canary user=u", "host=h password=*** user=u"),
        ("password='can ary\\'x' user=u", "password=*** user=u"),
        ("?sslpassword=canary&x=1", "?sslpassword=***&x=1"),
        ("the word hunter2 alone", "the word *** alone"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    assert redact(text, ["hunter2", ""]) == shown
