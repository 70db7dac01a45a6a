"""Signatures: every change shows, and a signature of one kind of file is none of another."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pantry_tui.artifact.signing import SigningKey, verify
from pantry_tui.errors import BackupDamagedError, ConfigError

MANIFEST = b'{\n "id": "20261123T020000Z-daily-7f3a",\n "rows": 100\n}\n'
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))  # the same in every test process
SIGNATURE = KEY.sign(MANIFEST, purpose="manifest")


def check(data: bytes, signature: bytes, purpose: str = "manifest") -> str:
    return verify(data, signature, purpose=purpose, where="manifest.json").fingerprint


def test_the_signer_is_known_by_a_fingerprint() -> None:
    assert check(MANIFEST, SIGNATURE) == KEY.signer.fingerprint
    assert KEY.signer.fingerprint.startswith("SHA256:")
    assert len(KEY.signer.fingerprint) == 50
    assert SigningKey.generate().signer.fingerprint != KEY.signer.fingerprint
    assert json.loads(SIGNATURE)["fingerprint"] == KEY.signer.fingerprint


def test_every_changed_byte_of_what_is_signed_is_found() -> None:
    for place in range(len(MANIFEST)):
        changed = bytearray(MANIFEST)
        changed[place] ^= 1
        with pytest.raises(BackupDamagedError, match=r"manifest\.json is not what was signed"):
            check(bytes(changed), SIGNATURE)


def test_every_changed_bit_of_the_signature_is_found() -> None:
    for place in range(len(SIGNATURE)):
        for bit in range(8):
            changed = bytearray(SIGNATURE)
            changed[place] ^= 1 << bit
            with pytest.raises(BackupDamagedError):
                check(MANIFEST, bytes(changed))


@pytest.mark.parametrize("data", [b"", MANIFEST[:-1], MANIFEST + b"\n", MANIFEST * 2])
def test_added_and_removed_bytes_are_found(data: bytes) -> None:
    with pytest.raises(BackupDamagedError):
        check(data, SIGNATURE)


@pytest.mark.parametrize(
    "signature",
    [b"", b"{}", b"null", SIGNATURE[:-1], SIGNATURE + b" ", SIGNATURE * 2, b"\xff", SIGNATURE.replace(b"\n", b"")],
)  # fmt: skip
def test_what_is_no_signature_file(signature: bytes) -> None:
    with pytest.raises(BackupDamagedError, match=r"signature of manifest\.json is damaged"):
        check(MANIFEST, signature)


def test_a_signature_of_another_kind_is_refused() -> None:
    with pytest.raises(BackupDamagedError, match="another kind"):
        check(MANIFEST, SIGNATURE, purpose="pin")
    relabelled = SIGNATURE.replace(b'"manifest"', b'"pin"')
    with pytest.raises(BackupDamagedError, match="not what was signed"):
        check(MANIFEST, relabelled, purpose="pin")


def test_another_key_does_not_pass_as_this_one() -> None:
    other = json.loads(SigningKey.generate().sign(MANIFEST, purpose="manifest"))
    mixed = SIGNATURE.replace(KEY.signer.public_key.encode(), other["public_key"].encode())
    with pytest.raises(BackupDamagedError):
        check(MANIFEST, mixed)


def test_a_key_is_kept_as_text() -> None:
    again = SigningKey.decode(KEY.encode(), where="signing.key")
    assert again.signer == KEY.signer
    assert check(MANIFEST, again.sign(MANIFEST, purpose="manifest")) == KEY.signer.fingerprint
    body = KEY.encode().splitlines()[1]
    assert body.decode() not in repr(KEY)
    assert KEY.signer.fingerprint in repr(KEY)


def test_what_is_no_key_file() -> None:
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    canary = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(b"canary" * 9) + b"\n-----END PRIVATE KEY-----\n"
    for data in (b"", b"canary", KEY.encode()[:-40], canary, other):
        with pytest.raises(ConfigError, match=r"^signing\.key is no Ed25519 signing key") as caught:
            SigningKey.decode(data, where="signing.key")
        assert "canary" not in f"{caught.value.message} {caught.value.remedy} {caught.value.detail}"
