"""Documents with their signature inside: what was signed comes out, and nothing else does."""

from __future__ import annotations

import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.signed_document import open_document, sign_document
from pantry_tui.artifact.signing import SigningKey
from pantry_tui.errors import BackupDamagedError

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))  # the same in every test process
DATA = b'{"kind":"pin","by":"anna","pinned":true}'
DOCUMENT = sign_document(DATA, KEY, purpose="record")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def opened(document: bytes, purpose: str = "record") -> bytes:
    return open_document(document, purpose=purpose, where="pin.json").data


def test_it_is_json_that_says_who_signed_what() -> None:
    read = json.loads(DOCUMENT)
    assert read["signed"] == json.loads(DATA)
    assert read["signature"]["fingerprint"] == KEY.signer.fingerprint
    assert open_document(DOCUMENT, purpose="record", where="pin.json") == (DATA, KEY.signer)


@given(values, st.sampled_from([None, 0, 2]))
def test_the_very_bytes_come_back(value: object, indent: int | None) -> None:
    for data in (msgspec.json.encode(value), json.dumps(value, indent=indent).encode()):
        assert opened(sign_document(data, KEY, purpose="record")) == data


def test_every_changed_bit_is_found() -> None:
    for place in range(len(DOCUMENT)):
        for bit in range(8):
            changed = bytearray(DOCUMENT)
            changed[place] ^= 1 << bit
            with pytest.raises(BackupDamagedError, match=r"pin\.json"):
                opened(bytes(changed))


@pytest.mark.parametrize(
    "document",
    [b"", b"{}", b"[]", b"\xff", DATA, DOCUMENT[:-1], DOCUMENT + b" ", DOCUMENT * 2,
     DOCUMENT.replace(b"\n", b""), DOCUMENT.replace(b'{"signed"', b'{"signed":{},"signed"')],
)  # fmt: skip
def test_what_is_no_such_document(document: bytes) -> None:
    with pytest.raises(BackupDamagedError, match=r"pin\.json"):
        opened(document)


def test_one_kind_never_passes_for_another() -> None:
    with pytest.raises(BackupDamagedError, match="another kind of file"):
        opened(DOCUMENT, purpose="tombstone")
