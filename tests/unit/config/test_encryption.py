"""`[encryption]`: what it may say, and no secret in what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.config import Config, EncryptionSettings, load_config
from pantry_tui.config.references import resolve_bytes
from pantry_tui.errors import ConfigError


def load(place: Path, text: str) -> Config:
    file = place / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load_config(file, {"HOME": str(place)})


def test_nothing_is_encrypted_unless_somebody_says_so(tmp_path: Path) -> None:
    config = load(tmp_path, "[backup]\njobs = 2\n")
    assert config.encryption == EncryptionSettings()
    assert not config.encryption.wanted
    assert config.origins["encryption.recipients"] == "default"


def test_everything_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = load(
        tmp_path,
        '[encryption]\nrecipients = ["age1a", "age1b"]\nrecipients_file = "~/recipients.txt"\n'
        'identity = "file:/media/usb/identity.age"\npassphrase = "credential:pantry"\n',
    )
    assert config.encryption.recipients == ("age1a", "age1b")
    assert config.encryption.recipients_file == str(tmp_path / "recipients.txt")
    assert config.encryption.wanted
    assert config.origins["encryption.identity"].startswith("file ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('identity = "AGE-SECRET-KEY-1CANARY"', "encryption.identity must be a reference to the identity"),
        ('passphrase = "canary"', "encryption.passphrase must be a reference to the passphrase"),
        ('identity = "file:canary"', "encryption.identity: file: needs an absolute path"),
        ('recipients = "canary"', "encryption.recipients must be a list of recipients"),
        ('recipients = [""]', "encryption.recipients must be a list of recipients"),
        ('recipients_file = "relative"', "encryption.recipients_file must be an absolute path"),
        ('recipient = "age1a"', "unknown key 'recipient'"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[encryption]\n{line}\n")
    assert said in caught.value.message
    assert "canary" not in f"{caught.value.message} {caught.value.remedy} {caught.value.detail}".lower()


def test_a_reference_may_stand_for_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "identity.age"
    file.write_bytes(b"\xff\x00")
    file.chmod(0o600)
    assert resolve_bytes(f"file:{file}", {}, key="k", what="identity") == b"\xff\x00"
