"""One prefix of a bucket: objects that are listed, read, made and removed by their names in it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from pantry_tui.artifact.files import storage_errors
from pantry_tui.config.storing import check_endpoint
from pantry_tui.errors import BackupDamagedError, ConfigError, StorageError, StoreAccessError, StoreUnreachableError
from pantry_tui.models import RepositoryTarget, StoreAccess
from pantry_tui.repository.objects.credentials import find_credentials
from pantry_tui.repository.objects.faults import is_cut, is_stale, is_there_already, store_error

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

T = TypeVar("T")

_ATTEMPTS = 6  # of each request, with growing pauses; a store that is down is reported after some 3 seconds
_RETRY: RetryConfig = {
    "max_retries": _ATTEMPTS - 1,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=15), "base": 2},
}
_PAUSES = (
    0.1,
    0.4,
    1.6,
)  # seconds before a request is made again that the client does not repeat by itself
_NO_KEYS = "no keys were found: set access_key and secret_key of the repository, or AWS_ACCESS_KEY_ID and its secret"
_LISTED = 1000  # objects that one answer of a list has


class Entry(NamedTuple):
    """An object as a list has it."""

    name: str
    size: int
    modified_ns: int
    tag: str  # what changes with the content


class Store:
    """The objects below a repository's prefix. May be used by several threads.

    What is not there is a FileNotFoundError, what stands in the way a FileExistsError; every other fault is a `StorageError`
    that names the object, and holds nothing secret.
    """

    def __init__(
        self, target: RepositoryTarget, access: StoreAccess, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._target = target
        self._access = access
        self._environment = environment
        self._lock = threading.Lock()
        self._client: S3Store | None = None
        self._secrets: tuple[str, ...] = ()
        self.location = target.location

    def where(self, name: str) -> str:
        """What messages call an object."""
        return f"{self.location}/{name}"

    def entries(self, prefix: str) -> Iterator[Entry]:
        """All objects whose name begins with ``prefix``, a whole part of a name. Raises `StorageError`."""

        def listed(client: S3Store) -> list[Entry]:
            pages = obstore.list(client, prefix, chunk_size=_LISTED)
            return [_entry(meta) for page in pages for meta in page]

        try:
            yield from self._ask("listing", prefix, listed)
        except FileNotFoundError:
            raise self._no_bucket("listing", prefix) from None

    def has_any(self, prefix: str, wanted: Callable[[str], bool]) -> bool:
        """Whether the name of any object below ``prefix`` is ``wanted``, by as few lists as it takes. Raises `StorageError`."""

        def looked(client: S3Store) -> bool:
            pages = obstore.list(client, prefix, chunk_size=_LISTED)
            return any(wanted(meta["path"]) for page in pages for meta in page)

        try:
            return self._ask("listing", prefix, looked)
        except FileNotFoundError:
            raise self._no_bucket("listing", prefix) from None

    def folders(self, prefix: str) -> list[str]:
        """The names of what looks like folders directly below ``prefix``. Raises `StorageError`."""
        try:
            found = self._ask("listing", prefix, lambda client: obstore.list_with_delimiter(client, prefix))
        except FileNotFoundError:
            raise self._no_bucket("listing", prefix) from None
        return sorted(folder.rstrip("/").rpartition("/")[2] for folder in found["common_prefixes"])

    def size(self, name: str) -> int:
        """How large an object is. Raises FileNotFoundError, `StorageError`."""
        size: int = self._ask("looking for", name, lambda client: obstore.head(client, name)["size"])
        return size

    def read(self, name: str, *, limit: int) -> bytes:
        """A whole object. Raises FileNotFoundError, `StorageError`, `BackupDamagedError` for one above ``limit``."""

        def got(client: S3Store) -> bytes:
            found = obstore.get(client, name)
            if found.meta["size"] > limit:
                size = found.meta["size"]
                raise BackupDamagedError(f"{self.where(name)} is larger than any such file can be: {size:,} bytes")
            return bytes(found.bytes())

        return self._ask("reading", name, got)

    def read_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes from ``start`` until before ``end``. Raises FileNotFoundError, `StorageError`."""
        return self._ask("reading", name, lambda client: bytes(obstore.get_range(client, name, start=start, end=end)))

    def put_new(self, name: str, data: bytes, *, is_data: bool = False) -> None:
        """Makes an object, whole or not at all, where there is none. Raises FileExistsError, `StorageError`.

        Where the answer to a request was lost it may have been carried out: what is there is compared then.
        """
        storage_class = self._access.storage_class if is_data else None
        attributes = {"Storage-Class": storage_class} if storage_class is not None else None
        asked = 0

        def put(client: S3Store) -> None:
            nonlocal asked
            asked += 1
            obstore.put(client, name, data, mode="create", attributes=attributes)

        try:
            self._ask("writing", name, put, changes=True)
        except FileExistsError:
            if asked == 1 or self.read(name, limit=len(data) + 1) != data:
                raise

    def remove(self, names: Sequence[str]) -> None:
        """Removes objects; those that are gone do no harm. Raises `StorageError`."""
        if names:
            what = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
            paths: str | list[str] = names[0] if len(names) == 1 else list(names)
            self._ask("removing", what, lambda client: obstore.delete(client, paths), changes=True)

    def _ask(self, doing: str, name: str, question: Callable[[S3Store], T], *, changes: bool = False) -> T:
        """An answer of the store; again after a pause where the connection was cut in the middle of a request or an answer.

        Once more with newer credentials, where those at hand have expired. ``changes``: it takes a bucket, and no object.
        """
        renewed, waits = False, iter(_PAUSES)
        while True:
            client: S3Store | None = None
            try:
                client = self._connected()
                return question(client)
            except FileNotFoundError:
                if changes:
                    raise self._no_bucket(doing, name) from None
                raise FileNotFoundError(f"{self.where(name)} is not there") from None
            except BaseError as error:
                if is_there_already(error):
                    raise FileExistsError(f"{self.where(name)} is there already") from None
                if is_stale(error) and not renewed:
                    renewed = True
                    self._forget(client)
                elif is_cut(error) and (pause := next(waits, None)) is not None:
                    time.sleep(pause)
                else:
                    raise self._explained(error, doing, name) from None  # its own words may hold keys

    def _explained(self, error: BaseError, doing: str, name: str) -> StorageError:
        """What to say of a fault; that no keys were found, where nothing but a role of this machine could have served."""
        found = store_error(error, store=self._target.name, doing=f"{doing} {self.where(name)}", secrets=self._secrets)
        if not self._secrets and isinstance(found, StoreAccessError | StoreUnreachableError):
            found.remedy = f"{_NO_KEYS}; {found.remedy}"
        return found

    def _connected(self) -> S3Store:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _no_bucket(self, doing: str, name: str) -> StorageError:
        return StorageError(
            f"{doing} {self.where(name)}: {self._target.name}: there is no such bucket",
            remedy="make it, or correct its name",
        )

    def _forget(self, client: S3Store | None) -> None:
        with self._lock:
            if self._client is client:
                self._client = None

    def _connect(self) -> S3Store:
        found = find_credentials(self._target, self._access, self._environment)
        bucket, _, prefix = self.location.removeprefix("s3://").partition("/")
        config: S3Config = {
            "region": self._access.region or "us-east-1",
            "virtual_hosted_style_request": not self._access.path_style,
            "checksum_algorithm": "SHA256",
            "conditional_put": "etag",
        }
        if self._access.endpoint is not None:
            config["endpoint"] = endpoint_of(self._access.endpoint, bucket, path_style=self._access.path_style)
        if self._access.encryption is not None:
            config["server_side_encryption"] = self._access.encryption
        if self._access.kms_key is not None:
            config["sse_kms_key_id"] = self._access.kms_key
        if found is not None:
            config["access_key_id"], config["secret_access_key"] = found.access_key, found.secret_key
            if found.session_token is not None:
                config["session_token"] = found.session_token
            self._secrets = tuple(filter(None, found))
        options = self._client_options()
        try:
            return S3Store(bucket, prefix=prefix or None, config=config, client_options=options, retry_config=_RETRY)
        except BaseError:
            raise ConfigError(
                f"the store of the repository {self._target.name} cannot be set up",
                remedy="check its endpoint, its region and its ca_file, which must be a certificate in PEM",
            ) from None

    def _client_options(self) -> ClientConfig:
        # A part of 16 MiB must be through in the time, on a slow line too; what stalls is given up before.
        options: ClientConfig = {"timeout": "15min", "read_timeout": "60s", "connect_timeout": "10s"}
        if self._access.endpoint is not None:  # checked again: a request may come from anywhere
            check_endpoint(self._access.endpoint, allow_http=self._access.allow_http, key=self._target.name)
            options["allow_http"] = self._access.endpoint.startswith("http://")
        if self._access.ca_file is not None:
            with storage_errors(self._access.ca_file, "reading the store's certificate authority"):
                options["root_certificate"] = Path(self._access.ca_file).read_bytes()
        return options


def endpoint_of(endpoint: str, bucket: str, *, path_style: bool) -> str:
    """The address that requests go to: obstore puts no bucket into the name of an endpoint's host by itself."""
    scheme, _, host = endpoint.rstrip("/").partition("://")
    return f"{scheme}://{host}" if path_style else f"{scheme}://{bucket}.{host}"


def _entry(meta: obstore.ObjectMeta) -> Entry:
    modified = int(meta["last_modified"].timestamp() * 1000) * 1_000_000
    return Entry(meta["path"], meta["size"], modified, meta["e_tag"] or "")
