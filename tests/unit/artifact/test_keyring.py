"""The configured keys: encryption that is configured is done, or stops the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.artifact.age import X25519Identity, identity_text, lock_identities
from pantry_tui.artifact.keyring import configured_identities, configured_recipients, identities_of_file
from pantry_tui.config import EncryptionSettings
from pantry_tui.errors import ConfigError, KeyMissingError, WrongKeyError

FIRST, SECOND = X25519Identity.generate(), X25519Identity.generate()


def private(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_without_configuration_there_is_nobody() -> None:
    assert configured_recipients(EncryptionSettings()) == ()
    assert configured_identities(EncryptionSettings(), {}) == ()


def test_recipients_of_both_places_and_each_once(tmp_path: Path) -> None:
    file = private(tmp_path / "recipients", f"# us\n{FIRST.recipient}\n{SECOND.recipient}\n".encode())
    settings = EncryptionSettings(recipients=(FIRST.recipient.text,), recipients_file=str(file))
    assert configured_recipients(settings) == (FIRST.recipient, SECOND.recipient)


def test_a_recipients_file_that_went_missing_stops_the_run(tmp_path: Path) -> None:
    settings = EncryptionSettings(recipients_file=str(tmp_path / "recipients"))
    with pytest.raises(ConfigError, match="Encryption is configured, but its recipients file"):
        configured_recipients(settings)


@pytest.mark.parametrize("text", ["", "# retired 2026-11-23: age1…\n"])
def test_a_recipients_file_without_recipients_stops_the_run(tmp_path: Path, text: str) -> None:
    file = private(tmp_path / "recipients", text.encode())
    with pytest.raises(KeyMissingError, match="names no recipient"):
        configured_recipients(EncryptionSettings(recipients_file=str(file)))


def test_a_recipients_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    file = private(tmp_path / "recipients", f"{FIRST.recipient}\n".encode())
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by others"):
        configured_recipients(EncryptionSettings(recipients_file=str(file)))


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"\xff\n", "not UTF-8"), (b"#" * (1024 * 1024 + 1), "over 1 MB"), (b"#\nage1x\n", "line 2 is no age recipient")],
)
def test_what_is_no_recipients_file(tmp_path: Path, data: bytes, said: str) -> None:
    file = private(tmp_path / "recipients", data)
    with pytest.raises(ConfigError, match=said):
        configured_recipients(EncryptionSettings(recipients_file=str(file)))


def test_a_wrong_recipient_in_the_configuration_is_numbered() -> None:
    with pytest.raises(ConfigError, match=r"^encryption.recipients, number 2 is no age recipient"):
        configured_recipients(EncryptionSettings(recipients=(FIRST.recipient.text, "age1x")))


def test_an_identity_without_protection(tmp_path: Path) -> None:
    file = private(tmp_path / "identity", identity_text((FIRST, SECOND)).encode())
    found = configured_identities(EncryptionSettings(identity=f"file:{file}"), {})
    assert [identity.recipient for identity in found] == [FIRST.recipient, SECOND.recipient]
    (one,) = configured_identities(EncryptionSettings(identity="env:KEY"), {"KEY": FIRST.secret_text})
    assert one.recipient == FIRST.recipient


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_an_identity_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "identity", identity_text((FIRST,)).encode())
    file.chmod(mode)
    with pytest.raises(ConfigError, match="others can read"):
        configured_identities(EncryptionSettings(identity=f"file:{file}"), {})
    with pytest.raises(ConfigError, match="others can read"):
        identities_of_file(file)


def test_a_protected_identity_is_opened_by_the_configured_passphrase_or_by_asking(tmp_path: Path) -> None:
    file = private(tmp_path / "identity.age", lock_identities((FIRST,), "korrekt pferd", work_factor=10))
    reference = f"file:{file}"
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return "korrekt pferd"

    settings = EncryptionSettings(identity=reference, passphrase="env:WORDS")
    (found,) = configured_identities(settings, {"WORDS": "korrekt pferd"}, ask=ask)
    assert found.recipient == FIRST.recipient
    assert questions == []
    (found,) = configured_identities(EncryptionSettings(identity=reference), {}, ask=ask)
    assert found.recipient == FIRST.recipient
    assert questions == ["Passphrase of encryption.identity"]
    (found,) = identities_of_file(file, ask=ask)
    assert found.recipient == FIRST.recipient
    with pytest.raises(KeyMissingError, match="protected by a passphrase"):
        configured_identities(EncryptionSettings(identity=reference), {})
    with pytest.raises(WrongKeyError):
        configured_identities(settings, {"WORDS": "another"})
