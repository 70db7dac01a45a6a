"""With which credentials a store is asked: those that references name, else those of the usual places.

The usual places are the environment (AWS_ACCESS_KEY_ID …), the shared credentials file with AWS_PROFILE, and then what obstore
itself finds: a web identity, a container's or a machine's role.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pantry_tui.config.references import read_secret_file, resolve_reference
from pantry_tui.errors import ConfigError
from pantry_tui.models import RepositoryTarget, StoreAccess

_ELSEWHERE = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class Credentials(NamedTuple):
    """A key pair, and the token that goes with a temporary one."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(***)"


def find_credentials(
    target: RepositoryTarget, access: StoreAccess, environment: Mapping[str, str]
) -> Credentials | None:
    """The credentials as they are at this moment; None: obstore is to look for a role.

    Raises `ConfigError` for a reference that gives nothing, or a profile that is not there.
    """
    if access.access_key is not None and access.secret_key is not None:
        return _referenced(target.name, access.access_key, access.secret_key, access.session_token, environment)
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return Credentials(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN") or None,
        )
    if any(environment.get(name) for name in _ELSEWHERE):
        return None
    return _of_profile(environment)


def _referenced(
    name: str, access_key: str, secret_key: str, session_token: str | None, environment: Mapping[str, str]
) -> Credentials:
    def resolved(reference: str, field: str) -> str:
        return resolve_reference(reference, environment, key=f"repositories.{name}.{field}", what="key")

    return Credentials(
        resolved(access_key, "access_key"),
        resolved(secret_key, "secret_key"),
        resolved(session_token, "session_token") if session_token is not None else None,
    )


def _of_profile(environment: Mapping[str, str]) -> Credentials | None:
    """Those of the shared credentials file, where there is one."""
    given = environment.get("AWS_SHARED_CREDENTIALS_FILE")
    path = Path(given or "~/.aws/credentials").expanduser()
    profile = environment.get("AWS_PROFILE")
    if not path.is_file():
        if given or profile:
            raise ConfigError(f"there is no credentials file {path}", remedy="correct AWS_SHARED_CREDENTIALS_FILE")
        return None
    text = read_secret_file(path, key="the credentials file").decode(errors="replace")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        section = parser[profile or "default"]
        return Credentials(
            section["aws_access_key_id"], section["aws_secret_access_key"], section.get("aws_session_token")
        )
    except configparser.Error:
        raise ConfigError(f"{path} cannot be read as a credentials file", remedy="correct it") from None
    except KeyError:
        if profile is None:
            return None
        raise ConfigError(
            f"{path} has no keys for the profile {profile}", remedy="correct AWS_PROFILE, or add the profile"
        ) from None
