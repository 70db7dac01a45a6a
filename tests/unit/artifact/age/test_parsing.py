"""Recipients and identities as people write them, and nothing secret in what is said about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.age import (
    HybridIdentity,
    X25519Identity,
    bech32,
    identity_text,
    is_locked,
    load_identities,
    lock_identities,
    new_file,
    parse_identities,
    parse_recipient,
    parse_recipients,
    unlock_identities,
)
from pantry_tui.artifact.age.armor import armor, is_armored, remove_armor
from pantry_tui.errors import BackupDamagedError, ConfigError, KeyMissingError, PantryError, WrongKeyError

# the example of the specification
SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_the_example_of_the_specification() -> None:
    (identity,) = parse_identities(f"# a comment\n\n  {SECRET}\n")
    assert identity.recipient.text == RECIPIENT
    assert identity.recipient == parse_recipient(f" {RECIPIENT}\n")
    assert identity.secret_text == SECRET


@pytest.mark.parametrize("identity", [X25519Identity.generate(), HybridIdentity.generate()], ids=["x25519", "pq"])
def test_keys_are_read_as_they_are_written(identity: X25519Identity | HybridIdentity) -> None:
    text = identity_text((identity,), comment="kept in the safe\nand at the notary's")
    assert text.startswith("# kept in the safe\n# and at the notary's\n# public key: age1")
    (read,) = parse_identities(text)
    assert read.secret_text == identity.secret_text
    assert parse_recipient(identity.recipient.text) == identity.recipient


def test_a_recipients_file() -> None:
    other = X25519Identity.generate().recipient
    assert parse_recipients(f"# office\n{RECIPIENT}\n\n{other}\n", key="r") == (parse_recipient(RECIPIENT), other)
    with pytest.raises(ConfigError, match=r"^r line 3 is no age recipient"):
        parse_recipients(f"# office\n{RECIPIENT}\nage1x\n", key="r")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RECIPIENT[:-1], "copied whole"),
        (RECIPIENT[:-1] + "q", "copied whole"),
        (RECIPIENT.upper(), "small letters"),
        (RECIPIENT.capitalize(), "small letters"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ", "SSH keys are not supported"),
        ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "plugins"),
        ("", "begins with age1"),
        (bech32.encode("age", bytes(31)), "begins with age1"),
        (bech32.encode("age1pq", bytes(32)), "begins with age1"),
    ],
)
def test_what_is_no_recipient(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^backup is no age recipient") as caught:
        parse_recipient(text, key="backup")
    assert said in str(caught.value.remedy)


@pytest.mark.parametrize("text", [SECRET, SECRET.lower(), SECRET[:-3]])
def test_a_secret_in_the_wrong_place_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="secret identity") as caught:
        parse_recipient(text, key="backup.recipients")
    assert "GFPYYS" not in f"{caught.value.message} {caught.value.remedy}".upper()


@pytest.mark.parametrize("text", ["", "# nothing", RECIPIENT, SECRET[:-1], SECRET.lower(), f"{SECRET}\ncanary"])
def test_what_is_no_identity_file(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^file ") as caught:
        parse_identities(text, key="file")
    said = f"{caught.value.message} {caught.value.remedy}".upper()
    assert "CANARY" not in said
    assert "GFPYYS" not in said


def test_a_protected_identity_file() -> None:
    identities = (X25519Identity.generate(), HybridIdentity.generate())
    locked = lock_identities(identities, "s3cret", comment="for crm", work_factor=10)
    assert is_locked(locked)
    assert not is_locked(identity_text(identities).encode())
    assert [one.secret_text for one in load_identities(locked, "s3cret")] == [one.secret_text for one in identities]
    assert unlock_identities(remove_armor(locked, "x"), "s3cret")[0].recipient == identities[0].recipient
    with pytest.raises(WrongKeyError, match=r"^file: this passphrase"):
        unlock_identities(locked, "S3cret", key="file")
    with pytest.raises(KeyMissingError, match=r"^file is protected"):
        load_identities(locked, None, key="file")
    with pytest.raises(BackupDamagedError, match=r"^file"):
        unlock_identities(locked.replace(b"-----END", b"----END"), "s3cret", key="file")


def test_a_backup_is_no_identity_file() -> None:
    header, key = new_file([X25519Identity.generate().recipient])
    backup = header + key.seal(0, b"rows", last=True)
    with pytest.raises(ConfigError, match="no identity file"):
        load_identities(backup, "x")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_identities(b"\xff\xfe", None)


@given(st.binary(max_size=300))
def test_armor_goes_on_and_off(data: bytes) -> None:
    text = armor(data)
    assert is_armored(text)
    assert max(map(len, text.split(b"\n"))) <= 64
    assert remove_armor(b"\r\n " + text.replace(b"\n", b"\r\n"), "x") == data


@given(st.binary(max_size=80), st.sampled_from(["age", "AGE-SECRET-KEY-", "a1b"]))
def test_bech32_goes_both_ways(data: bytes, prefix: str) -> None:
    assert bech32.decode(bech32.encode(prefix, data)) == (prefix, data)


@given(st.integers(0, len(SECRET) - 1), st.sampled_from("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"))
def test_one_wrong_letter_shows(place: int, letter: str) -> None:
    changed = SECRET[:place] + letter + SECRET[place + 1 :]
    if changed != SECRET:
        with pytest.raises(PantryError):
            parse_identities(changed)
