"""Credentials of a store are found in their order, as they are at that moment, and shown nowhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pantry_tui.errors import ConfigError
from pantry_tui.models import RepositoryTarget, StoreAccess
from pantry_tui.repository.objects.credentials import Credentials, find_credentials
from pantry_tui.repository.objects.store import endpoint_of

TARGET = RepositoryTarget(name="offsite", location="s3://bucket")
PLAIN = StoreAccess()
REFERENCED = msgspec.structs.replace(PLAIN, access_key="env:KEY", secret_key="env:SECRET", session_token="env:TOKEN")
AMBIENT = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s1"}


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    file = tmp_path / "credentials"
    file.write_text(
        "[default]\naws_access_key_id = AKIA2\naws_secret_access_key = s%2\n"
        "[other]\naws_access_key_id = AKIA3\naws_secret_access_key = s3\naws_session_token = t3\n[empty]\n"
    )
    file.chmod(0o600)
    return file


def test_references_come_first() -> None:
    named = AMBIENT | {"KEY": "AKIA0", "SECRET": "s0", "TOKEN": "t0"}
    assert find_credentials(TARGET, REFERENCED, named) == Credentials("AKIA0", "s0", "t0")
    with pytest.raises(
        ConfigError, match=r"repositories.offsite.secret_key: the environment variable SECRET is not set"
    ):
        find_credentials(TARGET, REFERENCED, {"KEY": "AKIA0"})


def test_then_the_environment(profiles: Path) -> None:
    found = find_credentials(TARGET, PLAIN, AMBIENT | {"AWS_SHARED_CREDENTIALS_FILE": str(profiles)})
    assert found == Credentials("AKIA1", "s1")


def test_then_the_credentials_file(profiles: Path) -> None:
    named = {"AWS_SHARED_CREDENTIALS_FILE": str(profiles)}
    assert find_credentials(TARGET, PLAIN, named) == Credentials("AKIA2", "s%2")
    assert find_credentials(TARGET, PLAIN, named | {"AWS_PROFILE": "other"}) == Credentials("AKIA3", "s3", "t3")
    for profile in ("empty", "missing"):
        with pytest.raises(ConfigError, match=f"has no keys for the profile {profile}"):
            find_credentials(TARGET, PLAIN, named | {"AWS_PROFILE": profile})


def test_a_role_is_left_to_the_client(profiles: Path, tmp_path: Path) -> None:
    role = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_SHARED_CREDENTIALS_FILE": str(profiles)}
    assert find_credentials(TARGET, PLAIN, role) is None
    with pytest.raises(ConfigError, match="there is no credentials file"):
        find_credentials(TARGET, PLAIN, {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")})


def test_a_file_that_others_can_read_is_refused(profiles: Path) -> None:
    profiles.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        find_credentials(TARGET, PLAIN, {"AWS_SHARED_CREDENTIALS_FILE": str(profiles)})
    profiles.write_text("no section\n")
    profiles.chmod(0o600)
    with pytest.raises(ConfigError, match="cannot be read as a credentials file"):
        find_credentials(TARGET, PLAIN, {"AWS_SHARED_CREDENTIALS_FILE": str(profiles)})


@pytest.mark.parametrize(
    ("path_style", "endpoint"), [(True, "https://store.example:9000"), (False, "https://b-1.store.example:9000")]
)
def test_where_the_bucket_stands(path_style: bool, endpoint: str) -> None:
    assert endpoint_of("https://store.example:9000/", "b-1", path_style=path_style) == endpoint


def test_they_are_not_shown() -> None:
    assert "s3cret" not in repr(Credentials("AKIA", "s3cret", "token"))
