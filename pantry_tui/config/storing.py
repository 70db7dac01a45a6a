"""Repositories in object stores: what may be set of one, and how it is reached."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pantry_tui.config.references import check_reference
from pantry_tui.config.settings import RepositorySettings
from pantry_tui.errors import ConfigError
from pantry_tui.models import RepositoryTarget, StoreAccess

_CREDENTIALS = ("access_key", "secret_key", "session_token")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX_PART = re.compile(
    r"[A-Za-z0-9!_.*'()=@:,+-]+", re.ASCII
)  # no sign that an address or a shell would take for another
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


def is_store_url(text: str) -> bool:
    """Whether somebody means an object store and no directory."""
    return "://" in text


def store_location(text: str, *, key: str) -> str:
    """`s3://bucket/prefix` as it is written everywhere. Raises `ConfigError` for what is none."""
    scheme, _, rest = text.partition("://")
    bucket, *parts = rest.rstrip("/").split("/")
    if scheme != "s3":
        raise ConfigError(
            f"{key}: {scheme}:// is no kind of store that this version knows",
            remedy="Give s3://bucket/prefix (other stores speak S3 too: set their endpoint), or a directory.",
        )
    if not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{key}: {bucket!r} is no name of a bucket", remedy="Give s3://bucket/prefix.")
    if any(part in (".", "..") or not _PREFIX_PART.fullmatch(part) for part in parts):
        raise ConfigError(
            f"{key}: {'/'.join(parts)!r} cannot be a prefix",
            remedy="Use letters, digits, hyphen, underscore and dot between single slashes.",
        )
    return f"s3://{'/'.join((bucket, *parts))}"


def check_repository(name: str, settings: RepositorySettings, known: Collection[str], *, file: str) -> None:
    """Raises `ConfigError` for settings that contradict each other, hold a secret, or name no repository."""
    key = f"{file}: repositories.{name}"
    if (settings.path is None) == (settings.url is None):
        raise ConfigError(f"{key} needs a path or a url, one of them", remedy=f"Set {key}.path to a directory.")
    for copy in settings.copy_to:
        if copy not in known or copy == name:
            raise ConfigError(
                f"{key}.copy_to names {copy!r}, which is no other repository",
                remedy=f"Name some of: {', '.join(other for other in known if other != name) or 'none is configured'}.",
            )
    if settings.url is None:
        return _refuse_store_keys(settings, key)
    store_location(settings.url, key=f"{key}.url")
    for field in _CREDENTIALS:
        if (reference := getattr(settings, field)) is not None:
            check_reference(reference, key=f"{key}.{field}", what="key")
    if (settings.access_key is None) != (settings.secret_key is None):
        raise ConfigError(f"{key} needs access_key and secret_key, or none of them", remedy="Set both.")
    if settings.kms_key is not None and not (settings.server_side_encryption or "").startswith("aws:kms"):
        raise ConfigError(f"{key}.kms_key needs a server_side_encryption that uses it", remedy='Set it to "aws:kms".')
    if settings.endpoint is not None:
        check_endpoint(settings.endpoint, allow_http=settings.allow_http, key=f"{key}.endpoint")
    return None


def _refuse_store_keys(settings: RepositorySettings, key: str) -> None:
    plain = RepositorySettings(path=settings.path, copy_to=settings.copy_to, retention_policy=settings.retention_policy)
    if settings == plain:
        return
    given = settings.to_builtins()
    strange = next(field for field, value in plain.to_builtins().items() if given[field] != value)
    raise ConfigError(f"{key}.{strange} is for object stores, and this is a directory", remedy=f"Remove {strange}.")


def check_endpoint(endpoint: str, *, allow_http: bool, key: str) -> None:
    """Raises `ConfigError` for what is no address, or one that sends backups without TLS to another machine."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.query:
        raise ConfigError(f"{key} must be an address like https://store.example:9000", remedy=f"Correct {key}.")
    if parts.scheme == "http" and not allow_http and not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{key} is reached without TLS: whoever listens could read and change backups",
            remedy="Give an https:// address; or set allow_http = true where the network is trusted.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def store_target(
    name: str, location: str, settings: RepositorySettings, environment: Mapping[str, str]
) -> RepositoryTarget:
    """The repository at a URL. Endpoint and region that nothing sets are those of the environment. Raises `ConfigError`."""
    endpoint = settings.endpoint or _first(environment, _ENDPOINT_VARIABLES)
    if endpoint is not None and settings.endpoint is None:
        check_endpoint(endpoint, allow_http=settings.allow_http, key="AWS_ENDPOINT_URL")
    ca_file = str(Path(settings.ca_file).expanduser()) if settings.ca_file is not None else None
    access = StoreAccess(
        endpoint=endpoint,
        region=settings.region or _first(environment, _REGION_VARIABLES),
        path_style=settings.path_style if settings.path_style is not None else endpoint is not None,
        ca_file=ca_file or environment.get("AWS_CA_BUNDLE") or None,
        allow_http=settings.allow_http,
        storage_class=settings.storage_class,
        encryption=settings.server_side_encryption,
        kms_key=settings.kms_key,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        session_token=settings.session_token,
        bytes_per_second=settings.bytes_per_second,
    )
    return RepositoryTarget(name=name, location=location, store=access)


def _first(environment: Mapping[str, str], names: Collection[str]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
