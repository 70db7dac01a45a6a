"""`pantry-tui key`: identity files that are made once and kept private, and recipients that change safely."""

from __future__ import annotations

import json
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest

from pantry_tui.artifact.age import HybridIdentity, X25519Identity, load_identities
from pantry_tui.artifact.signing_key import signing_key
from pantry_tui.cli.main import main

WORDS = "korrekt pferd batterie"
OLD, NEW = (X25519Identity(bytes([number] * 32)).recipient.text for number in (1, 2))  # the same in every test process
HYBRID = HybridIdentity(bytes(32)).recipient.text


class Keys:
    """The command with a home, a configuration and a passphrase of its own."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.place = place
        self.recipients = place / "recipients.txt"
        self.words = place / "words"
        self.words.write_text(f"{WORDS}\n")
        self.words.chmod(0o600)
        self._capsys = capsys
        self.configure(f'[encryption]\nrecipients_file = "{self.recipients}"\n')

    def configure(self, text: str) -> None:
        file = self.place / "config.toml"
        file.write_text(f'data_directory = "{self.place}/data"\n{text}')
        file.chmod(0o600)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        status = main(["--config", str(self.place / "config.toml"), "key", *arguments])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def json(self, *arguments: str) -> Any:
        status, out, err = self.run(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keys:
    monkeypatch.setenv("HOME", str(tmp_path))
    return Keys(tmp_path, capsys)


def test_a_protected_identity_file(keys: Keys) -> None:
    file = keys.place / "identity.age"
    status, out, err = keys.run("generate", "-o", str(file), "--passphrase-file", str(keys.words))
    assert status == 0
    (identity,) = load_identities(file.read_bytes(), WORDS)
    assert out == f"{identity.recipient}\n"
    assert S_IMODE(file.stat().st_mode) == 0o600
    assert "loses every backup encrypted to it" in err
    assert "age -d -i IDENTITY BACKUP/NAME.sql.gz.age | gunzip | psql" in err
    assert not {identity.secret_text, WORDS} & set(f"{out}{err}".split())
    assert WORDS not in out + err


def test_the_default_place_is_the_data_directory(keys: Keys) -> None:
    made = keys.json("generate", "--no-passphrase")
    assert made["identity_file"] == str(keys.place / "data" / "keys" / "identity.txt")
    assert made["protected"] is False
    (identity,) = load_identities(Path(made["identity_file"]).read_bytes(), None)
    assert identity.recipient.text == made["recipient"]


def test_the_card_holds_the_recipient_and_no_secret(keys: Keys) -> None:
    file, card = keys.place / "identity.txt", keys.place / "card.txt"
    made = keys.json("generate", "--no-passphrase", "-o", str(file), "--card", str(card))
    text = card.read_text()
    assert made["card"] == str(card)
    assert made["recipient"] in text
    assert "NOT protected" in text
    assert "AGE-SECRET-KEY" not in text
    assert S_IMODE(card.stat().st_mode) == 0o600


def test_the_loss_is_told_even_when_it_should_be_quiet(keys: Keys) -> None:
    status, out, err = keys.run("generate", "--no-passphrase", "--quiet")
    assert status == 0
    assert out.startswith("age1")
    assert err.count("\n") == 1
    assert "loses every backup" in err


def test_a_post_quantum_key(keys: Keys) -> None:
    made = keys.json("generate", "--no-passphrase", "--post-quantum")
    assert made["recipient"].startswith("age1pq1")
    assert keys.json("show", made["identity_file"])["recipients"] == [made["recipient"]]


@pytest.mark.parametrize(("option", "what"), [("-o", "key"), ("--card", "card")])
def test_nothing_is_replaced(keys: Keys, option: str, what: str) -> None:
    there = keys.place / "there"
    there.write_text("precious")
    status, out, err = keys.run("generate", "--no-passphrase", option, str(there))
    assert status == 5
    assert f"no {what} is ever replaced" in err
    assert there.read_text() == "precious"
    assert out == ""
    assert not (keys.place / "data" / "keys" / "identity.txt").exists()


def test_without_a_terminal_it_says_how_to_give_the_passphrase(keys: Keys) -> None:
    status, _, err = keys.run("generate")
    assert status == 5
    assert "--passphrase-file FILE" in err


@pytest.mark.parametrize(
    ("words", "mode", "status", "said"),
    [
        ("short", 0o600, 5, "protects nothing"),
        ("", 0o600, 3, "no usable passphrase"),
        (WORDS, 0o644, 3, "others can read"),
    ],
)
def test_a_passphrase_file_that_will_not_do(keys: Keys, words: str, mode: int, status: int, said: str) -> None:
    keys.words.write_text(words)
    keys.words.chmod(mode)
    found, _, err = keys.run("generate", "--passphrase-file", str(keys.words))
    assert (found, said in err) == (status, True)
    assert not (keys.place / "data" / "keys" / "identity.age").exists()


def test_opposite_options(keys: Keys) -> None:
    status, _, _ = keys.run("generate", "--no-passphrase", "--passphrase-file", str(keys.words))
    assert status == 2


def test_show_a_protected_file(keys: Keys) -> None:
    made = keys.json("generate", "--passphrase-file", str(keys.words))
    file = made["identity_file"]
    assert keys.run("show", file, "--passphrase-file", str(keys.words))[:2] == (0, f"{made['recipient']}\n")
    status, _, err = keys.run("show", file)
    assert status == 27
    assert "protected by a passphrase" in err
    keys.words.write_text("another passphrase")
    assert keys.run("show", file, "--passphrase-file", str(keys.words))[0] == 26


def test_show_what_is_configured(keys: Keys) -> None:
    keys.recipients.write_text(f"{NEW}\n")
    keys.configure(
        f'[encryption]\nrecipients = ["{OLD}"]\nrecipients_file = "{keys.recipients}"\nidentity = "env:IDENTITY"\n'
    )
    shown = keys.json("show")
    assert shown["recipients"] == [
        {"recipient": OLD, "from": str(keys.place / "config.toml")},
        {"recipient": NEW, "from": str(keys.recipients)},
    ]
    assert shown["identity"] == "env:IDENTITY"
    assert shown["signer"] is None
    fingerprint = signing_key(keys.place / "data").signer.fingerprint
    assert keys.json("show")["signer"] == fingerprint
    _, out, _ = keys.run("show")
    assert OLD in out
    assert NEW in out
    assert fingerprint in out


def test_show_says_when_nothing_is_encrypted(keys: Keys) -> None:
    keys.configure("")
    status, out, _ = keys.run("show")
    assert status == 0
    assert "backups are not encrypted" in out
    assert "this host cannot open encrypted backups" in out


def test_the_first_recipient_makes_the_file(keys: Keys) -> None:
    changed = keys.json("rotate", "--add", OLD)
    assert changed["added"] == changed["recipients"] == [OLD]
    assert OLD in keys.recipients.read_text().splitlines()


def test_one_comes_and_one_goes(keys: Keys) -> None:
    keys.recipients.write_text(f"# the safe\n{OLD}\n")
    status, out, err = keys.run("rotate", "--add", NEW, "--retire", OLD[:20])
    assert status == 0
    assert "the next backup is encrypted to 1 recipient " in out
    assert "opens every backup taken until now" in err
    lines = keys.recipients.read_text().splitlines()
    assert lines[0] == "# the safe"
    assert lines[1].startswith("# retired ")
    assert lines[1].endswith(OLD)
    assert lines[-1] == NEW


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "nothing to add"),
        (["--retire", OLD], 5, "the last recipient"),
        (["--add", OLD], 5, "a recipient already"),
        (["--retire", NEW], 4, "none of the recipients"),
        (["--add", "age1x"], 3, "--add is no age recipient"),
        (["--add", HYBRID], 3, "Post-quantum recipients"),
        (["--add", NEW, "--add", NEW], 5, "a recipient already"),
    ],
)  # fmt: skip
def test_what_would_do_harm_changes_nothing(keys: Keys, arguments: list[str], status: int, said: str) -> None:
    before = f"# the safe\n{OLD}\n"
    keys.recipients.write_text(before)
    found, _, err = keys.run("rotate", *arguments)
    assert (found, said in err) == (status, True), err
    assert keys.recipients.read_text() == before


def test_what_stands_in_the_configuration_is_retired_there(keys: Keys) -> None:
    keys.configure(f'[encryption]\nrecipients = ["{OLD}"]\nrecipients_file = "{keys.recipients}"\n')
    status, _, err = keys.run("rotate", "--add", NEW, "--retire", OLD)
    assert status == 5
    assert "Remove it from encryption.recipients" in err
    assert not keys.recipients.exists()


def test_without_a_recipients_file_it_says_what_to_write(keys: Keys) -> None:
    keys.configure("")
    status, _, err = keys.run("rotate", "--add", NEW)
    assert status == 3
    assert '[encryption] recipients_file = "' in err
