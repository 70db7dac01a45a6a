"""Encrypting and opening again: any length, any place, and every change shows."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantry_tui.artifact.age import (
    CHUNK,
    SEALED_CHUNK,
    HybridIdentity,
    Identity,
    PassphraseIdentity,
    PassphraseRecipient,
    PayloadKey,
    Recipient,
    SealedFile,
    SealedWriter,
    X25519Identity,
    X25519Recipient,
    new_file,
    open_file,
    opened_pieces,
    opened_size,
    sealed_size,
)
from pantry_tui.artifact.opened import LocalFile
from pantry_tui.errors import BackupDamagedError, ConfigError, KeyMissingError, PantryError, WrongKeyError

IDENTITY = X25519Identity.generate()
LENGTHS = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 40 * CHUNK + 5)


def encrypted(content: bytes, recipients: Sequence[Recipient] = (IDENTITY.recipient,), pieces: int = 50_000) -> bytes:
    header, key = new_file(recipients)
    written = bytearray()
    writer = SealedWriter(written.extend, header, key)
    for start in range(0, len(content), pieces):
        writer.write(content[start : start + pieces])
    writer.finish()
    assert writer.length == len(written) == len(header) + sealed_size(len(content))
    return bytes(written)


def decrypted(file: bytes, *identities: Identity) -> bytes:
    start, key = open_file(file, identities or [IDENTITY])
    return b"".join(opened_pieces(lambda offset, length: file[offset : offset + length], len(file), start, key))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("pieces", [7_001, CHUNK, 5 * CHUNK, 100 * CHUNK])
def test_what_was_written_is_read(length: int, pieces: int) -> None:
    content = random.Random(length).randbytes(length)
    assert decrypted(encrypted(content, pieces=pieces)) == content


@pytest.mark.parametrize("length", LENGTHS)
def test_sizes_follow_from_each_other(length: int) -> None:
    assert opened_size(sealed_size(length)) == length


@pytest.mark.parametrize("length", [0, 1, 15, SEALED_CHUNK + 1, SEALED_CHUNK + 15])
def test_no_content_has_such_a_size(length: int) -> None:
    assert opened_size(length) is None


def test_each_of_several_recipients_opens_it() -> None:
    others = [X25519Identity.generate() for _ in range(20)]
    file = encrypted(b"content", [IDENTITY.recipient, *(identity.recipient for identity in others)])
    for identity in (IDENTITY, *others):
        assert decrypted(file, identity) == b"content"
        assert decrypted(file, X25519Identity.generate(), identity) == b"content"


def test_post_quantum_recipients() -> None:
    first, second = HybridIdentity.generate(), HybridIdentity.generate()
    file = encrypted(b"content", [first.recipient, second.recipient])
    assert decrypted(file, second) == decrypted(file, IDENTITY, first) == b"content"
    with pytest.raises(WrongKeyError):
        decrypted(file, HybridIdentity.generate(), IDENTITY)


def test_a_passphrase() -> None:
    file = encrypted(b"content", [PassphraseRecipient("korrekt ¶ferd", work_factor=10)])
    assert decrypted(file, PassphraseIdentity("korrekt ¶ferd")) == b"content"
    with pytest.raises(WrongKeyError, match="passphrase"):
        decrypted(file, PassphraseIdentity("korrekt ¶ferd "))


def test_others_do_not_open_it() -> None:
    file = encrypted(b"content")
    with pytest.raises(WrongKeyError, match="none of the 2 identities"):
        decrypted(file, X25519Identity.generate(), PassphraseIdentity("x"))
    with pytest.raises(KeyMissingError):
        open_file(file, [], where="x.age")


def test_recipients_that_cannot_stand_together() -> None:
    with pytest.raises(KeyMissingError):
        new_file([])
    with pytest.raises(ConfigError, match="passphrase"):
        new_file([PassphraseRecipient("x", work_factor=10), IDENTITY.recipient])
    with pytest.raises(ConfigError, match="Post-quantum"):
        new_file([HybridIdentity.generate().recipient, IDENTITY.recipient])
    with pytest.raises(ConfigError, match="no key"):
        new_file([X25519Recipient(bytes(32))])
    with pytest.raises(ConfigError, match="more than one file"):
        new_file([IDENTITY.recipient] * 700)


def test_two_files_share_nothing() -> None:
    first, second = encrypted(b"same" * 100), encrypted(b"same" * 100)
    assert first.partition(b"--- ")[0] != second.partition(b"--- ")[0]
    assert first[-300:] != second[-300:]


@settings(max_examples=200, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_changed_bit_is_found(place: float, bit: int) -> None:
    changed = bytearray(SMALL)
    changed[int(place * len(changed))] ^= 1 << bit
    with pytest.raises(PantryError) as caught:
        decrypted(bytes(changed))
    assert isinstance(caught.value, (BackupDamagedError, WrongKeyError))


SMALL = encrypted(random.Random(1).randbytes(CHUNK + 300))


@pytest.mark.parametrize("cut", [1, 16, 300, 316, 317, 1000, SEALED_CHUNK + 316, len(SMALL) - 5])
def test_every_cut_is_found(cut: int) -> None:
    with pytest.raises(BackupDamagedError):
        decrypted(SMALL[:-cut])


def test_a_cut_between_chunks_is_named() -> None:
    with pytest.raises(BackupDamagedError, match="chunk 0 is whole, but those that followed it are cut off"):
        decrypted(SMALL[: -(300 + 16)])
    with pytest.raises(BackupDamagedError, match="was the last one, and more follows"):
        decrypted(encrypted(bytes(CHUNK)) + b"more")


def test_a_file_that_shrinks_while_it_is_read() -> None:
    start, key = open_file(SMALL, [IDENTITY])
    with pytest.raises(BackupDamagedError, match="cut off"):
        list(opened_pieces(lambda offset, length: SMALL[offset : offset + length - 1], len(SMALL), start, key))


def test_chunks_do_not_change_places() -> None:
    content = random.Random(2).randbytes(3 * CHUNK)
    file = encrypted(content)
    start, key = open_file(file, [IDENTITY])
    chunks = [file[start + place : start + place + SEALED_CHUNK] for place in range(0, 3 * SEALED_CHUNK, SEALED_CHUNK)]
    assert key.open(1, chunks[1], last=False) == content[CHUNK : 2 * CHUNK]
    assert key.open(0, chunks[0] + chunks[1], last=False) == content[: 2 * CHUNK]
    with pytest.raises(BackupDamagedError, match="chunk 0 is not what was written"):
        key.open(0, chunks[1] + chunks[0], last=False)


def test_only_the_last_chunk_may_be_short() -> None:
    key = PayloadKey(bytes(32))
    for content in (b"", b"short", bytes(CHUNK + 1)):
        with pytest.raises(ValueError, match="only the last chunk"):
            key.seal(0, content, last=False)


def test_a_key_is_handed_over_as_bytes_and_never_shown() -> None:
    secret = os.urandom(32)
    key = PayloadKey(secret)
    sealed = key.seal(7, b"content", last=True)
    assert bytes(PayloadKey(key.secret()).open(7, sealed, last=True)) == b"content"
    assert repr(key) == "PayloadKey(…)"
    assert IDENTITY.secret_text not in repr(IDENTITY)
    assert IDENTITY.recipient.text in repr(IDENTITY)


def test_threads_share_a_key_and_a_file(tmp_path: Path) -> None:
    content = random.Random(3).randbytes(40 * CHUNK + 99)
    path = tmp_path / "file.age"
    path.write_bytes(encrypted(content))
    places = [random.Random(number).randrange(len(content)) for number in range(200)]
    with path.open("rb") as file, ThreadPoolExecutor(4) as threads:
        sealed = SealedFile.unlock(LocalFile(file.fileno(), "file.age"), [IDENTITY], where="file.age")
        assert sealed.size == len(content)
        for place, found in zip(places, threads.map(lambda place: sealed.read(place, 200_000), places), strict=True):
            assert found == content[place : place + 200_000]


@pytest.mark.parametrize("length", LENGTHS)
def test_any_place_can_be_read(tmp_path: Path, length: int) -> None:
    content = random.Random(length).randbytes(length)
    path = tmp_path / "file.age"
    path.write_bytes(encrypted(content))
    with path.open("rb") as file:
        sealed = SealedFile.unlock(LocalFile(file.fileno(), "file.age"), [IDENTITY], where="file.age")
        for offset in {0, 1, CHUNK - 1, CHUNK, max(0, length - 1), length, length + 1}:
            for amount in (0, 1, CHUNK, CHUNK + 1, length):
                assert sealed.read(offset, amount) == content[offset : offset + amount]


@pytest.mark.parametrize("cut", [1, 16, 315, 316, SEALED_CHUNK + 316])
def test_a_cut_file_is_not_even_opened(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file.age"
    path.write_bytes(SMALL[:-cut])
    with path.open("rb") as file, pytest.raises(BackupDamagedError, match=r"^file.age"):
        SealedFile.unlock(LocalFile(file.fileno(), "file.age"), [IDENTITY], where="file.age")


def test_a_file_cut_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "file.age"
    path.write_bytes(encrypted(bytes(4 * CHUNK)))
    with path.open("r+b") as file:
        sealed = SealedFile.unlock(LocalFile(file.fileno(), "file.age"), [IDENTITY], where="file.age")
        file.truncate(SEALED_CHUNK + 500)
        with pytest.raises(BackupDamagedError, match="chunk 1 is cut off"):
            sealed.read(0, 2 * CHUNK)
