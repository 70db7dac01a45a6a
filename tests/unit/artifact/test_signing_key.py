"""The signing key's file: made once, private, and never replaced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE

import pytest

from pantry_tui.artifact.signing_key import find_signing_key, keys_directory, signing_key
from pantry_tui.errors import ConfigError, RefusedError


def test_it_is_made_on_first_use_and_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert find_signing_key(data) is None
    made = signing_key(data)
    assert signing_key(data).signer == made.signer
    found = find_signing_key(data)
    assert found is not None
    assert found.signer == made.signer
    (file,) = keys_directory(data).iterdir()
    assert S_IMODE(file.stat().st_mode) == 0o600
    assert S_IMODE(keys_directory(data).stat().st_mode) == 0o700


def test_all_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        signers = {key.signer for key in threads.map(lambda _: signing_key(tmp_path), range(32))}
    assert len(signers) == 1
    assert [file.name for file in keys_directory(tmp_path).iterdir()] == ["signing.key"]


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    signing_key(tmp_path)
    file = keys_directory(tmp_path) / "signing.key"
    file.write_bytes(b"")
    with pytest.raises(ConfigError, match="is no Ed25519 signing key"):
        signing_key(tmp_path)
    assert file.read_bytes() == b""


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    signing_key(tmp_path)
    (keys_directory(tmp_path) / "signing.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        signing_key(tmp_path)


def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    keys_directory(tmp_path).mkdir()
    keys_directory(tmp_path).chmod(0o777)
    with pytest.raises(RefusedError, match="other users can write"):
        signing_key(tmp_path)
