"""The stock `age` opens what we encrypt, and we open what it encrypts."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pantry_tui.artifact.age import (
    CHUNK,
    Identity,
    PassphraseIdentity,
    PassphraseRecipient,
    Recipient,
    SealedFile,
    SealedWriter,
    X25519Identity,
    identity_text,
    load_identities,
    lock_identities,
    new_file,
)
from pantry_tui.artifact.age.armor import remove_armor
from pantry_tui.artifact.opened import LocalFile
from tests.engine.terminal import Terminal

CONTENT = random.Random(5).randbytes(3 * CHUNK + 1234)
PASSPHRASE = "s3cret ¶ferd"
Asked = Callable[..., Terminal]


@pytest.fixture(scope="session")
def age() -> str:
    """The program; tests do not install it."""
    found = shutil.which("age")
    if found is None:
        pytest.skip("the program age is not installed (apt install age)")
    return found


@pytest.fixture
def asked(age: str, tmp_path: Path) -> Iterator[Asked]:
    """Runs age at a terminal of its own, where it asks for passphrases."""
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        # setsid makes the pseudo-terminal the controlling one: age asks on /dev/tty
        command = ["setsid", "--ctty", "--wait", age, *arguments]
        opened.append(Terminal(command, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, tmp_path))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def write(path: Path, *recipients: Recipient) -> None:
    header, key = new_file(recipients)
    with path.open("wb") as file:
        writer = SealedWriter(file.write, header, key)
        writer.write(CONTENT)
        writer.finish()


def read(path: Path, *identities: Identity) -> bytes:
    with path.open("rb") as file:
        sealed = SealedFile.unlock(LocalFile(file.fileno(), str(path)), identities, where=str(path))
        return bytes(sealed.read(0, sealed.size))


def test_it_opens_what_we_encrypt(age: str, tmp_path: Path) -> None:
    identity = X25519Identity.generate()
    (tmp_path / "identity").write_text(identity_text((identity,), comment="ours"))
    write(tmp_path / "ours.age", X25519Identity.generate().recipient, identity.recipient)
    done = subprocess.run([age, "-d", "-i", "identity", "ours.age"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == CONTENT


@pytest.mark.parametrize("options", [[], ["--armor"]], ids=["binary", "armored"])
def test_we_open_what_it_encrypts(age: str, tmp_path: Path, options: list[str]) -> None:
    made = subprocess.run([f"{age}-keygen"], capture_output=True, check=True).stdout
    identities = load_identities(made, None)
    command = [age, *options, "-r", identities[0].recipient.text, "-r", X25519Identity.generate().recipient.text]
    content = CONTENT if not options else made
    file = subprocess.run(command, input=content, capture_output=True, check=True).stdout
    if options:
        assert file.startswith(b"-----BEGIN AGE")
        file = remove_armor(file, "theirs")
    (tmp_path / "theirs.age").write_bytes(file)
    assert read(tmp_path / "theirs.age", *identities) == content


def test_it_opens_our_passphrase(asked: Asked, tmp_path: Path) -> None:
    write(tmp_path / "ours.age", PassphraseRecipient(PASSPHRASE, work_factor=12))
    terminal = asked("-d", "-o", "opened", "ours.age")
    terminal.answer("passphrase", PASSPHRASE)
    assert terminal.end() == 0, terminal.shown
    assert (tmp_path / "opened").read_bytes() == CONTENT


def test_it_opens_with_our_protected_identity_file(asked: Asked, tmp_path: Path) -> None:
    identity = X25519Identity.generate()
    (tmp_path / "identity.age").write_bytes(lock_identities((identity,), PASSPHRASE, comment="ours", work_factor=12))
    write(tmp_path / "ours.age", identity.recipient)
    terminal = asked("-d", "-i", "identity.age", "-o", "opened", "ours.age")
    terminal.answer("passphrase", PASSPHRASE)
    assert terminal.end() == 0, terminal.shown
    assert (tmp_path / "opened").read_bytes() == CONTENT


def test_we_open_its_passphrase_and_its_protected_identity_file(asked: Asked, tmp_path: Path) -> None:
    identity = X25519Identity.generate()
    (tmp_path / "identity").write_text(identity_text((identity,)))
    terminal = asked("-p", "-o", "identity.age", "identity")
    terminal.answer("passphrase", PASSPHRASE)
    terminal.answer("passphrase", PASSPHRASE)
    assert terminal.end() == 0, terminal.shown
    protected = tmp_path / "identity.age"
    assert read(protected, PassphraseIdentity(PASSPHRASE)) == (tmp_path / "identity").read_bytes()
    (found,) = load_identities(protected.read_bytes(), PASSPHRASE)
    assert found.recipient == identity.recipient
