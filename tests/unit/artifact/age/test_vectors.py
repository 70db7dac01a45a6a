"""All public vectors of the age format: accepted and rejected as they say, and no byte released beyond."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pantry_tui.artifact.age import (
    Identity,
    PassphraseIdentity,
    SealedFile,
    is_locked,
    open_file,
    opened_pieces,
    parse_identities,
)
from pantry_tui.artifact.age.armor import remove_armor
from pantry_tui.artifact.opened import LocalFile
from pantry_tui.errors import BackupDamagedError, PantryError, RefusedError, WrongKeyError
from tests.conftest import CORPUS
from tests.unit.artifact.age.vectors import Vector, read_vector

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

KIT = CORPUS / "age-testkit" / "testdata"
NAMES = sorted(path.name for path in KIT.iterdir()) if KIT.is_dir() else []
NOTHING = hashlib.sha256().hexdigest()


def identities_of(vector: Vector) -> list[Identity]:
    given: list[Identity] = [PassphraseIdentity(passphrase) for passphrase in vector.passphrases]
    return given + [identity for text in vector.identities for identity in parse_identities(text)]


def read_all(vector: Vector, released: Digest) -> None:
    """Reads the vector's file to its end; what is released meanwhile goes to ``released``."""
    file = remove_armor(vector.file, "vector") if vector.armored else vector.file
    start, key = open_file(file, identities_of(vector) or [PassphraseIdentity("")], where="vector")
    for piece in opened_pieces(lambda offset, length: file[offset : offset + length], len(file), start, key):
        released.update(piece)


def kind_of(error: PantryError) -> str:
    """The word that the vectors have for an error."""
    if isinstance(error, WrongKeyError):
        return "no match"
    if isinstance(error, RefusedError) and "units of work" in error.message:
        return "header failure"
    assert isinstance(error, BackupDamagedError)
    marks = {
        "armor": "armor failure",
        "header of the encrypted file is malformed": "header failure",
        "authentication code is another": "HMAC failure",
        "encrypted chunk": "payload failure",
    }
    (kind,) = [kind for mark, kind in marks.items() if mark in error.message]
    return kind


def test_the_vectors_are_all_there(corpus: Path) -> None:
    assert corpus == CORPUS
    assert len(NAMES) == 143


@pytest.mark.parametrize("name", NAMES)
def test_vector(name: str) -> None:
    vector = read_vector(KIT / name)
    released = hashlib.sha256()
    if vector.expect == "success":
        read_all(vector, released)
    else:
        with pytest.raises(PantryError) as caught:
            read_all(vector, released)
        assert kind_of(caught.value) == vector.expect
    assert released.hexdigest() == (vector.payload or NOTHING)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("stream") and "nonce" not in name])
def test_random_access_agrees_with_reading_in_order(name: str, tmp_path: Path) -> None:
    vector = read_vector(KIT / name)
    path = tmp_path / "file.age"
    path.write_bytes(vector.file)
    with path.open("rb") as file:
        try:
            sealed = SealedFile.unlock(LocalFile(file.fileno(), name), identities_of(vector), where=name)
            content = b"".join(bytes(sealed.read(offset, 100_000)) for offset in range(0, sealed.size, 100_000))
        except BackupDamagedError:
            assert vector.expect == "payload failure"
        else:
            assert vector.expect == "success"
            assert hashlib.sha256(content).hexdigest() == vector.payload


def test_armored_vectors_look_locked() -> None:
    for name in NAMES:
        vector = read_vector(KIT / name)
        if vector.expect == "success":
            assert is_locked(vector.file), name
