"""What the doctor says about keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.artifact.age import X25519Identity, X25519Recipient, identity_text, lock_identities
from pantry_tui.artifact.key_findings import examine_keys
from pantry_tui.artifact.signing_key import signing_key
from pantry_tui.config import Config, EncryptionSettings
from pantry_tui.models import FindingStatus

IDENTITY = X25519Identity.generate()
RECIPIENT = IDENTITY.recipient.text


def found(place: Path, encryption: EncryptionSettings, **environment: str) -> list[tuple[FindingStatus, str]]:
    config = Config(data_directory=str(place), encryption=encryption, environment=environment)
    return [(finding.status, finding.message) for finding in examine_keys(config)]


def test_nothing_where_nothing_is_configured(tmp_path: Path) -> None:
    assert found(tmp_path, EncryptionSettings()) == []


@pytest.mark.parametrize("name", ["signing.key", "trusted"])
def test_signing_that_is_impossible(tmp_path: Path, name: str) -> None:
    signing_key(tmp_path)
    assert found(tmp_path, EncryptionSettings()) == []
    (tmp_path / "keys" / name).write_text("x")
    ((status, message),) = found(tmp_path, EncryptionSettings())
    assert status is FindingStatus.PROBLEM
    assert f"{tmp_path}/keys/{name}" in message


def test_recipients_that_can_be_encrypted_to(tmp_path: Path) -> None:
    assert found(tmp_path, EncryptionSettings(recipients=(RECIPIENT,))) == [
        (FindingStatus.OK, "Backups are encrypted to 1 recipient")
    ]


@pytest.mark.parametrize(
    ("recipients", "said"),
    [(("age1x",), "is no age recipient"), ((X25519Recipient(bytes(32)).text,), "is no key that anybody has")],
)
def test_encryption_that_is_configured_and_impossible(tmp_path: Path, recipients: tuple[str, ...], said: str) -> None:
    ((status, message),) = found(tmp_path, EncryptionSettings(recipients=recipients))
    assert status is FindingStatus.PROBLEM
    assert said in message


@pytest.mark.parametrize("name", ["identity.age", "identity.txt"])
def test_an_identity_that_was_left_here(tmp_path: Path, name: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / name).write_text("secret")
    encryption = EncryptionSettings(recipients=(RECIPIENT,))
    assert found(tmp_path, encryption)[1] == (
        FindingStatus.WARNING,
        f"An identity lies on this host: {tmp_path}/keys/{name}",
    )


def test_an_identity_that_fits_and_one_that_does_not(tmp_path: Path) -> None:
    encryption = EncryptionSettings(recipients=(RECIPIENT,), identity="env:KEY")
    fits = found(tmp_path, encryption, KEY=identity_text((IDENTITY,)))
    assert fits[1] == (FindingStatus.OK, "Encrypted backups can be opened here")
    another = found(tmp_path, encryption, KEY=X25519Identity.generate().secret_text)
    assert another[1][0] is FindingStatus.WARNING
    ((_, _), (status, message)) = found(tmp_path, encryption, KEY="canary")
    assert status is FindingStatus.PROBLEM
    assert "canary" not in message


def test_a_protected_identity(tmp_path: Path) -> None:
    locked = lock_identities((IDENTITY,), "korrekt pferd", work_factor=10).decode()
    asked = found(tmp_path, EncryptionSettings(identity="env:KEY"), KEY=locked)
    assert asked == [
        (FindingStatus.OK, "Encrypted backups can be opened here by whoever knows the identity's passphrase")
    ]
    encryption = EncryptionSettings(identity="env:KEY", passphrase="env:WORDS")
    assert found(tmp_path, encryption, KEY=locked, WORDS="korrekt pferd")[0][0] is FindingStatus.OK
    assert found(tmp_path, encryption, KEY=locked, WORDS="another")[0][0] is FindingStatus.PROBLEM
